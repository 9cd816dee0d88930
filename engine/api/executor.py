"""Who can carry requests out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import msgspec

from engine.api.events import Event, WorkItem


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """One device that draws one batch at a time."""

    id: str
    device: str
    """torch's name: `cpu`, `cuda:0`, `mps`."""
    device_name: str
    memory_bytes: int
    """Memory of the device (for `cpu`: of the machine)."""
    ready: bool
    """Alive and free to take a batch."""
    loaded: frozenset[str]
    """Models in the device's memory now."""
    capacity_pixels: int
    """How large a batch is worth drawing: the pixels of all its pictures. One job always is."""
    job_ids: frozenset[int]
    """The jobs being drawn."""


class Executor(Protocol):
    """Whoever draws: child processes on this machine, or actors on many. Owns nothing durable."""

    async def start(self) -> None:
        """Start the workers; return when at least one can take a job."""

    async def aclose(self) -> None:
        """Stop the workers. Jobs that are being drawn are lost."""

    def slots(self) -> Sequence[Slot]:
        """Return every slot as it is now."""

    async def submit(self, slot_id: str, items: Sequence[WorkItem]) -> None:
        """Hand a batch to a slot that is `ready`: one job, or several that share a `batch_key`.

        Raises LookupError when the slot is not ready.
        """

    async def cancel(self, job_id: int, *, grace_seconds: float = 10.0) -> None:
        """Ask for a stop at the next step; after the grace, kill the worker.

        The others of its batch are drawn on, or lost with the worker without being suspect. Nothing
        happens for a job that is not being drawn.
        """

    def events(self) -> AsyncIterator[Event]:
        """Yield what happens, in order for each job, until the executor is closed. One reader."""
