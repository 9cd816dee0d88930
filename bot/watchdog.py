"""Watches the event loop: whatever holds it up holds up every acknowledgement, and is named.

A thread asks the loop for a sign of life ten times a second. When none has come for a quarter of a
second, it logs where the loop's thread is at that moment, and later how long it took.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import threading
import time
import traceback
from collections.abc import Iterator

logger = logging.getLogger(__name__)

LIMIT_SECONDS = 0.25
BEAT_SECONDS = 0.1
SHOWN_FRAMES = 3


class Watchdog:
    """Logs event-loop lag above a limit, with what was running."""

    def __init__(self, *, limit_seconds: float = LIMIT_SECONDS) -> None:
        self._limit_seconds = limit_seconds
        self._stopped = threading.Event()
        self._answered = threading.Event()
        self.reported = threading.Event()
        """Set when the loop was held up for longer than the limit."""
        self.worst_seconds = 0.0
        """The longest that the loop was held up."""

    @contextlib.contextmanager
    def watching(self) -> Iterator[Watchdog]:
        """Watch the running loop for as long as the block runs."""
        loop, thread_id = asyncio.get_running_loop(), threading.get_ident()
        watcher = threading.Thread(
            target=self._watch, args=(loop, thread_id), name="watchdog", daemon=True
        )
        watcher.start()
        try:
            yield self
        finally:
            self._stopped.set()
            self._answered.set()

    def _watch(self, loop: asyncio.AbstractEventLoop, thread_id: int) -> None:
        while not self._stopped.wait(BEAT_SECONDS):
            self._answered.clear()
            asked_at = time.monotonic()
            try:
                loop.call_soon_threadsafe(self._answered.set)
            except RuntimeError:  # the loop is closed
                return
            culprit = None
            if not self._answered.wait(self._limit_seconds):
                culprit = _where(thread_id)
                self._answered.wait()
            if self._stopped.is_set():
                return
            lag = time.monotonic() - asked_at
            self.worst_seconds = max(self.worst_seconds, lag)
            if culprit is not None:
                logger.warning("the event loop was held up for %.0f ms in %s", lag * 1000, culprit)
                self.reported.set()


def _where(thread_id: int) -> str:
    """Return what a thread is doing, the innermost call last."""
    frame = sys._current_frames().get(thread_id)  # noqa: SLF001 - the one way to see it
    frames = traceback.extract_stack(frame)[-SHOWN_FRAMES:]
    return " > ".join(f"{one.filename}:{one.lineno} {one.name}" for one in frames)
