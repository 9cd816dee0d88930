"""The policy: which waiting job goes to which free slot. One pure function, no clock, no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.api import Slot
from storage import QueuedJob


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A job and the slot that shall draw it."""

    job_id: int
    slot_id: str


def pick(queue: Sequence[QueuedJob], slots: Sequence[Slot]) -> list[Assignment]:
    """Give each free slot at most one job, the oldest job first.

    A job prefers a slot that holds its model already: loading full-size SDXL takes longer than
    drawing with it. It does not wait for one, so an idle device never stays idle for the sake of
    another device's warmth.
    """
    free = [slot for slot in slots if slot.ready]
    assignments = []
    for job in queue:
        if not free:
            break
        slot = next((slot for slot in free if job.model in slot.loaded), free[0])
        free.remove(slot)
        assignments.append(Assignment(job_id=job.id, slot_id=slot.id))
    return assignments
