"""The policy: which waiting job goes to which free slot. Pure functions, no clock, no I/O.

Users share the devices by start-time fair queueing (Goyal, Vin and Cheng, 1996). Each user has a
virtual time, which passes by cost / weight of the lane with every job that is drawn for them; the
user whose virtual time is least is served next. Who was away is brought up to the present when they
come back (`storage.transitions.arrive`), so nobody can save up, and nobody can be starved: however
much one user has waiting, only their first job competes.

A batch is one job that was chosen in this way, and others that can be drawn with it for little
more. Those come in the same order, are charged in full, and overtake nobody by more than a job may
that finds its model loaded. Nobody waits for a batch to fill: it is made of what waits by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
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
    """How many devices may draw for one user at once."""
    jobs_per_batch: int = 8
    """So many are lost with one worker, whatever its capacity."""
    ageing_seconds: float = 600.0
    """After this wait a job counts as if one usual grid less had been drawn for its user, and no
    other model's warmth may hold it up."""
    warmth: float = 1.0
    """How far, in virtual time, a job may overtake for the sake of a loaded model or a batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A slot, and the jobs that it shall draw as one batch."""

    slot_id: str
    jobs: tuple[QueuedJob, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A free slot, as far as the order is concerned."""

    slot_id: str
    loaded: frozenset[str]
    capacity_pixels: int = 0

    @classmethod
    def of(cls, slot: Slot) -> Seat:
        """Return what the order knows of a slot."""
        return cls(slot_id=slot.id, loaded=slot.loaded, capacity_pixels=slot.capacity_pixels)


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
    """Give each free slot at most one batch. `running` counts the devices that draw for a user."""
    order = Order(queue, running=running, policy=policy)
    free = [Seat.of(slot) for slot in slots if slot.ready]
    assignments = []
    while free and (taken := order.take(free, now)):
        jobs, seat = taken
        free.remove(seat)
        assignments.append(Assignment(slot_id=seat.slot_id, jobs=tuple(jobs)))
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

    def take(self, free: Sequence[Seat], now: datetime) -> tuple[list[QueuedJob], Seat] | None:
        """Take out the next batch for one of these seats. None: no user may have another one.

        Jobs join another only where no seat is left that they could have for themselves.
        """
        heads = self._heads(now)
        if not heads:
            return None
        job, seat = self._match(heads, free, now)
        batch = [self._pop(job)]
        self._running[job.user_id] += 1
        if _room(batch, seat) and (len(free) == 1 or not self._heads(now)):
            while companion := self._companion(batch, seat, now):
                batch.append(self._pop(companion))
                if all(companion.user_id != other.user_id for other in batch[:-1]):
                    self._running[companion.user_id] += 1
        return batch, seat

    def release(self, user_ids: Iterable[int]) -> None:
        """Note that a device no longer draws for these users."""
        self._running.subtract(user_ids)

    def _heads(self, now: datetime, *, aboard: AbstractSet[int] = frozenset()) -> list[QueuedJob]:
        """Return the first job of each user who may have another device, or is `aboard` one."""
        limit = self._policy.running_per_user
        heads = [
            own[-1]
            for user_id, own in self._waiting.items()
            if own and (self._running[user_id] < limit or user_id in aboard)
        ]
        return sorted(heads, key=lambda job: self._key(job, now))

    def _pop(self, job: QueuedJob) -> QueuedJob:
        self._waiting[job.user_id].pop()
        if job.virtual_start is None:
            self._times[job.user_id] += charge_of(job)
        return job

    def _companion(self, batch: Sequence[QueuedJob], seat: Seat, now: datetime) -> QueuedJob | None:
        """Return the next job that can be drawn with these."""
        room = _room(batch, seat)
        if room == 0 or len(batch) == self._policy.jobs_per_batch:
            return None
        heads = self._heads(now, aboard={job.user_id for job in batch})
        for job in self._who_may_go(heads, now):
            is_alike = job.batch_key == batch[0].batch_key and not job.attempts
            if is_alike and job.pixels <= room:
                return job
        return None

    def _match(
        self, heads: list[QueuedJob], free: Sequence[Seat], now: datetime
    ) -> tuple[QueuedJob, Seat]:
        """Prefer a warm seat for the first, then whoever may overtake it, then a cold seat.

        Loading a full-size model takes longer than drawing with it. Nobody waits for a busy seat's
        warmth, so no device is idle for the sake of another's.
        """
        for job in self._who_may_go(heads, now):
            for seat in free:
                if job.model in seat.loaded:
                    return job, seat
        wanted = Counter(job.model for job in heads if job.model is not None)
        return heads[0], min(free, key=lambda seat: sum(wanted[model] for model in seat.loaded))

    def _who_may_go(self, heads: Sequence[QueuedJob], now: datetime) -> Iterator[QueuedJob]:
        """Yield the first, and whoever may overtake it."""
        if not heads:
            return
        first = heads[0]
        bound = self._time(first) + self._policy.warmth
        aged = self._age(first, now) >= 1
        for job in heads:
            if job is first or (not aged and self._time(job) <= bound):
                yield job

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


def _room(batch: Sequence[QueuedJob], seat: Seat) -> int:
    """Return how many pixels more a batch may take."""
    # What was lost may have been why: it is drawn alone from then on.
    if batch[0].batch_key is None or batch[0].attempts:
        return 0
    return max(0, seat.capacity_pixels - sum(job.pixels for job in batch))
