"""Live progress: the newest state of each job on its message, never more than Discord allows.

Drawing never waits for an edit. Each job has at most one edit in flight, edits of one message are
at least `MIN_SECONDS` apart, and a newer state replaces one that was not sent yet. Nothing here
touches the database: progress is what may be lost.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

MIN_SECONDS = 1.5
"""Discord lets a message be edited five times in five seconds; this leaves room for the last one,
which discord.py would otherwise hold back until the window has passed."""

Edit = Callable[[], Awaitable[None]]
"""Sends one edit. Must not raise: nobody is there to hear it."""


@dataclass(slots=True)
class _Line:
    """One job's message: the edit that waits, and the task that sends."""

    latest: Edit | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class ProgressBoard:
    """Shows the latest progress of every job that is being drawn."""

    def __init__(self, *, min_seconds: float = MIN_SECONDS) -> None:
        self._min_seconds = min_seconds
        self._tasks = asyncio.TaskGroup()
        self._lines: dict[int, _Line] = {}

    async def __aenter__(self) -> Self:
        """Open the board: edits are sent from now on."""
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Drop what waits; edits in flight end."""
        for job_id in list(self._lines):
            await self.close(job_id)
        await self._tasks.__aexit__(kind, error, traceback)

    def show(self, job_id: int, edit: Edit) -> None:
        """Make `edit` the next thing that is shown for this job, in place of any that waits."""
        line = self._lines.get(job_id)
        if line is None:
            line = self._lines[job_id] = _Line()
            line.task = self._tasks.create_task(self._send(line), name=f"progress-{job_id}")
        line.latest = edit
        line.changed.set()

    async def close(self, job_id: int) -> None:
        """Drop what waits and let an edit in flight end: it must not land after the result."""
        line = self._lines.pop(job_id, None)
        if line is None or line.task is None:
            return
        line.latest = None
        line.closed.set()
        line.changed.set()
        await asyncio.wait([line.task])

    async def _send(self, line: _Line) -> None:
        while not line.closed.is_set():
            await line.changed.wait()
            line.changed.clear()
            edit, line.latest = line.latest, None
            if edit is None:
                continue
            await edit()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._min_seconds):
                    await line.closed.wait()
