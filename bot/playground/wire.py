"""HTTP in and out: bodies with their files, JSON replies, and the record of each exchange."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from aiohttp import BodyPartReader, web

from bot.playground.errors import bad_json, too_large

Payload: TypeAlias = dict[str, Any]

MAX_REQUEST_BYTES = 25 * 1024 * 1024
"""Discord's limit on a whole request."""
_MAX_READ_BYTES = 4 * MAX_REQUEST_BYTES
_FILE_PART = re.compile(r"files\[(\d+)]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file as it was sent."""

    filename: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A request's JSON and its files by their number n of `files[n]`."""

    payload: Any
    files: Mapping[str, Upload]

    @property
    def fields(self) -> Payload:
        """Return the JSON object, empty where there was none."""
        if self.payload is None:
            return {}
        if not isinstance(self.payload, dict):
            raise bad_json()
        return self.payload


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request of the bot with its reply, as observers see it."""

    method: str
    path: str
    """Below `/api/v10`."""
    content_type: str
    request: Any
    """The JSON, of a multipart body its `payload_json`; None without a body."""
    file_count: int
    status: int
    response: Any


def reply(payload: Any = None, *, status: int = 200) -> web.Response:
    """Return JSON whose content type is exactly what discord.py compares with."""
    if payload is None:
        return web.Response(status=204)
    body = json.dumps(payload).encode()
    return web.Response(body=body, status=status, content_type="application/json")


async def read_body(request: web.Request) -> Body:
    """Read JSON, or multipart with `payload_json` and `files[n]`. Raises ApiError."""
    if request.content_type == "multipart/form-data":
        return await _read_multipart(request)
    raw = await request.read()
    if len(raw) > MAX_REQUEST_BYTES:
        raise too_large()
    return Body(payload=_parse(raw) if raw else None, files={})


async def _read_multipart(request: web.Request) -> Body:
    payload: Any = None
    files: dict[str, Upload] = {}
    total = 0
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            raise bad_json()
        data = bytes(await part.read())
        total += len(data)
        if total > _MAX_READ_BYTES:
            raise too_large()
        if part.name == "payload_json":
            payload = _parse(data)
        elif part.name and (match := _FILE_PART.fullmatch(part.name)):
            files[match[1]] = Upload(filename=part.filename or "unknown", data=data)
    if total > MAX_REQUEST_BYTES:
        raise too_large()
    return Body(payload=payload, files=files)


def _parse(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError as error:
        raise bad_json() from error
