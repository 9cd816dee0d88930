from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from storage import Database, Deliveries, DeliveryState, Jobs

if TYPE_CHECKING:
    from tests.storage.conftest import FakeClock, MakeJob


async def end_one(jobs: Jobs, make_job: MakeJob) -> int:
    job_id = (await jobs.submit(make_job())).job.id
    await jobs.request_cancel(job_id, by=1)
    return job_id


async def test_a_delivery_is_marked_sent_once(
    db: Database, other_db: Database, jobs: Jobs, make_job: MakeJob, clock: FakeClock
) -> None:
    job_id = await end_one(jobs, make_job)
    stores = [Deliveries(db), Deliveries(other_db)] * 2
    marked = await asyncio.gather(*(store.mark_sent(job_id, 2**61) for store in stores))
    assert marked.count(True) == 1
    assert await stores[0].due(clock.now, 10) == []
    job = await jobs.get(job_id)
    assert job is not None
    assert job.message_id == 2**61


async def test_a_delivery_that_was_put_off_is_due_later(
    jobs: Jobs, deliveries: Deliveries, make_job: MakeJob, clock: FakeClock
) -> None:
    job_id = await end_one(jobs, make_job)
    assert await deliveries.retry_later(job_id, "503", clock.now + timedelta(seconds=5))
    assert await deliveries.due(clock.now, 10) == []
    clock.advance(5)
    [delivery] = await deliveries.due(clock.now, 10)
    assert (delivery.attempts, delivery.last_error) == (1, "503")
    assert delivery.state is DeliveryState.PENDING


async def test_a_delivery_that_was_given_up_stays_so(
    jobs: Jobs, deliveries: Deliveries, make_job: MakeJob, clock: FakeClock
) -> None:
    job_id = await end_one(jobs, make_job)
    assert await deliveries.give_up(job_id, "the channel is gone")
    assert not await deliveries.mark_sent(job_id, 5)
    assert not await deliveries.retry_later(job_id, "503", clock.now)
    assert await deliveries.due(clock.now, 10) == []
    job = await jobs.get(job_id)
    assert job is not None
    assert job.message_id is None


async def test_the_longest_due_comes_first(
    jobs: Jobs, deliveries: Deliveries, make_job: MakeJob, clock: FakeClock
) -> None:
    ids = []
    for _ in range(3):
        ids.append(await end_one(jobs, make_job))
        clock.advance(1)
    assert [delivery.job_id for delivery in await deliveries.due(clock.now, 2)] == ids[:2]
