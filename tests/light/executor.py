"""An executor whose workers are real processes that draw squares, quickly."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

from engine.api import Event, Slot, WorkItem
from engine.executors.child import Child

ROOT = Path(__file__).parents[2]


class LightExecutor:
    """Draws squares in a fixed time. An `engine.api.Executor`."""

    def __init__(self, *, seconds: float, slots: int = 1, capacity_pixels: int = 0) -> None:
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._supervision: list[asyncio.Task[None]] = []
        self._cancels: set[asyncio.Task[None]] = set()
        self._children = [
            Child(
                f"light:{index}",
                command=[
                    *(sys.executable, "-m", "tests.light.worker"),
                    *(str(seconds), str(capacity_pixels)),
                ],
                environment=os.environ | {"PYTHONPATH": str(ROOT)},
                emit=self._events.put_nowait,
                first_pause_seconds=0.05,
            )
            for index in range(slots)
        ]

    @classmethod
    @asynccontextmanager
    async def open(
        cls, *, seconds: float, slots: int = 1, capacity_pixels: int = 0
    ) -> AsyncIterator[Self]:
        """Start the workers for as long as the block runs."""
        executor = cls(seconds=seconds, slots=slots, capacity_pixels=capacity_pixels)
        await executor.start()
        try:
            yield executor
        finally:
            await executor.aclose()

    async def start(self) -> None:
        """Start the workers; return when all can take a job."""
        self._supervision = [asyncio.create_task(child.supervise()) for child in self._children]
        await asyncio.gather(*(child.has_settled.wait() for child in self._children))

    async def aclose(self) -> None:
        """Stop the workers."""
        for task in (*self._supervision, *self._cancels):
            task.cancel()
        await asyncio.gather(*self._supervision, return_exceptions=True)
        self._events.put_nowait(None)

    def slots(self) -> Sequence[Slot]:
        """Return every slot as it is now."""
        return [slot for child in self._children if (slot := child.slot()) is not None]

    def pids(self) -> list[int]:
        """Return the process ids of the workers that are alive."""
        return [child.pid for child in self._children if child.pid is not None]

    async def submit(self, slot_id: str, items: Sequence[WorkItem]) -> None:
        """Hand a batch to a slot that is `ready`. Raises LookupError when the slot is not."""
        await next(child for child in self._children if child.slot_id == slot_id).submit(items)

    async def cancel(self, job_id: int, *, grace_seconds: float = 10.0) -> None:
        """Ask for a stop at the next step."""
        for child in self._children:
            if job_id in child.job_ids:
                task = asyncio.create_task(child.cancel(job_id, grace_seconds))
                self._cancels.add(task)
                task.add_done_callback(self._cancels.discard)

    async def events(self) -> AsyncIterator[Event]:
        """Yield what happens until the executor is closed."""
        while (event := await self._events.get()) is not None:
            yield event
