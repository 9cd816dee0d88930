"""The place in the queue and the time left are what then happens."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.dispatch.forecast import Place, Station, forecast
from bot.dispatch.pace import Pace
from bot.dispatch.pick import Policy, Seat
from storage import QueuedJob, TimedJob
from tests.bot.dispatch.queues import EVERY_DEVICE, NOW, job, served


def station(name: str = "a", *, busy: float | None = 0.0, user_id: int | None = None) -> Station:
    seat = Seat(slot_id=name, loaded=frozenset())
    users = frozenset() if user_id is None else frozenset({user_id})
    return Station(seat=seat, device="cpu", user_ids=users, busy_seconds=busy)


def places(
    queue: list[QueuedJob],
    stations: list[Station],
    *,
    seconds: float | None = 10.0,
    policy: Policy = EVERY_DEVICE,
) -> list[tuple[int, float | None]]:
    found = forecast(queue, stations, now=NOW, policy=policy, seconds=lambda _job, _device: seconds)
    assert [place.jobs_ahead for place in found] == list(range(len(found)))
    return [(place.job_id, place.wait_seconds) for place in found]


def test_each_waits_for_those_before() -> None:
    queue = [job(1), job(2, user_id=2), job(3)]
    assert places(queue, [station(busy=4, user_id=3)]) == [(1, 4.0), (2, 14.0), (3, 24.0)]


def test_two_devices_halve_the_wait() -> None:
    queue = [job(number, user_id=number) for number in range(1, 5)]
    waits = places(queue, [station("a"), station("b", busy=5)])
    assert waits == [(1, 0.0), (2, 5.0), (3, 10.0), (4, 15.0)]


def test_a_flood_is_told_that_guests_go_first() -> None:
    queue = [*(job(number, virtual_time=7) for number in range(1, 4)), job(9, user_id=2)]
    assert places(queue, [station()])[0] == (9, 0.0)


def test_nothing_is_claimed_to_be_known_that_was_never_timed() -> None:
    assert places([job(1), job(2)], [station()], seconds=None) == [(1, 0.0), (2, None)]
    assert places([job(1)], [station(busy=None)]) == [(1, None)]


def test_a_cap_makes_a_user_wait_for_their_own_jobs() -> None:
    queue = [job(1), job(2), job(3, user_id=2)]
    waits = places(queue, [station("a"), station("b")], policy=Policy(running_per_user=1))
    assert waits == [(1, 0.0), (3, 0.0), (2, 10.0)]


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 40)), max_size=30))
def test_the_order_foretold_is_the_order_served(rows: list[tuple[int, int]]) -> None:
    queue = [
        job(number, user_id=user_id, cost=cost / 10)
        for number, (user_id, cost) in enumerate(rows, start=1)
    ]
    # Time passes in the forecast and not in `served`, so that ageing is left out of both.
    policy = Policy(running_per_user=64, ageing_seconds=1e9)
    foretold: list[Place] = forecast(
        queue, [station()], now=NOW, policy=policy, seconds=lambda one, _device: one.cost
    )
    assert [one.job_id for one in foretold] == [one.id for one in served(queue, policy=policy)]


def timed(compat_key: str, device: str, *, cost: float = 1.0, **timings: float) -> TimedJob:
    return TimedJob(compat_key=compat_key, device=device, cost=cost, timings=timings)


def test_the_pace_is_learned_per_model_size_and_device() -> None:
    pace = Pace(
        [
            timed("sdxl:1024x1024", "big", base=6, refiner=2, decode=1, total=9),
            timed("sdxl:1024x1024", "small", base=30, refiner=10, total=50, load=6),
            timed("sdxl:1024x1024", "big", cost=2, base=12, refiner=4, total=17),
        ]
    )
    assert pace.seconds("sdxl:1024x1024", 1, "big") == 9
    assert pace.seconds("sdxl:1024x1024", 2, "big") == 17
    assert pace.seconds("sdxl:1024x1024", 1, "small") == 44


def test_an_unknown_size_is_guessed_from_the_model_and_an_unknown_model_is_not() -> None:
    pace = Pace([timed("sdxl:1024x1024", "big", base=8, total=9)])
    assert pace.seconds("sdxl:832x1216", 1, "big") == 9
    assert pace.seconds("sdxl:832x1216", 1, "another") == 9
    assert pace.seconds("pocket:512x512", 1, "big") is None


def test_one_slow_job_changes_little() -> None:
    jobs = [timed("m:1x1", "gpu", base=2, total=2) for _ in range(9)]
    assert Pace([*jobs, timed("m:1x1", "gpu", base=90, total=90)]).seconds("m:1x1", 1, "gpu") == 2
