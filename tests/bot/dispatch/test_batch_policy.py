"""Which jobs are drawn together, as claims over queues and slots."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.dispatch.forecast import Station, forecast
from bot.dispatch.pick import WEIGHTS, Lane, Policy, Seat, pick
from engine.api import Slot
from storage import QueuedJob
from tests.bot.dispatch.queues import EVERY_DEVICE, NOW, job, slot


def batches(
    queue: Sequence[QueuedJob],
    slots: Sequence[Slot],
    *,
    running: Mapping[int, int] | None = None,
    policy: Policy = EVERY_DEVICE,
) -> list[tuple[str, list[int]]]:
    found = pick(queue, slots, running=running or {}, now=NOW, policy=policy)
    return [(one.slot_id, [drawn.id for drawn in one.jobs]) for one in found]


def alike(job_id: int, *, user_id: int = 1, **fields: object) -> QueuedJob:
    return job(job_id, user_id=user_id, batch_key="k", **fields)  # type: ignore[arg-type]


def test_jobs_of_one_key_share_a_slot_up_to_its_capacity() -> None:
    queue = [alike(1, pixels=2), alike(2, pixels=2), alike(3, pixels=2)]
    assert batches(queue, [slot("a", capacity=5)]) == [("a", [1, 2])]


def test_a_job_larger_than_the_capacity_is_drawn_alone() -> None:
    assert batches([alike(1, pixels=9), alike(2)], [slot("a", capacity=5)]) == [("a", [1])]


def test_other_keys_and_none_are_no_company() -> None:
    queue = [alike(1), job(2, user_id=2, batch_key="other"), job(3, user_id=3)]
    assert batches(queue, [slot("a", capacity=9)]) == [("a", [1])]
    assert batches([job(1), job(2)], [slot("a", capacity=9)]) == [("a", [1])]


def test_a_free_device_is_better_than_company() -> None:
    queue = [alike(1), alike(2, user_id=2), alike(3, user_id=3)]
    slots = [slot("a", capacity=9), slot("b", capacity=9)]
    assert batches(queue, slots) == [("a", [1]), ("b", [2, 3])]


def test_company_on_a_device_of_ones_own_is_no_further_device() -> None:
    policy = Policy(running_per_user=1)
    queue = [alike(1), alike(2), alike(3, user_id=2)]
    assert batches(queue, [slot("a", capacity=9)], policy=policy) == [("a", [1, 3, 2])]
    assert batches(queue, [slot("a", capacity=9)], running={1: 1}, policy=policy) == [("a", [3])]


def test_what_was_lost_is_drawn_alone_from_then_on() -> None:
    queue = [alike(1, attempts=1, virtual_start=0.0), alike(2, user_id=2), alike(3, user_id=3)]
    assert batches(queue, [slot("a", capacity=9)]) == [("a", [1])]
    assert batches(queue[1:] + queue[:1], [slot("a", capacity=9)]) == [("a", [1])]
    suspect = alike(4, user_id=4, attempts=2, virtual_time=5.0, virtual_start=5.0)
    assert batches([*queue[1:], suspect], [slot("a", capacity=9)]) == [("a", [2, 3])]


def test_nobody_is_overtaken_by_company_further_than_by_warmth() -> None:
    other = job(2, user_id=2, batch_key="other", virtual_time=0.2)
    near = alike(3, user_id=3, virtual_time=1.0)
    far = alike(4, user_id=4, virtual_time=1.3)
    assert batches([alike(1), other, near, far], [slot("a", capacity=9)]) == [("a", [1, 3])]
    long_ago = NOW - timedelta(seconds=EVERY_DEVICE.ageing_seconds)
    waited = job(2, user_id=2, batch_key="other", virtual_time=0.2, created_at=long_ago)
    first = alike(1, created_at=long_ago)
    assert batches([first, waited, near], [slot("a", capacity=9)]) == [("a", [1])]


def test_a_batch_is_foretold_as_one_beginning_and_the_time_of_all() -> None:
    seat = Seat(slot_id="a", loaded=frozenset(), capacity_pixels=2)
    queue = [alike(number, user_id=number) for number in range(1, 6)]
    places = forecast(
        queue,
        [Station(seat=seat, device="cpu")],
        now=NOW,
        policy=EVERY_DEVICE,
        seconds=lambda _job, _device: 10.0,
    )
    told = [(place.jobs_ahead, place.wait_seconds) for place in places]
    assert told == [(0, 0.0), (0, 0.0), (2, 20.0), (2, 20.0), (4, 40.0)]


JOBS = st.builds(
    lambda number, user_id, lane, tenths, key, pixels, attempts: job(
        number,
        user_id=user_id,
        lane=lane,
        cost=tenths / 10,
        batch_key=key,
        pixels=pixels,
        attempts=attempts,
    ),
    st.integers(1, 10_000),
    st.integers(1, 6),
    st.sampled_from(list(Lane)),
    st.integers(1, 50),
    st.sampled_from(["k", "other", None]),
    st.integers(1, 8),
    st.sampled_from([0, 0, 0, 1]),
)
QUEUES = st.lists(JOBS, max_size=40, unique_by=lambda one: one.id)


@given(
    QUEUES,
    st.lists(st.tuples(st.booleans(), st.integers(0, 24)), max_size=4),
    st.dictionaries(st.integers(1, 6), st.integers(0, 3)),
    st.integers(1, 3),
)
def test_a_batch_shares_one_key_fits_its_slot_and_keeps_the_caps(
    queue: list[QueuedJob],
    slots: list[tuple[bool, int]],
    running: dict[int, int],
    cap: int,
) -> None:
    policy = Policy(running_per_user=cap, jobs_per_batch=4)
    seats = [
        slot(str(index), ready=ready, capacity=capacity)
        for index, (ready, capacity) in enumerate(slots)
    ]
    found = pick(queue, seats, running=running, now=NOW, policy=policy)
    drawn = [one.id for assignment in found for one in assignment.jobs]
    assert len(drawn) == len(set(drawn))
    devices = Counter(running)
    for assignment in found:
        jobs = assignment.jobs
        devices.update({one.user_id for one in jobs})
        if len(jobs) > 1:
            assert {one.batch_key for one in jobs} in ({"k"}, {"other"})
            assert sum(one.pixels for one in jobs) <= slots[int(assignment.slot_id)][1]
            assert not any(one.attempts for one in jobs)
            assert len(jobs) <= 4
    begun = {one.user_id for assignment in found for one in assignment.jobs}
    assert all(devices[user_id] <= cap for user_id in begun)


@given(QUEUES, st.integers(0, 24))
def test_company_never_makes_a_user_run_far_ahead(queue: list[QueuedJob], capacity: int) -> None:
    """Whoever is served has had at most one job, and the warmth, more than the first who waits."""
    found = pick(queue, [slot("a", capacity=capacity)], running={}, now=NOW, policy=EVERY_DEVICE)
    times = {one.user_id: 0.0 for one in queue}
    left = {one.id: one for one in queue}
    for assignment in found:
        for one in assignment.jobs:
            waiting = [times[other.user_id] for other in left.values()]
            assert times[one.user_id] <= min(waiting) + EVERY_DEVICE.warmth + 1e-9
            times[one.user_id] += one.cost / WEIGHTS[Lane(one.lane)]
            del left[one.id]


@pytest.mark.parametrize("capacity", [0, 4, 64])
def test_a_whole_queue_is_served_once_in_any_batches(capacity: int) -> None:
    queue = [alike(number, user_id=number % 3) for number in range(1, 20)]
    drawn: list[int] = []
    while queue:
        (assignment,) = pick(
            queue, [slot("a", capacity=capacity)], running={}, now=NOW, policy=EVERY_DEVICE
        )
        ids = {one.id for one in assignment.jobs}
        drawn += ids
        queue = [one for one in queue if one.id not in ids]
    assert sorted(drawn) == list(range(1, 20))
