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
) -> QueuedJob:
    return QueuedJob(
        id=job_id,
        user_id=user_id,
        guild_id=None,
        lane=lane,
        compat_key=f"{model}:512x512",
        model=model,
        attempts=0,
        created_at=created_at,
        cost=cost,
        virtual_time=virtual_time,
        virtual_start=virtual_start,
    )


def slot(slot_id: str, *, ready: bool = True, loaded: frozenset[str] = frozenset()) -> Slot:
    return Slot(
        id=slot_id,
        device="cpu",
        device_name="a processor",
        memory_bytes=1,
        ready=ready,
        loaded=loaded,
        job_id=None if ready else 99,
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
        drawn.append(taken[0])
        order.release(taken[0].user_id)
        if taken[0].model:
            seat = replace(seat, loaded=frozenset({taken[0].model}))
    return drawn
