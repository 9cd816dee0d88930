"""The channel's time: a clock that tests may skew, timers that follow it, and snowflakes.

Deadlines of the protocol (3 s, 15 min, 24 h) are counted on this clock. Rate limits are not: a
client sleeps them off in real time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

EPOCH_MILLISECONDS = 1_420_070_400_000
"""The first moment of 2015, from which snowflakes count."""


@dataclass(slots=True, eq=False)
class Timer:
    """A call that is due at a moment of the skewable clock."""

    due: float
    callback: Callable[[], None]
    handle: asyncio.TimerHandle | None = None

    def cancel(self) -> None:
        """Forget the call."""
        if self.handle:
            self.handle.cancel()
        self.handle = None


@dataclass(slots=True)
class Clock:
    """Wall-clock seconds plus a skew, with the timers that wait on it."""

    skew_seconds: float = 0.0
    _timers: set[Timer] = field(default_factory=set)
    _increments: count[int] = field(default_factory=count)
    _last_milliseconds: int = 0

    def now(self) -> float:
        """Return the channel's time in seconds since 1970."""
        return time.time() + self.skew_seconds

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass at once: whatever became due meanwhile happens now."""
        self.skew_seconds += seconds
        for timer in sorted(self._timers, key=lambda timer: timer.due):
            if timer in self._timers:  # the ones before may have cancelled it
                timer.cancel()
                self._arm(timer)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` once `seconds` have passed on this clock."""
        timer = Timer(self.now() + seconds, callback)
        self._timers.add(timer)
        self._arm(timer)
        return timer

    def cancel(self, timer: Timer) -> None:
        """Forget one timer."""
        timer.cancel()
        self._timers.discard(timer)

    def _arm(self, timer: Timer) -> None:
        delay = timer.due - self.now()
        if delay <= 0:
            self._fire(timer)
        else:
            timer.handle = asyncio.get_running_loop().call_later(delay, self._fire, timer)

    def _fire(self, timer: Timer) -> None:
        self._timers.discard(timer)
        timer.callback()

    def snowflake(self) -> str:
        """Return a new id: later ids are greater, and hold the time of their making."""
        milliseconds = max(int(self.now() * 1000), self._last_milliseconds)
        self._last_milliseconds = milliseconds
        return str((milliseconds - EPOCH_MILLISECONDS) << 22 | next(self._increments) & 0x3FFFFF)

    def timestamp(self) -> str:
        """Return the time as ISO 8601 in UTC, as payloads carry it."""
        return datetime.fromtimestamp(self.now(), UTC).isoformat()
