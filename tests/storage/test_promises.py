from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from storage import Database, Jobs, Promises, QueueLimitError, QueueLimits, Wishes

if TYPE_CHECKING:
    from tests.storage.conftest import FakeClock, MakeJob

LIFE = timedelta(minutes=15)


@pytest.fixture
def promises(db: Database, clock: FakeClock) -> Promises:
    return Promises(db, clock=clock)


async def promised(promises: Promises, clock: FakeClock, *interactions: int) -> None:
    for interaction_id in interactions:
        await promises.add(interaction_id, token="t", expires_at=clock.now + LIFE)


async def test_what_a_dead_process_promised_is_taken_once(
    promises: Promises, clock: FakeClock
) -> None:
    await promised(promises, clock, 2**60, 2)
    await promises.add(2, token="t", expires_at=clock.now + LIFE, message_id=2**61)
    await promised(promises, clock, 3)
    broken = await promises.take_broken(spared={3})
    assert [(one.interaction_id, one.message_id) for one in broken] == [
        (2**60, None),
        (2, None),
        (2, 2**61),
    ]
    assert (broken[0].interaction_token, broken[0].created_at) == ("t", clock.now)
    assert await promises.take_broken(spared={3}) == []
    assert [one.interaction_id for one in await promises.take_broken(spared=set())] == [3]


async def test_a_dead_token_makes_nothing_good(promises: Promises, clock: FakeClock) -> None:
    await promised(promises, clock, 1)
    clock.advance(LIFE.total_seconds())
    await promised(promises, clock, 2)
    assert [one.interaction_id for one in await promises.take_broken(spared=set())] == [2]


async def test_a_job_in_the_queue_keeps_its_interactions_promises(
    promises: Promises, jobs: Jobs, make_job: MakeJob, clock: FakeClock
) -> None:
    await promised(promises, clock, 1, 2)
    await promises.add(1, token="t", expires_at=clock.now + LIFE, message_id=7)
    await jobs.submit(make_job(interaction_id=1))
    assert [one.interaction_id for one in await promises.take_broken(spared=set())] == [2]


async def test_a_job_that_was_refused_keeps_no_promise(
    promises: Promises, jobs: Jobs, make_job: MakeJob, clock: FakeClock
) -> None:
    await promised(promises, clock, 1)
    with pytest.raises(QueueLimitError):
        await jobs.submit(make_job(interaction_id=1), QueueLimits(per_user=0, per_guild=0, total=0))
    assert len(await promises.take_broken(spared=set())) == 1


async def test_what_is_answered_is_forgotten(promises: Promises, clock: FakeClock) -> None:
    await promised(promises, clock, 1, 2, 3)
    await promises.drop([1, 3, 99])
    assert [one.interaction_id for one in await promises.take_broken(spared=set())] == [2]


async def test_wishes_that_nobody_answers_go(db: Database, clock: FakeClock) -> None:
    wishes = Wishes(db, clock=clock)
    old = await wishes.add(user_id=1, prompt="a")
    clock.advance(60)
    new = await wishes.add(user_id=1, prompt="b")
    assert await wishes.drop_older_than(clock.now) == 1
    assert await wishes.get(old.id) is None
    assert await wishes.get(new.id) == new
