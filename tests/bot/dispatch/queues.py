"""Queues and slots as a policy sees them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from bot.dispatch.pick import Order, Policy, Seat
from engine.api import Slot
from storage import QueuedJob

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EVERY_DEVICE = Policy(running_per_user=64)


def job(
    job_id: int,
    *,
    user_id: int = 1,
    model: str = "pocket",
    lane: str = "fast",
    cost: float = 1.0,
    created_at: datetime = NOW,
    virtual_time: float = 0.0,
    virtual_start: float | None = None,
    batch_key: str | None = None,
    pixels: int = 1,
    attempts: int = 0,
) -> QueuedJob:
    return QueuedJob(
        id=job_id,
        user_id=user_id,
        guild_id=None,
        lane=lane,
        compat_key=f"{model}:512x512",
        model=model,
        attempts=attempts,
        created_at=created_at,
        cost=cost,
        virtual_time=virtual_time,
        virtual_start=virtual_start,
        batch_key=batch_key,
        pixels=pixels,
    )


def slot(
    slot_id: str,
    *,
    ready: bool = True,
    loaded: frozenset[str] = frozenset(),
    capacity: int = 0,
) -> Slot:
    return Slot(
        id=slot_id,
        device="cpu",
        device_name="a processor",
        memory_bytes=1,
        ready=ready,
        loaded=loaded,
        capacity_pixels=capacity,
        job_ids=frozenset() if ready else frozenset({99}),
    )


def served(
    queue: Sequence[QueuedJob],
    *,
    policy: Policy = EVERY_DEVICE,
    loaded: frozenset[str] = frozenset(),
) -> list[QueuedJob]:
    """Return the jobs in the order in which one device draws them."""
    order = Order(queue, running={}, policy=policy)
    seat = Seat(slot_id="a", loaded=loaded)
    drawn = []
    while taken := order.take([seat], NOW):
        batch, _ = taken
        drawn += batch
        order.release({one.user_id for one in batch})
        if batch[0].model:
            seat = replace(seat, loaded=frozenset({batch[0].model}))
    return drawn
