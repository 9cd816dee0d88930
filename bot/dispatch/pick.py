"""The policy: which waiting job goes to which free slot. Pure functions, no clock, no I/O.

Users share the devices by start-time fair queueing (Goyal, Vin and Cheng, 1996). Each user has a
virtual time, which passes by cost / weight of the lane with every job that is drawn for them; the
user whose virtual time is least is served next. Who was away is brought up to the present when they
come back (`storage.transitions.arrive`), so nobody can save up, and nobody can be starved: however
much one user has waiting, only their first job competes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from engine.api import Slot
from storage import QueuedJob


class Lane(StrEnum):
    """How urgent a job is. A user's own jobs go in this order, too."""

    TURBO = "turbo"
    FAST = "fast"
    RELAX = "relax"


WEIGHTS = {Lane.TURBO: 8.0, Lane.FAST: 3.0, Lane.RELAX: 1.0}
RANKS = {lane: rank for rank, lane in enumerate(Lane)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What an owner may decide about the order."""

    running_per_user: int = 2
    """How many devices one user may occupy."""
    ageing_seconds: float = 600.0
    """After this wait a job counts as if one usual grid less had been drawn for its user, and no
    other model's warmth may hold it up."""
    warmth: float = 1.0
    """How far, in virtual time, a job may overtake for the sake of a model that is loaded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A job, the slot that shall draw it, and what its user is charged."""

    job_id: int
    slot_id: str
    charge: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A free slot, as far as the order is concerned."""

    slot_id: str
    loaded: frozenset[str]


def charge_of(job: QueuedJob) -> float:
    """Return the virtual time that a job costs its user."""
    return job.cost / WEIGHTS[Lane(job.lane)]


def pick(
    queue: Sequence[QueuedJob],
    slots: Sequence[Slot],
    *,
    running: Mapping[int, int],
    now: datetime,
    policy: Policy,
) -> list[Assignment]:
    """Give each free slot at most one job. `running` counts the jobs that each user has running."""
    order = Order(queue, running=running, policy=policy)
    free = [Seat(slot_id=slot.id, loaded=slot.loaded) for slot in slots if slot.ready]
    assignments = []
    while free and (taken := order.take(free, now)):
        job, seat = taken
        free.remove(seat)
        assignments.append(Assignment(job_id=job.id, slot_id=seat.slot_id, charge=charge_of(job)))
    return assignments


class Order:
    """The queue while it is being served: takes out one job after the other."""

    def __init__(
        self, queue: Sequence[QueuedJob], *, running: Mapping[int, int], policy: Policy
    ) -> None:
        self._policy = policy
        self._running = Counter(running)
        self._times: dict[int, float] = {}
        self._waiting: dict[int, list[QueuedJob]] = {}
        for job in queue:
            self._waiting.setdefault(job.user_id, []).append(job)
            self._times[job.user_id] = job.virtual_time
        for own in self._waiting.values():
            own.sort(key=_own_order, reverse=True)

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def take(self, free: Sequence[Seat], now: datetime) -> tuple[QueuedJob, Seat] | None:
        """Take out the next job for one of these seats. None: no user may have another one."""
        heads = sorted(
            (
                own[-1]
                for user_id, own in self._waiting.items()
                if own and self._running[user_id] < self._policy.running_per_user
            ),
            key=lambda job: self._key(job, now),
        )
        if not heads:
            return None
        job, seat = self._match(heads, free, now)
        self._waiting[job.user_id].pop()
        self._running[job.user_id] += 1
        if job.virtual_start is None:
            self._times[job.user_id] += charge_of(job)
        return job, seat

    def release(self, user_id: int) -> None:
        """Note that one of a user's running jobs has ended."""
        self._running[user_id] -= 1

    def _match(
        self, heads: list[QueuedJob], free: Sequence[Seat], now: datetime
    ) -> tuple[QueuedJob, Seat]:
        """Prefer a warm seat for the first, then whoever may overtake it, then a cold seat.

        Loading a full-size model takes longer than drawing with it. Nobody waits for a busy seat's
        warmth, so no device is idle for the sake of another's.
        """
        first = heads[0]
        bound = self._time(first) + self._policy.warmth
        aged = self._age(first, now) >= 1
        for job in heads:
            if job is not first and (aged or self._time(job) > bound):
                continue
            for seat in free:
                if job.model in seat.loaded:
                    return job, seat
        wanted = Counter(job.model for job in heads if job.model is not None)
        return first, min(free, key=lambda seat: sum(wanted[model] for model in seat.loaded))

    def _key(self, job: QueuedJob, now: datetime) -> tuple[float, int, int]:
        credit = self._age(job, now) / WEIGHTS[Lane.FAST]
        return self._time(job) - credit, RANKS[Lane(job.lane)], job.id

    def _time(self, job: QueuedJob) -> float:
        """Return the virtual time at which a job stands; one that was lost keeps its place."""
        return self._times[job.user_id] if job.virtual_start is None else job.virtual_start

    def _age(self, job: QueuedJob, now: datetime) -> float:
        waited = (now - job.created_at).total_seconds()
        return min(1.0, max(0.0, waited) / self._policy.ageing_seconds)


def _own_order(job: QueuedJob) -> tuple[bool, int, int]:
    return job.virtual_start is None, RANKS[Lane(job.lane)], job.id
