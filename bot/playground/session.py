"""The two halves of a gateway session: what outlives a connection, and the connection itself."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections import deque
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from aiohttp import web

from bot.playground.wire import Payload

_REPLAY_EVENTS = 1000


class Op(IntEnum):
    """The gateway's opcodes."""

    DISPATCH = 0
    HEARTBEAT = 1
    IDENTIFY = 2
    PRESENCE = 3
    VOICE_STATE = 4
    RESUME = 6
    RECONNECT = 7
    REQUEST_MEMBERS = 8
    INVALID_SESSION = 9
    HELLO = 10
    HEARTBEAT_ACK = 11


@dataclass(slots=True, kw_only=True, eq=False)
class Session:
    """A sequence of events, of which the last ones can be replayed."""

    id: str
    intents: int
    sequence: int = 0
    connection: Connection | None = None
    left_at: float | None = None
    """When its connection ended, in the clock's seconds."""
    _events: deque[str] = field(default_factory=lambda: deque(maxlen=_REPLAY_EVENTS))

    def dispatch(self, name: str, data: Payload) -> None:
        """Send an event, or keep it for the replay."""
        self.sequence += 1
        text = json.dumps({"op": Op.DISPATCH, "t": name, "s": self.sequence, "d": data})
        self._events.append(text)
        if self.connection:
            self.connection.send_text(text)

    def missed(self, sequence: int) -> list[str] | None:
        """Return the events after a sequence number, None if some are no longer kept."""
        count = self.sequence - sequence
        events = list(self._events)
        return events[len(events) - count :] if count <= len(events) else None


@dataclass(slots=True, eq=False)
class Connection:
    """One websocket: its outgoing frames, compressed where the client asked for it."""

    socket: web.WebSocketResponse
    request: web.Request
    session: Session | None = None
    is_closed_here: bool = False
    _outgoing: asyncio.Queue[str | None] = field(default_factory=asyncio.Queue)
    _deflate: Any = None

    def __post_init__(self) -> None:
        if self.request.query.get("compress") == "zlib-stream":
            self._deflate = zlib.compressobj()

    def send(self, op: Op, data: Any = None) -> None:
        """Queue a frame that is no event."""
        self.send_text(json.dumps({"op": op, "d": data, "s": None, "t": None}))

    def send_text(self, text: str) -> None:
        """Queue a frame as it is."""
        self._outgoing.put_nowait(text)

    def finish(self) -> None:
        """Let the writer end after what is queued."""
        self._outgoing.put_nowait(None)

    async def write(self) -> None:
        """Send what is queued until `finish`, or until the other side is gone."""
        while (text := await self._outgoing.get()) is not None:
            try:
                await self._send_one(text)
            except ConnectionError:
                return

    async def _send_one(self, text: str) -> None:
        if self._deflate is None:
            await self.socket.send_str(text)
        else:
            data = self._deflate.compress(text.encode())
            await self.socket.send_bytes(data + self._deflate.flush(zlib.Z_SYNC_FLUSH))

    async def close(self, code: int, reason: str = "") -> None:
        """Close with a code; the client's echo then ends no session."""
        self.is_closed_here = True
        await self.socket.close(code=code, message=reason.encode())

    def abort(self) -> None:
        """Cut the wire without a word."""
        self.is_closed_here = True
        if self.request.transport:
            self.request.transport.abort()
