"""Attachments: bytes in memory behind signed URLs that die after a day, as on Discord's CDN."""

from __future__ import annotations

import hashlib
import hmac
import mimetypes
import re
import secrets
import struct
from dataclasses import dataclass, field
from urllib.parse import quote

from bot.playground.clock import Clock
from bot.playground.wire import Payload, Upload

URL_LIFETIME_SECONDS = 24 * 3600
_GRACE_SECONDS = 60.0
_SPOILER = "SPOILER_"


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One stored attachment; height and width are pixels, None where it is no picture."""

    id: str
    channel_id: str
    filename: str
    size_bytes: int
    content_type: str
    description: str | None = None
    width: int | None = None
    height: int | None = None


def picture_size(data: bytes) -> tuple[int, int] | None:
    """Read (width, height) from the first bytes of a PNG, GIF, WebP or JPEG."""
    if data[:8] == b"\x89PNG\r\n\x1a\n" and len(data) >= 24:
        return struct.unpack(">II", data[16:24])
    if data[:4] == b"GIF8" and len(data) >= 10:
        return struct.unpack("<HH", data[6:10])
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP" and len(data) >= 30:
        return _webp_size(data)
    if data[:2] == b"\xff\xd8":
        return _jpeg_size(data)
    return None


def _webp_size(data: bytes) -> tuple[int, int]:
    chunk = data[12:16]
    if chunk == b"VP8X":
        return (
            1 + int.from_bytes(data[24:27], "little"),
            1 + int.from_bytes(data[27:30], "little"),
        )
    if chunk == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack("<HH", data[26:30])
    return width & 0x3FFF, height & 0x3FFF


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None


def safe_name(filename: str) -> str:
    """Return a name as Discord keeps it: letters, digits, dots, dashes and underscores."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", filename).strip(".") or "file"


@dataclass(slots=True, kw_only=True)
class FileStore:
    """All attachments of the channel, and the key that signs their URLs."""

    clock: Clock
    base_url: str = ""
    max_stored_bytes: int = 512 * 1024 * 1024
    """All is in memory: beyond this the oldest attachments are forgotten."""
    _files: dict[str, tuple[File, bytes]] = field(default_factory=dict)
    _stored_bytes: int = 0
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    def add(self, upload: Upload, *, channel_id: str, description: str | None = None) -> File:
        """Keep an upload and return it as an attachment."""
        filename = safe_name(upload.filename)
        size = picture_size(upload.data)
        file = File(
            id=self.clock.snowflake(),
            channel_id=channel_id,
            filename=filename,
            size_bytes=len(upload.data),
            content_type=mimetypes.guess_type(filename)[0] or "application/octet-stream",
            description=description,
            width=size[0] if size else None,
            height=size[1] if size else None,
        )
        # The bytes lie here only: who still holds the record of a forgotten file holds little.
        self._files[file.id] = file, upload.data
        self._stored_bytes += file.size_bytes
        while self._stored_bytes > self.max_stored_bytes:
            self._forget(next(iter(self._files)))
        return file

    def get(self, file_id: str) -> File | None:
        """Return an attachment by its id."""
        return self._files[file_id][0] if file_id in self._files else None

    def read(self, file: File) -> bytes:
        """Return an attachment's bytes."""
        return self._files[file.id][1]

    def discard(self, file: File, *, after_seconds: float = _GRACE_SECONDS) -> None:
        """Forget an attachment that nothing shows any longer, once nobody still fetches it."""
        self.clock.call_later(after_seconds, lambda: self._forget(file.id))

    def _forget(self, file_id: str) -> None:
        if file_id in self._files:
            file, _data = self._files.pop(file_id)
            self._stored_bytes -= file.size_bytes

    def url(self, file: File) -> str:
        """Return the file's address, signed anew: good for a day from now."""
        now = int(self.clock.now())
        path = f"/attachments/{file.channel_id}/{file.id}/{quote(file.filename)}"
        expiry, issue = f"{now + URL_LIFETIME_SECONDS:x}", f"{now:x}"
        signature = self._sign(path, expiry, issue)
        return f"{self.base_url}{path}?ex={expiry}&is={issue}&hm={signature}&"

    def open(self, path: str, *, expiry: str, issue: str, signature: str) -> File | None:
        """Return the file behind a signed address, or None once it is dead or was made up."""
        right = self._sign(path, expiry, issue)
        if not hmac.compare_digest(right.encode(), signature.encode()):
            return None
        if int(expiry, 16) < self.clock.now():
            return None
        return self.get(path.split("/")[3])

    def payload(self, file: File, *, ephemeral: bool = False) -> Payload:
        """Return the attachment as messages carry it."""
        url = self.url(file)
        payload: Payload = {
            "id": file.id,
            "filename": file.filename,
            "size": file.size_bytes,
            "url": url,
            "proxy_url": url,
            "content_type": file.content_type,
        }
        optional = {"width": file.width, "height": file.height, "description": file.description}
        payload |= {key: value for key, value in optional.items() if value is not None}
        if ephemeral:
            payload["ephemeral"] = True
        if file.filename.startswith(_SPOILER):
            payload["flags"] = 1 << 3
        return payload

    def _sign(self, path: str, expiry: str, issue: str) -> str:
        text = f"{path}|{expiry}|{issue}".encode()
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()
