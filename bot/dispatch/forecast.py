"""When each waiting job will be served: the policy, played forward. Pure, no clock, no I/O."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.dispatch.pick import Order, Policy, Seat
from storage import QueuedJob

UNKNOWN_SECONDS = 30.0
"""What a job is taken to last, for the order only, until one like it has been timed."""

Seconds = Callable[[QueuedJob, str], float | None]
"""Estimates how long a job takes on a device; None where nothing is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """A slot, and when it is free."""

    seat: Seat
    device: str
    user_ids: frozenset[int] = frozenset()
    """Whose jobs it draws now."""
    busy_seconds: float | None = 0.0
    """For how long; None where nobody knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a job stands in the queue."""

    job_id: int
    user_id: int
    jobs_ahead: int
    """How many are begun before it; those of its own batch are not."""
    wait_seconds: float | None
    """Until it is begun; None where nothing like what is before it has been timed."""


def forecast(
    queue: Sequence[QueuedJob],
    stations: Sequence[Station],
    *,
    now: datetime,
    policy: Policy,
    seconds: Seconds,
) -> list[Place]:
    """Return the waiting jobs in the order in which the policy will serve them."""
    running = Counter(user_id for station in stations for user_id in station.user_ids)
    order = Order(queue, running=running, policy=policy)
    known = all(station.busy_seconds is not None for station in stations)
    # A number before each station decides between two that are free at the same moment.
    ends = [
        (UNKNOWN_SECONDS if station.busy_seconds is None else station.busy_seconds, index, station)
        for index, station in enumerate(stations)
    ]
    heapq.heapify(ends)
    free: list[Station] = []
    places: list[Place] = []
    while ends and order:
        at, _, station = heapq.heappop(ends)
        order.release(station.user_ids)
        free.append(station)
        while free and (taken := order.take(_seats(free), now + timedelta(seconds=at))):
            jobs, seat = taken
            station = next(one for one in free if one.seat is seat)
            free.remove(station)
            ahead = len(places)
            places += [
                Place(
                    job_id=job.id,
                    user_id=job.user_id,
                    jobs_ahead=ahead,
                    wait_seconds=at if known else None,
                )
                for job in jobs
            ]
            lasts = [seconds(job, station.device) for job in jobs]
            known = known and None not in lasts
            loaded = seat.loaded | {job.model for job in jobs if job.model}
            users = frozenset(job.user_id for job in jobs)
            station = replace(station, user_ids=users, seat=replace(seat, loaded=loaded))
            end = at + sum(UNKNOWN_SECONDS if last is None else last for last in lasts)
            heapq.heappush(ends, (end, len(stations) + len(places), station))
    return places


def _seats(free: Sequence[Station]) -> list[Seat]:
    return [station.seat for station in free]
