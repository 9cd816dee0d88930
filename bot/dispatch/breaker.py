"""The fuse before Discord's own: it bans an address after 10,000 invalid requests in 10 minutes.

Invalid are 401, 403 and 429 (but not a limit that is shared with others). Long before the ban,
progress is given up, and then deliveries wait; what people do is still answered.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from types import SimpleNamespace

import aiohttp

logger = logging.getLogger(__name__)

WINDOW_SECONDS = 600.0
INVALID = frozenset({401, 403, 429})
SPARING_FROM = 500
OPEN_FROM = 2000


class Breaker:
    """Counts invalid requests, and says what must not be asked for the sake of it."""

    def __init__(self, *, sparing_from: int = SPARING_FROM, open_from: int = OPEN_FROM) -> None:
        self._sparing_from = sparing_from
        self._open_from = open_from
        # More than `open_from` need not be remembered to know that it is open.
        self._invalid: deque[float] = deque(maxlen=open_from)
        self._was_open = False

    @property
    def is_sparing(self) -> bool:
        """Whether only what is needed may be sent: no progress."""
        return self._count() >= self._sparing_from

    @property
    def is_open(self) -> bool:
        """Whether nothing may be sent but answers to people."""
        is_open = self._count() >= self._open_from
        if is_open and not self._was_open:
            logger.error(
                "%d invalid requests in %d minutes: deliveries wait, lest Discord bans this"
                " address; see the warnings above for what is refused",
                self._open_from,
                WINDOW_SECONDS // 60,
            )
        self._was_open = is_open
        return is_open

    def count(self, status: int, *, is_shared: bool = False) -> None:
        """Take note of an answer of Discord's."""
        if status in INVALID and not is_shared:
            self._invalid.append(time.monotonic())

    def trace(self) -> aiohttp.TraceConfig:
        """Return what lets an aiohttp session report every answer here."""
        trace = aiohttp.TraceConfig()
        trace.on_request_end.append(self._on_request_end)
        return trace

    async def _on_request_end(
        self,
        _session: aiohttp.ClientSession,
        _context: SimpleNamespace,
        end: aiohttp.TraceRequestEndParams,
    ) -> None:
        is_shared = end.response.headers.get("X-RateLimit-Scope") == "shared"
        self.count(end.response.status, is_shared=is_shared)

    def _count(self) -> int:
        since = time.monotonic() - WINDOW_SECONDS
        while self._invalid and self._invalid[0] < since:
            self._invalid.popleft()
        return len(self._invalid)
