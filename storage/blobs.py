"""The bytes of pictures, filed under their own sha256: a folder, or an object store by URL.

The same bytes are stored once, whoever drew them. Does not know which picture or job they belong
to, nor when they may be deleted: that is `orphans`. A blob that is set aside is still given back
by `get`, so that nobody loses one who asks for it again meanwhile.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import LocalStore, ObjectStore, from_url

from storage.errors import BlobCorruptError, BlobListError, BlobMissingError, BlobStoreError

FAILURES = (BaseError, OSError)
_MISSING = (NotFoundError, FileNotFoundError)
_EXTENSIONS = {"image/png": "png", "image/webp": "webp", "image/jpeg": "jpg"}
_SHA256 = re.compile(r"[0-9a-f]{64}")
_KEPT, _ASIDE = "img", "aside"
_PAGE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBlob:
    """A blob as a listing has it."""

    sha256: str
    stored_at: datetime
    """When its bytes were last written to where they are."""


class Blobs:
    """A content-addressed store. Keys are `img/{sha256[:2]}/{sha256}.{extension}`.

    What is set aside lies under `aside/` in the same way.
    """

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
        # Overwriting is atomic, and heals a blob that a power cut left half written.
        await self._write(sha256, _key(_KEPT, sha256, media_type), data, media_type)
        return sha256

    async def get(self, sha256: str) -> bytes:
        """Return the bytes.

        Raises BlobMissingError, BlobCorruptError when they changed, and BlobStoreError.
        """
        for key in _everywhere(sha256):
            found = await self._read(sha256, key)
            if found is None:
                continue
            if hashlib.sha256(found.data).hexdigest() != sha256:
                raise BlobCorruptError(sha256)
            return found.data
        raise BlobMissingError(sha256)

    async def exists(self, sha256: str) -> bool:
        """Say whether there is such a blob, without reading it."""
        for key in _everywhere(sha256):
            try:
                await obstore.head_async(self._store, key)
            except _MISSING:
                continue
            return True
        return False

    async def delete(self, sha256: str) -> None:
        """Delete the bytes, wherever they are. Raises BlobStoreError."""
        for area in (_KEPT, _ASIDE):
            for key in _keys(area, sha256):
                await self._delete(sha256, key)

    # What `orphans` needs.

    def kept(self) -> AsyncIterator[list[StoredBlob]]:
        """Yield every blob that is not set aside, a page at a time. Raises BlobListError."""
        return self._pages(_KEPT)

    def aside(self) -> AsyncIterator[list[StoredBlob]]:
        """Yield every blob that is set aside, in the same way."""
        return self._pages(_ASIDE)

    async def set_aside(self, blob: StoredBlob) -> bool:
        """Move a blob to where `get` still finds it. False: it was put again, or is gone.

        Raises BlobStoreError.
        """
        return await self._move(blob.sha256, _KEPT, _ASIDE, unless_after=blob.stored_at)

    async def put_back(self, sha256: str) -> None:
        """Move a blob back, if it is set aside. Raises BlobStoreError."""
        await self._move(sha256, _ASIDE, _KEPT)

    async def drop_aside(self, sha256: str) -> None:
        """Delete what was set aside, and not what was put since. Raises BlobStoreError."""
        for key in _keys(_ASIDE, sha256):
            await self._delete(sha256, key)

    async def _move(
        self, sha256: str, source: str, target: str, *, unless_after: datetime | None = None
    ) -> bool:
        has_moved = False
        for media_type in _EXTENSIONS:
            key = _key(source, sha256, media_type)
            found = await self._read(sha256, key)
            if found is None or (unless_after and found.stored_at > unless_after):
                continue
            # There twice rather than nowhere. Written anew, so that its age begins again.
            await self._write(sha256, _key(target, sha256, media_type), found.data, media_type)
            await self._delete(sha256, key)
            has_moved = True
        return has_moved

    async def _pages(self, area: str) -> AsyncIterator[list[StoredBlob]]:
        try:
            async for page in obstore.list(self._store, prefix=area, chunk_size=_PAGE):
                named = [(Path(meta["path"]).stem, meta["last_modified"]) for meta in page]
                yield [
                    StoredBlob(sha256=name, stored_at=stored_at)
                    for name, stored_at in named
                    if _SHA256.fullmatch(name)
                ]
        except FAILURES as error:
            raise BlobListError(str(error)) from error

    async def _read(self, sha256: str, key: str) -> _Found | None:
        try:
            found = await obstore.get_async(self._store, key)
            data = bytes(await found.bytes_async())
        except _MISSING:
            return None
        except FAILURES as error:
            raise BlobStoreError(sha256, str(error)) from error
        return _Found(data=data, stored_at=found.meta["last_modified"])

    async def _write(self, sha256: str, key: str, data: bytes, media_type: str) -> None:
        # A local folder has no place for attributes and refuses them.
        local = isinstance(self._store, LocalStore)
        attributes = None if local else {"Content-Type": media_type}
        try:
            await obstore.put_async(self._store, key, data, attributes=attributes)
        except FAILURES as error:
            raise BlobStoreError(sha256, str(error)) from error

    async def _delete(self, sha256: str, key: str) -> None:
        try:
            await obstore.delete_async(self._store, key)
        except _MISSING:
            return
        except FAILURES as error:
            raise BlobStoreError(sha256, str(error)) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    data: bytes
    stored_at: datetime


def _key(area: str, sha256: str, media_type: str) -> str:
    return f"{area}/{sha256[:2]}/{sha256}.{_EXTENSIONS[media_type]}"


def _keys(area: str, sha256: str) -> list[str]:
    """Return where a blob may lie, the likeliest first."""
    if not _SHA256.fullmatch(sha256):
        raise ValueError(f"sha256: {sha256[:80]!r} is not 64 lower-case hexadecimal digits")
    return [_key(area, sha256, media_type) for media_type in _EXTENSIONS]


def _everywhere(sha256: str) -> list[str]:
    # The first place once more: between the two looks the blob may have been put back.
    kept = _keys(_KEPT, sha256)
    return [*kept, *_keys(_ASIDE, sha256), *kept]
