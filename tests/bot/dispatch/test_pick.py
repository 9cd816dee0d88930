"""The policy, as a table of claims over queues and slots."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.dispatch.pick import WEIGHTS, Lane, Policy, pick
from engine.api import Slot
from storage import QueuedJob
from tests.bot.dispatch.queues import EVERY_DEVICE, NOW, job, served, slot


def picked(
    queue: Sequence[QueuedJob],
    slots: Sequence[Slot],
    *,
    running: Mapping[int, int] | None = None,
    policy: Policy = EVERY_DEVICE,
) -> list[tuple[int, str]]:
    found = pick(queue, slots, running=running or {}, now=NOW, policy=policy)
    return [(one.id, assignment.slot_id) for assignment in found for one in assignment.jobs]


def test_the_oldest_job_goes_first() -> None:
    assert picked([job(1), job(2)], [slot("a")]) == [(1, "a")]


def test_a_busy_slot_gets_nothing() -> None:
    assert picked([job(1)], [slot("a", ready=False)]) == []


def test_no_slot_gets_two_jobs() -> None:
    assert picked([job(1), job(2), job(3)], [slot("a"), slot("b")]) == [(1, "a"), (2, "b")]


def test_an_empty_queue_is_no_work() -> None:
    assert picked([], [slot("a")]) == []


def test_a_job_prefers_the_slot_that_holds_its_model() -> None:
    slots = [slot("cold"), slot("warm", loaded=frozenset({"sdxl"}))]
    assert picked([job(1, model="sdxl")], slots) == [(1, "warm")]


def test_a_job_does_not_wait_for_a_warm_slot() -> None:
    slots = [slot("cold"), slot("warm", ready=False, loaded=frozenset({"sdxl"}))]
    assert picked([job(1, model="sdxl")], slots) == [(1, "cold")]


def test_a_slot_keeps_its_model_while_somebody_near_wants_it() -> None:
    queue = [job(1, user_id=1, model="other"), job(2, user_id=2, model="sdxl")]
    assert picked(queue, [slot("a", loaded=frozenset({"sdxl"}))]) == [(2, "a")]


def test_whoever_waited_too_long_is_not_overtaken_for_a_warm_model() -> None:
    long_ago = NOW - timedelta(seconds=EVERY_DEVICE.ageing_seconds)
    queue = [
        job(1, user_id=1, model="other", created_at=long_ago),
        job(2, user_id=2, model="sdxl"),
    ]
    assert picked(queue, [slot("a", loaded=frozenset({"sdxl"}))]) == [(1, "a")]


def test_a_cold_job_takes_the_slot_whose_model_is_wanted_least() -> None:
    slots = [slot("wanted", loaded=frozenset({"sdxl"})), slot("idle", loaded=frozenset({"old"}))]
    queue = [job(1, user_id=1, model="new"), job(2, user_id=2, model="sdxl", virtual_time=5)]
    assert picked(queue, slots) == [(1, "idle"), (2, "wanted")]


def test_nobody_occupies_more_devices_than_they_may() -> None:
    queue = [job(number) for number in range(1, 6)]
    policy = Policy(running_per_user=2)
    assert picked(queue, [slot("a"), slot("b"), slot("c")], policy=policy) == [(1, "a"), (2, "b")]
    assert picked(queue, [slot("c")], running={1: 2}, policy=policy) == []


def test_a_job_that_was_lost_keeps_its_place() -> None:
    queue = [job(1, user_id=1, virtual_time=9, virtual_start=1), job(2, user_id=2, virtual_time=3)]
    assert picked(queue, [slot("a")]) == [(1, "a")]


def test_a_users_own_jobs_go_in_the_order_of_their_lanes() -> None:
    queue = [job(1, lane="relax"), job(2, lane="fast"), job(3, lane="turbo")]
    assert [one.id for one in served(queue)] == [3, 2, 1]


def test_users_take_turns_however_much_one_has_waiting() -> None:
    flood = [job(number, user_id=1) for number in range(1, 61)]
    guests = [job(100 + number, user_id=2 + number % 10) for number in range(20)]
    order = [one.user_id for one in served([*flood, *guests])]
    last_guest = max(place for place, user_id in enumerate(order) if user_id != 1)
    assert last_guest < 2 * 11


@pytest.mark.parametrize("lane", list(Lane))
def test_a_lane_gets_its_weight(lane: Lane) -> None:
    queue = [job(number, user_id=1, lane=lane) for number in range(1, 200)]
    queue += [job(200 + number, user_id=2, lane="relax") for number in range(200)]
    first = Counter(one.user_id for one in served(queue)[:90])
    assert first[1] / first[2] == pytest.approx(WEIGHTS[lane], rel=0.15)


JOBS = st.builds(
    lambda user_id, lane, tenths, model: (user_id, lane, tenths / 10, model),
    st.integers(1, 6),
    st.sampled_from(list(Lane)),
    st.integers(1, 50),
    st.sampled_from(["pocket", "sdxl"]),
)


def queue_of(rows: Sequence[tuple[int, str, float, str]]) -> list[QueuedJob]:
    return [
        job(number, user_id=user_id, lane=lane, cost=cost, model=model)
        for number, (user_id, lane, cost, model) in enumerate(rows, start=1)
    ]


@given(st.lists(JOBS, max_size=40))
def test_every_job_is_served_once(rows: list[tuple[int, str, float, str]]) -> None:
    queue = queue_of(rows)
    assert sorted(one.id for one in served(queue)) == [one.id for one in queue]


@given(st.lists(JOBS, max_size=60))
def test_nobody_gets_further_ahead_than_one_job(
    rows: list[tuple[int, str, float, str]],
) -> None:
    queue = queue_of([(user_id, lane, cost, "pocket") for user_id, lane, cost, _ in rows])
    waiting = Counter(one.user_id for one in queue)
    times = dict.fromkeys(waiting, 0.0)
    largest = max((one.cost / WEIGHTS[Lane(one.lane)] for one in queue), default=0.0)
    for one in served(queue):
        waiting[one.user_id] -= 1
        times[one.user_id] += one.cost / WEIGHTS[Lane(one.lane)]
        backlogged = [times[user_id] for user_id, count in waiting.items() if count]
        if backlogged:
            # Whoever has had the most is at most one job ahead of whoever still waits.
            assert max(times.values()) - min(backlogged) <= largest + 1e-9


@given(
    st.lists(JOBS, max_size=40),
    st.lists(st.booleans(), max_size=6),
    st.dictionaries(st.integers(1, 6), st.integers(0, 4)),
    st.integers(1, 3),
)
def test_the_caps_hold_and_no_slot_idles_for_nothing(
    rows: list[tuple[int, str, float, str]],
    ready: list[bool],
    running: dict[int, int],
    cap: int,
) -> None:
    queue = queue_of(rows)
    slots = [slot(str(number), ready=one) for number, one in enumerate(ready)]
    found = pick(queue, slots, running=running, now=NOW, policy=Policy(running_per_user=cap))
    drawn = [one for assignment in found for one in assignment.jobs]
    begun = Counter(one.user_id for one in drawn)
    for user_id, count in begun.items():
        assert running.get(user_id, 0) + count <= cap
    assert len({assignment.slot_id for assignment in found}) == len(found)
    assert all(ready[int(assignment.slot_id)] for assignment in found)
    if len(found) < sum(ready):
        left = {one.user_id for one in queue if one not in drawn}
        assert all(running.get(user_id, 0) + begun[user_id] >= cap for user_id in left)
