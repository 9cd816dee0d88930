"""What the policy rests on: limits that hold, and a virtual time that passes once for each job."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from storage import Database, Jobs, Leader, Leases, QueueLimitError, QueueLimits, QueueScope

if TYPE_CHECKING:
    from tests.storage.conftest import FakeClock, MakeJob

WIDE = QueueLimits(per_user=100, per_guild=100, total=100)


async def times(jobs: Jobs) -> dict[int, float]:
    return {job.user_id: job.virtual_time for job in await jobs.queue_view(100)}


@pytest.mark.parametrize(
    ("limits", "scope"),
    [
        (QueueLimits(per_user=2, per_guild=9, total=9), QueueScope.USER),
        (QueueLimits(per_user=9, per_guild=2, total=9), QueueScope.GUILD),
        (QueueLimits(per_user=9, per_guild=9, total=2), QueueScope.QUEUE),
    ],
    ids=["user", "guild", "queue"],
)
async def test_a_full_share_refuses_in_numbers_and_writes_nothing(
    jobs: Jobs, make_job: MakeJob, limits: QueueLimits, scope: QueueScope
) -> None:
    first = make_job(guild_id=5)
    for new in (first, make_job(guild_id=5)):
        await jobs.submit(new, limits)
    with pytest.raises(QueueLimitError) as refused:
        await jobs.submit(make_job(guild_id=5), limits)
    assert (refused.value.scope, refused.value.waiting, refused.value.limit) == (scope, 2, 2)
    assert len(await jobs.queue_view(9)) == 2
    # Asking again for what is in the queue is no new job.
    assert not (await jobs.submit(first, limits)).created


async def test_running_jobs_take_no_place_in_the_queue(jobs: Jobs, make_job: MakeJob) -> None:
    limits = QueueLimits(per_user=1, per_guild=1, total=1)
    job = (await jobs.submit(make_job(), limits)).job
    await jobs.claim(job.id, "gpu-0", 30)
    assert (await jobs.submit(make_job(), limits)).created


@pytest.mark.parametrize("scope", [QueueScope.USER, QueueScope.QUEUE], ids=str)
async def test_a_limit_holds_when_many_come_at_once(
    db: Database, other_db: Database, make_job: MakeJob, scope: QueueScope
) -> None:
    stores = [Jobs(db), Jobs(other_db)] * 6
    limits = QueueLimits(
        per_user=3 if scope is QueueScope.USER else 99,
        per_guild=99,
        total=3 if scope is QueueScope.QUEUE else 99,
    )
    users = [1] * 12 if scope is QueueScope.USER else range(1, 13)
    outcomes = await asyncio.gather(
        *(
            store.submit(make_job(user_id=user_id), limits)
            for store, user_id in zip(stores, users, strict=True)
        ),
        return_exceptions=True,
    )
    refused = [one for one in outcomes if isinstance(one, QueueLimitError)]
    assert len(refused) == 9
    assert len(await Jobs(db).queue_view(99)) == 3


async def test_a_claim_is_charged_once_however_often_the_job_is_lost(
    jobs: Jobs, make_job: MakeJob
) -> None:
    job = (await jobs.submit(make_job())).job
    await jobs.submit(make_job())
    for _ in range(2):
        claimed = await jobs.claim(job.id, "gpu-0", 30, charge=2.5, device="a GPU")
        assert claimed is not None
        assert (claimed.job.virtual_start, claimed.job.device) == (0, "a GPU")
        await jobs.requeue(job.id, claimed.fence, "lost")
    assert await times(jobs) == {1: 2.5}


async def test_whoever_comes_back_begins_at_the_present(jobs: Jobs, make_job: MakeJob) -> None:
    for _ in range(3):
        job = (await jobs.submit(make_job(user_id=1))).job
        await jobs.claim(job.id, "gpu-0", 30, charge=1)
    await jobs.submit(make_job(user_id=1))
    # The last that was begun for user 1 began at 2: that is the present.
    await jobs.submit(make_job(user_id=2))
    assert await times(jobs) == {1: 3, 2: 2}
    # Who has jobs waiting already keeps the time at which those wait.
    second = next(job for job in await jobs.queue_view(9) if job.user_id == 1)
    await jobs.claim(second.id, "gpu-1", 30, charge=1)
    await jobs.submit(make_job(user_id=2))
    assert await times(jobs) == {2: 2}


async def test_an_idle_queue_is_the_same_for_everyone(jobs: Jobs, make_job: MakeJob) -> None:
    job = (await jobs.submit(make_job(user_id=1))).job
    claimed = await jobs.claim(job.id, "gpu-0", 30, charge=7)
    assert claimed is not None
    await jobs.finish(job.id, claimed.fence, [], {"total": 1.0})
    await jobs.submit(make_job(user_id=2))
    await jobs.submit(make_job(user_id=1))
    assert await times(jobs) == {1: 7, 2: 7}


async def test_only_the_leader_claims(
    db: Database, jobs: Jobs, make_job: MakeJob, clock: FakeClock
) -> None:
    leases = Leases(db, clock=clock)
    job = (await jobs.submit(make_job())).job
    old = await leases.acquire("dispatcher", "a", 30)
    assert old is not None
    clock.advance(31)
    assert not await leases.holds("dispatcher", old)
    deposed = Leader(name="dispatcher", fence=old)
    assert await jobs.claim(job.id, "gpu-0", 30, leader=deposed) is None
    new = await leases.acquire("dispatcher", "b", 30)
    assert new is not None
    assert await leases.holds("dispatcher", new)
    assert await jobs.claim(job.id, "gpu-0", 30, leader=deposed) is None
    assert await jobs.claim(job.id, "gpu-0", 30, leader=Leader(name="dispatcher", fence=new))


async def test_finished_jobs_tell_how_long_they_took(jobs: Jobs, make_job: MakeJob) -> None:
    for seconds in (1.0, 2.0):
        job = (await jobs.submit(make_job(cost=0.5), WIDE)).job
        claimed = await jobs.claim(job.id, "gpu-0", 30, device="a GPU")
        assert claimed is not None
        await jobs.finish(job.id, claimed.fence, [], {"total": seconds})
    newest = (await jobs.timed(1))[0]
    assert newest.timings == {"total": 2.0}
    assert (newest.device, newest.cost, newest.compat_key) == ("a GPU", 0.5, "pocket")


def test_a_job_costs_something(make_job: MakeJob) -> None:
    with pytest.raises(ValueError, match="cost"):
        make_job(cost=0)
