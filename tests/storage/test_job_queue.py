from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.exc import IntegrityError

from storage import (
    POISON,
    CancelOutcome,
    Claimed,
    Database,
    Deliveries,
    Jobs,
    JobState,
    NewPicture,
    Pictures,
    RequeueOutcome,
)

if TYPE_CHECKING:
    from tests.storage.conftest import FakeClock, MakeJob


async def claim_new(jobs: Jobs, make_job: MakeJob, **fields: Any) -> Claimed:
    job = (await jobs.submit(make_job(**fields))).job
    claimed = await jobs.claim(job.id, "gpu-0", 30)
    assert claimed is not None
    return claimed


async def state_of(jobs: Jobs, job_id: int) -> JobState:
    job = await jobs.get(job_id)
    assert job is not None
    return job.state


async def test_the_queue_is_seen_oldest_first(jobs: Jobs, make_job: MakeJob) -> None:
    new = [make_job(lane=lane, request={"model": lane}) for lane in ("fast", "relax", "turbo")]
    ids = [(await jobs.submit(each)).job.id for each in new]
    view = await jobs.queue_view(2)
    assert [job.id for job in view] == ids[:2]
    assert [job.model for job in view] == ["fast", "relax"]
    await jobs.claim(ids[0], "gpu-0", 30)
    assert [job.id for job in await jobs.queue_view(9)] == ids[1:]


async def test_a_claim_has_one_winner(
    db: Database, other_db: Database, jobs: Jobs, make_job: MakeJob
) -> None:
    job = (await jobs.submit(make_job())).job
    stores = [Jobs(db), Jobs(other_db)] * 4
    claims = await asyncio.gather(
        *(store.claim(job.id, f"gpu-{number}", 30) for number, store in enumerate(stores))
    )
    winners = [claimed for claimed in claims if claimed is not None]
    assert len(winners) == 1
    assert winners[0].fence == 1
    assert await jobs.running() == [winners[0].job]


async def test_no_claim_is_lost_among_concurrent_writers(
    db: Database, other_db: Database, jobs: Jobs, make_job: MakeJob
) -> None:
    ids = [(await jobs.submit(make_job())).job.id for _ in range(3)]

    async def draw_and_lose(store: Jobs) -> int:
        claims = 0
        for job_id in ids * 4:
            if claimed := await store.claim(job_id, "gpu", 30):
                claims += 1
                await store.requeue(job_id, claimed.fence, "lost", max_attempts=1000)
        return claims

    counted = await asyncio.gather(*(draw_and_lose(Jobs(each)) for each in [db, other_db] * 2))
    records = [await jobs.get(job_id) for job_id in ids]
    assert sum(record.fence for record in records if record) == sum(counted)


async def test_a_finished_job_has_its_pictures_and_one_delivery(
    db: Database,
    jobs: Jobs,
    deliveries: Deliveries,
    make_job: MakeJob,
    picture: NewPicture,
    clock: FakeClock,
) -> None:
    claimed = await claim_new(jobs, make_job)
    drawn = [replace(picture, image_index=index) for index in range(4)]
    assert await jobs.finish(claimed.job.id, claimed.fence, drawn, {"total": 1.25})
    job = await jobs.get(claimed.job.id)
    assert job is not None
    assert (job.state, job.timings, job.finished_at) == (JobState.DONE, {"total": 1.25}, clock.now)
    assert job.lease_until is None
    assert [kept.image_index for kept in await Pictures(db).of_job(job.id)] == [0, 1, 2, 3]
    [delivery] = await deliveries.due(clock.now, 10)
    assert (delivery.job_id, delivery.channel_id) == (job.id, job.channel_id)
    assert delivery.nonce == f"job-{job.id}"


async def test_an_answer_in_words_is_kept_with_its_job(jobs: Jobs, make_job: MakeJob) -> None:
    sources = {"https://example.com/ü.png": "0" * 64}
    claimed = await claim_new(jobs, make_job, sources=sources)
    assert claimed.job.sources == sources
    answer = {"prompts": ["a \u732b", "b"], "width": 3}
    assert await jobs.finish(claimed.job.id, claimed.fence, [], {}, answer=answer)
    job = await jobs.get(claimed.job.id)
    assert job is not None
    assert (job.answer, job.sources) == (answer, sources)


async def test_whoever_is_fenced_out_writes_nothing(
    db: Database,
    jobs: Jobs,
    deliveries: Deliveries,
    make_job: MakeJob,
    picture: NewPicture,
    clock: FakeClock,
) -> None:
    old = await claim_new(jobs, make_job)
    job_id = old.job.id
    await jobs.requeue(job_id, old.fence, "lost")
    new = await jobs.claim(job_id, "gpu-1", 30)
    assert new is not None
    assert not await jobs.finish(job_id, old.fence, [picture], {"total": 1})
    assert not await jobs.fail(job_id, old.fence, "internal", "no")
    assert not await jobs.cancelled(job_id, old.fence)
    assert await jobs.requeue(job_id, old.fence, "lost") is RequeueOutcome.FENCED_OUT
    assert await jobs.renew([(job_id, old.fence)], 60) == []
    assert await jobs.get(job_id) == new.job
    assert await Pictures(db).of_job(job_id) == []
    assert await deliveries.due(clock.now, 10) == []


async def test_a_picture_that_cannot_be_stored_leaves_the_job_running(
    db: Database,
    jobs: Jobs,
    deliveries: Deliveries,
    make_job: MakeJob,
    picture: NewPicture,
    clock: FakeClock,
) -> None:
    claimed = await claim_new(jobs, make_job)
    with pytest.raises(IntegrityError):
        await jobs.finish(claimed.job.id, claimed.fence, [picture, picture], {})
    assert await jobs.get(claimed.job.id) == claimed.job
    assert await Pictures(db).of_job(claimed.job.id) == []
    assert await deliveries.due(clock.now, 10) == []
    assert await jobs.finish(claimed.job.id, claimed.fence, [picture], {})


async def test_a_job_ends_once(
    db: Database,
    other_db: Database,
    jobs: Jobs,
    make_job: MakeJob,
    picture: NewPicture,
    clock: FakeClock,
) -> None:
    claimed = await claim_new(jobs, make_job)
    ours, theirs, claim = Jobs(db), Jobs(other_db), (claimed.job.id, claimed.fence)
    ends = await asyncio.gather(
        ours.finish(*claim, [picture], {}),
        theirs.finish(*claim, [picture], {}),
        ours.fail(*claim, "internal", "no"),
        theirs.cancelled(*claim),
    )
    assert ends.count(True) == 1
    assert len(await Deliveries(db).due(clock.now + timedelta(days=9999), 10)) == 1


async def test_a_failed_job_says_why_and_tells_the_user(
    jobs: Jobs, deliveries: Deliveries, make_job: MakeJob, clock: FakeClock
) -> None:
    claimed = await claim_new(jobs, make_job)
    assert await jobs.fail(claimed.job.id, claimed.fence, "out_of_memory", "Try fewer pictures.")
    job = await jobs.get(claimed.job.id)
    assert job is not None
    assert (job.state, job.error_kind) == (JobState.FAILED, "out_of_memory")
    assert job.error_message == "Try fewer pictures."
    assert len(await deliveries.due(clock.now, 10)) == 1


async def test_a_lost_job_is_requeued_once(
    db: Database, other_db: Database, jobs: Jobs, make_job: MakeJob
) -> None:
    first = (await jobs.submit(make_job())).job
    claimed = await claim_new(jobs, make_job)
    await jobs.claim(first.id, "gpu-1", 30)
    stores = [Jobs(db), Jobs(other_db)] * 2
    outcomes = await asyncio.gather(
        *(store.requeue(claimed.job.id, claimed.fence, "died") for store in stores)
    )
    assert sorted(outcomes) == [RequeueOutcome.FENCED_OUT] * 3 + [RequeueOutcome.REQUEUED]
    job = await jobs.get(claimed.job.id)
    assert job is not None
    assert (job.state, job.attempts, job.fence) == (JobState.QUEUED, 1, 1)
    assert (job.worker, job.lease_until, job.started_at) == (None, None, None)


async def test_a_job_that_kills_its_workers_fails_after_three_attempts(
    jobs: Jobs, deliveries: Deliveries, make_job: MakeJob, clock: FakeClock
) -> None:
    job_id = (await jobs.submit(make_job())).job.id
    outcomes = []
    for _ in range(3):
        claimed = await jobs.claim(job_id, "gpu-0", 30)
        assert claimed is not None
        outcomes.append(await jobs.requeue(job_id, claimed.fence, "the worker died"))
    assert outcomes == [
        RequeueOutcome.REQUEUED,
        RequeueOutcome.REQUEUED,
        RequeueOutcome.FAILED,
    ]
    job = await jobs.get(job_id)
    assert job is not None
    assert (job.state, job.error_kind) == (JobState.FAILED, POISON)
    assert job.error_message == "the worker died"
    assert job.finished_at == clock.now
    assert len(await deliveries.due(clock.now, 10)) == 1
    assert await jobs.claim(job_id, "gpu-0", 30) is None


async def test_restarts_of_the_bot_do_not_use_up_attempts(jobs: Jobs, make_job: MakeJob) -> None:
    job_id = (await jobs.submit(make_job())).job.id
    for _ in range(4):
        claimed = await jobs.claim(job_id, "gpu-0", 30)
        assert claimed is not None
        outcome = await jobs.requeue(job_id, claimed.fence, "stop", counts_as_attempt=False)
        assert outcome is RequeueOutcome.REQUEUED
    job = await jobs.get(job_id)
    assert job is not None
    assert (job.attempts, job.fence) == (0, 4)


async def test_a_job_that_takes_the_bot_with_it_is_not_begun_for_ever(
    jobs: Jobs, make_job: MakeJob
) -> None:
    job_id = (await jobs.submit(make_job())).job.id
    outcomes = []
    while claimed := await jobs.claim(job_id, "gpu-0", 30):
        outcomes.append(
            await jobs.requeue(job_id, claimed.fence, "the bot died", counts_as_attempt=False)
        )
    assert outcomes == [RequeueOutcome.REQUEUED] * 9 + [RequeueOutcome.FAILED]
    assert await state_of(jobs, job_id) is JobState.FAILED


async def test_a_cancelled_queued_job_is_never_drawn(
    jobs: Jobs, deliveries: Deliveries, make_job: MakeJob, clock: FakeClock
) -> None:
    job_id = (await jobs.submit(make_job())).job.id
    assert await jobs.request_cancel(job_id, by=99) is CancelOutcome.CANCELLED
    assert await jobs.claim(job_id, "gpu-0", 30) is None
    assert await jobs.queue_view(10) == []
    job = await jobs.get(job_id)
    assert job is not None
    assert (job.state, job.cancelled_by) == (JobState.CANCELLED, 99)
    assert len(await deliveries.due(clock.now, 10)) == 1
    assert await jobs.request_cancel(job_id, by=99) is CancelOutcome.TOO_LATE
    assert len(await deliveries.due(clock.now, 10)) == 1


async def test_cancelling_a_running_job_is_a_wish_until_the_worker_stops(
    jobs: Jobs, deliveries: Deliveries, make_job: MakeJob, clock: FakeClock
) -> None:
    claimed = await claim_new(jobs, make_job)
    job_id = claimed.job.id
    assert await jobs.request_cancel(job_id, by=99) is CancelOutcome.REQUESTED
    assert await jobs.request_cancel(job_id, by=100) is CancelOutcome.REQUESTED
    [running] = await jobs.running()
    assert (running.cancel_requested, running.cancelled_by) == (True, 99)
    assert await jobs.to_be_stopped() == [job_id]
    assert await deliveries.due(clock.now, 10) == []
    assert await jobs.cancelled(job_id, claimed.fence)
    assert await jobs.to_be_stopped() == []
    assert await state_of(jobs, job_id) is JobState.CANCELLED
    assert len(await deliveries.due(clock.now, 10)) == 1


async def test_a_lost_job_that_was_to_be_stopped_is_not_drawn_again(
    jobs: Jobs, deliveries: Deliveries, make_job: MakeJob, clock: FakeClock
) -> None:
    claimed = await claim_new(jobs, make_job)
    await jobs.request_cancel(claimed.job.id, by=99)
    outcome = await jobs.requeue(claimed.job.id, claimed.fence, "killed")
    assert outcome is RequeueOutcome.CANCELLED
    assert await state_of(jobs, claimed.job.id) is JobState.CANCELLED
    assert len(await deliveries.due(clock.now, 10)) == 1


async def test_a_finished_job_cannot_be_cancelled(
    jobs: Jobs, make_job: MakeJob, picture: NewPicture
) -> None:
    claimed = await claim_new(jobs, make_job)
    await jobs.finish(claimed.job.id, claimed.fence, [picture], {})
    assert await jobs.request_cancel(claimed.job.id, by=99) is CancelOutcome.TOO_LATE
    assert await jobs.request_cancel(12345, by=99) is CancelOutcome.TOO_LATE
    assert await state_of(jobs, claimed.job.id) is JobState.DONE


async def test_a_lease_runs_out_unless_it_is_renewed(
    jobs: Jobs, make_job: MakeJob, clock: FakeClock
) -> None:
    kept, lost = [await claim_new(jobs, make_job) for _ in range(2)]
    clock.advance(20)
    claims = [(kept.job.id, kept.fence), (lost.job.id, lost.fence + 1), (777, 1)]
    assert await jobs.renew(claims, 30) == [(kept.job.id, kept.fence)]
    assert await jobs.expired(clock.now) == []
    clock.advance(10)
    assert await jobs.expired(clock.now) == [(lost.job.id, lost.fence)]


async def test_renewing_nothing_asks_nothing(jobs: Jobs) -> None:
    assert await jobs.renew([], 30) == []


async def test_history_is_newest_first_and_pages_without_gaps(
    jobs: Jobs, make_job: MakeJob
) -> None:
    mine = [(await jobs.submit(make_job(user_id=1 + turn % 2))).job.id for turn in range(10)][::2]
    pages: list[int] = []
    before = None
    while page := await jobs.history(1, 2, before):
        pages += [job.id for job in page]
        before = page[-1].id
        await jobs.submit(make_job(user_id=1))
    assert pages == mine[::-1]


async def test_a_job_remembers_the_message_that_shows_it(jobs: Jobs, make_job: MakeJob) -> None:
    job = (await jobs.submit(make_job(message_id=2**60))).job
    assert await jobs.get(job.id) == job
    assert job.message_id == 2**60


async def test_an_unknown_job_is_none(jobs: Jobs) -> None:
    assert await jobs.get(1) is None
    assert await jobs.claim(1, "gpu-0", 30) is None
