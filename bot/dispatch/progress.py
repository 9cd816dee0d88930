"""Live progress: the newest state of each job on its message, never more than Discord allows.

Drawing never waits for an edit. Each job has at most one edit in flight, edits of one message are
at least `MIN_SECONDS` apart, and a newer state replaces one that was not sent yet. Nothing here
touches the database: progress is what may be lost.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

MIN_SECONDS = 1.5
"""Discord lets a message be edited five times in five seconds; this leaves room for the last one,
which discord.py would otherwise hold back until the window has passed."""

CLOSED_REMEMBERED = 1000
"""So many jobs after its end, nobody still has an old state of a job at hand."""

Edit = Callable[[], Awaitable[None]]
"""Sends one edit. Must not raise: nobody is there to hear it."""


@dataclass(slots=True)
class _Line:
    """One job's message: the edit that waits, and the task that sends."""

    latest: Edit | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    """Nothing waits and nothing is in flight."""


class ProgressBoard:
    """Shows the latest progress of every job that is being drawn."""

    def __init__(self, *, min_seconds: float = MIN_SECONDS) -> None:
        self._min_seconds = min_seconds
        self._tasks = asyncio.TaskGroup()
        self._lines: dict[int, _Line] = {}
        self._closed: deque[int] = deque(maxlen=CLOSED_REMEMBERED)

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
        """Make `edit` the next thing that is shown for this job, in place of any that waits.

        Nothing is shown of a job that was closed.
        """
        if job_id in self._closed:
            return
        line = self._lines.get(job_id)
        if line is None:
            line = self._lines[job_id] = _Line()
            line.task = self._tasks.create_task(self._send(line), name=f"progress-{job_id}")
        line.latest = edit
        line.settled.clear()
        line.changed.set()

    async def settled(self, job_id: int) -> None:
        """Wait until what was to be shown of a job was sent or dropped."""
        if line := self._lines.get(job_id):
            await line.settled.wait()

    async def close(self, job_id: int) -> None:
        """Drop what waits and let an edit in flight end: it must not land after the result."""
        self._closed.append(job_id)
        line = self._lines.pop(job_id, None)
        if line is None or line.task is None:
            return
        line.latest = None
        line.closed.set()
        line.settled.set()
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
            if line.latest is None:
                line.settled.set()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._min_seconds):
                    await line.closed.wait()
