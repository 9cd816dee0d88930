"""The bytes of pictures, filed under their own sha256: a folder, or an object store by URL.

The same bytes are stored once, whoever drew them. Does not know which picture or job they belong
to, nor when they may be deleted.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import LocalStore, ObjectStore, from_url

from storage.errors import BlobCorruptError, BlobMissingError, BlobStoreError

FAILURES = (BaseError, OSError)
_EXTENSIONS = {"image/png": "png", "image/webp": "webp", "image/jpeg": "jpg"}
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Blobs:
    """A content-addressed store. Keys are `img/{sha256[:2]}/{sha256}.{extension}`."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    @classmethod
    def open(cls, location: str | Path) -> Blobs:
        """Use a folder, which is made if need be, or a URL: s3://, gs://, az://, memory:///."""
        if "://" in str(location):
            return cls(from_url(str(location)))
        return cls(LocalStore(Path(location).absolute(), mkdir=True))

    async def put(self, data: bytes, media_type: str) -> str:
        """Store bytes and return their sha256. Doing it again changes nothing.

        `media_type` is image/png, image/webp or image/jpeg; ValueError for any other. Raises
        BlobStoreError.
        """
        if media_type not in _EXTENSIONS:
            raise ValueError(f"media_type: {media_type!r} is none of {', '.join(_EXTENSIONS)}")
        sha256 = hashlib.sha256(data).hexdigest()
        # A local folder has no place for attributes and refuses them.
        local = isinstance(self._store, LocalStore)
        attributes = None if local else {"Content-Type": media_type}
        # Overwriting is atomic, and heals a blob that a power cut left half written.
        key = _key(sha256, _EXTENSIONS[media_type])
        try:
            await obstore.put_async(self._store, key, data, attributes=attributes)
        except FAILURES as error:
            raise BlobStoreError(sha256, str(error)) from error
        return sha256

    async def get(self, sha256: str) -> bytes:
        """Return the bytes.

        Raises BlobMissingError, BlobCorruptError when they changed, and BlobStoreError.
        """
        for key in _keys(sha256):
            try:
                found = await obstore.get_async(self._store, key)
                data = bytes(await found.bytes_async())
            except (NotFoundError, FileNotFoundError):
                continue
            except FAILURES as error:
                raise BlobStoreError(sha256, str(error)) from error
            if hashlib.sha256(data).hexdigest() != sha256:
                raise BlobCorruptError(sha256)
            return data
        raise BlobMissingError(sha256)

    async def exists(self, sha256: str) -> bool:
        """Say whether there is such a blob, without reading it."""
        for key in _keys(sha256):
            try:
                await obstore.head_async(self._store, key)
            except (NotFoundError, FileNotFoundError):
                continue
            return True
        return False

    async def delete(self, sha256: str) -> None:
        """Delete the bytes, if they are there."""
        for key in _keys(sha256):
            try:
                await obstore.delete_async(self._store, key)
            except (NotFoundError, FileNotFoundError):
                continue


def _key(sha256: str, extension: str) -> str:
    return f"img/{sha256[:2]}/{sha256}.{extension}"


def _keys(sha256: str) -> list[str]:
    """Return where a blob may lie, the likeliest first."""
    if not _SHA256.fullmatch(sha256):
        raise ValueError(f"sha256: {sha256[:80]!r} is not 64 lower-case hexadecimal digits")
    return [_key(sha256, extension) for extension in _EXTENSIONS.values()]
