"""Any order of submits, claims, ends, losses and cancels, held against a few lines of Python.

Two bots share the database; either may lead, fall silent for longer than its lease, and try on.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import delete

from storage import (
    CancelOutcome,
    Claim,
    Database,
    Deliveries,
    Jobs,
    JobState,
    Leader,
    Leases,
    NewJob,
    RequeueOutcome,
)
from storage.schema import metadata

ENDED = {JobState.DONE, JobState.FAILED, JobState.CANCELLED}
LEASE_SECONDS = 30
BOTS = st.sampled_from(["one", "two"])


@dataclass
class Expected:
    """What a job must look like."""

    state: JobState = JobState.QUEUED
    fence: int = 0
    attempts: int = 0
    cancel_requested: bool = False
    lease_until: datetime | None = None


class QueueMachine(RuleBasedStateMachine):
    job_ids: Bundle[int] = Bundle("job_ids")
    claims: Bundle[Claim] = Bundle("claims")

    def __init__(self, url: str) -> None:
        super().__init__()
        self.expected: dict[int, Expected] = {}
        self.keys: dict[str, int] = {}
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        database = self.run(self.stack.enter_async_context(Database.open(url)))
        self.run(self.empty(database))
        self.jobs = Jobs(database, clock=lambda: self.now)
        self.deliveries = Deliveries(database)
        self.leases = Leases(database, clock=lambda: self.now)
        self.leaders: dict[str, Leader] = {}
        self.lease_fence = 0
        self.lease_until = self.now

    def run(self, coroutine: Any) -> Any:
        return self.runner.run(coroutine)

    async def empty(self, database: Database) -> None:
        async with database.write() as connection:
            for table in reversed(metadata.sorted_tables):
                await connection.execute(delete(table))

    def teardown(self) -> None:
        self.run(self.stack.aclose())
        self.runner.close()

    def holds(self, claim: Claim) -> bool:
        job = self.expected[claim[0]]
        return job.state is JobState.RUNNING and job.fence == claim[1]

    @rule(target=job_ids, key=st.sampled_from("abc"))
    def submit(self, key: str) -> Any:
        new = NewJob(
            idempotency_key=key,
            user_id=1,
            user_name="Ann",
            channel_id=1,
            action="imagine",
            lane="fast",
            compat_key="m",
            prompt="p",
            request={"model": "m"},
            request_version=1,
        )
        submitted = self.run(self.jobs.submit(new))
        assert submitted.created == (key not in self.keys)
        if not submitted.created:
            assert submitted.job.id == self.keys[key]
            return multiple()
        self.keys[key] = submitted.job.id
        self.expected[submitted.job.id] = Expected()
        return submitted.job.id

    @rule(target=claims, job_id=job_ids)
    def claim(self, job_id: int) -> Any:
        return self.check_claim(job_id) or multiple()

    @rule(bot=BOTS)
    def lead(self, bot: str) -> None:
        fence = self.run(self.leases.acquire("dispatcher", bot, LEASE_SECONDS))
        assert (fence is not None) == (self.lease_until <= self.now)
        if fence is not None:
            assert fence > self.lease_fence
            self.lease_fence = fence
            self.lease_until = self.now + timedelta(seconds=LEASE_SECONDS)
            self.leaders[bot] = Leader(name="dispatcher", fence=fence)

    @rule(bot=BOTS)
    def lead_on(self, bot: str) -> None:
        if leader := self.leaders.get(bot):
            renewed = self.run(self.leases.renew(leader.name, leader.fence, LEASE_SECONDS))
            assert renewed == (leader.fence == self.lease_fence)
            if renewed:
                self.lease_until = self.now + timedelta(seconds=LEASE_SECONDS)

    @rule(target=claims, bot=BOTS, job_id=job_ids)
    def claim_as_a_leader(self, bot: str, job_id: int) -> Any:
        leader = self.leaders.get(bot)
        if leader is None:
            return multiple()
        leads = leader.fence == self.lease_fence and self.lease_until > self.now
        if leads:
            return self.check_claim(job_id, leader) or multiple()
        assert self.run(self.jobs.claim(job_id, bot, LEASE_SECONDS, leader=leader)) is None
        return multiple()

    @rule(claim=claims, state=st.sampled_from(sorted(ENDED)))
    def end(self, claim: Claim, state: JobState) -> None:
        held = self.holds(claim)
        match state:
            case JobState.DONE:
                won = self.run(self.jobs.finish(*claim, [], {}))
            case JobState.FAILED:
                won = self.run(self.jobs.fail(*claim, "internal", "no"))
            case _:
                won = self.run(self.jobs.cancelled(*claim))
        assert won == held
        if held:
            self.expected[claim[0]].state = state

    @rule(claim=claims)
    def lose(self, claim: Claim) -> None:
        self.check_requeue(claim)

    @rule(claim=claims)
    def lose_with_the_bot(self, claim: Claim) -> None:
        self.check_requeue(claim, counts=False)

    @rule(job_id=job_ids, times=st.integers(1, 11), counts=st.booleans())
    def lose_in_a_row(self, job_id: int, times: int, *, counts: bool) -> None:
        for _ in range(times):
            if claimed := self.check_claim(job_id):
                self.check_requeue(claimed, counts=counts)

    @rule(claim=claims)
    def renew(self, claim: Claim) -> None:
        held = self.holds(claim)
        assert self.run(self.jobs.renew([claim], LEASE_SECONDS)) == ([claim] if held else [])
        if held:
            until = self.now + timedelta(seconds=LEASE_SECONDS)
            self.expected[claim[0]].lease_until = until

    @rule(seconds=st.integers(1, 40))
    def expire(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        expired = self.run(self.jobs.expired(self.now))
        stopped = self.run(self.jobs.to_be_stopped())
        assert set(stopped) == {
            job_id
            for job_id, job in self.expected.items()
            if job.state is JobState.RUNNING and job.cancel_requested
        }
        assert set(expired) == {
            (job_id, job.fence)
            for job_id, job in self.expected.items()
            if job.state is JobState.RUNNING and job.lease_until and job.lease_until <= self.now
        }
        for claim in expired:
            self.check_requeue(claim)

    @rule(job_id=job_ids)
    def cancel(self, job_id: int) -> None:
        job = self.expected[job_id]
        outcome = self.run(self.jobs.request_cancel(job_id, by=2))
        match job.state:
            case JobState.QUEUED:
                assert outcome is CancelOutcome.CANCELLED
                job.state, job.cancel_requested = JobState.CANCELLED, True
            case JobState.RUNNING:
                assert outcome is CancelOutcome.REQUESTED
                job.cancel_requested = True
            case _:
                assert outcome is CancelOutcome.TOO_LATE

    def check_claim(self, job_id: int, leader: Leader | None = None) -> Claim | None:
        job = self.expected[job_id]
        claimed = self.run(self.jobs.claim(job_id, "gpu", LEASE_SECONDS, leader=leader))
        assert (claimed is not None) == (job.state is JobState.QUEUED)
        if claimed is None:
            return None
        assert claimed.fence == job.fence + 1
        job.state, job.fence, job.attempts = JobState.RUNNING, job.fence + 1, job.attempts + 1
        job.lease_until = self.now + timedelta(seconds=LEASE_SECONDS)
        return job_id, claimed.fence

    def check_requeue(self, claim: Claim, *, counts: bool = True) -> None:
        held, job = self.holds(claim), self.expected[claim[0]]
        outcome = self.run(self.jobs.requeue(*claim, "lost", counts_as_attempt=counts))
        if held and not counts:
            job.attempts -= 1
        if not held:
            assert outcome is RequeueOutcome.FENCED_OUT
        elif job.cancel_requested:
            assert outcome is RequeueOutcome.CANCELLED
            job.state = JobState.CANCELLED
        elif job.attempts == 3 or job.fence == 10:
            assert outcome is RequeueOutcome.FAILED
            job.state = JobState.FAILED
        else:
            assert outcome is RequeueOutcome.REQUEUED
            job.state = JobState.QUEUED

    @invariant()
    def every_job_is_as_expected_and_none_is_lost(self) -> None:
        found = {job.id: job for job in self.run(self.jobs.history(1, 100))}
        assert found.keys() == self.expected.keys()
        for job_id, job in self.expected.items():
            record = found[job_id]
            assert (record.state, record.fence, record.attempts, record.cancel_requested) == (
                job.state,
                job.fence,
                job.attempts,
                job.cancel_requested,
            )
            assert (record.worker is not None) == (job.state is JobState.RUNNING)
            assert (record.finished_at is not None) == (job.state in ENDED)

    @invariant()
    def every_end_is_delivered_once(self) -> None:
        due = self.run(self.deliveries.due(self.now, 100))
        ended = [job_id for job_id, job in self.expected.items() if job.state in ENDED]
        assert sorted(delivery.job_id for delivery in due) == sorted(ended)


def test_any_order_of_events_keeps_the_queue_whole(url: str) -> None:
    class Machine(QueueMachine):
        def __init__(self) -> None:
            super().__init__(url)

    run_state_machine_as_test(
        Machine, settings=settings(max_examples=20, stateful_step_count=30, deadline=None)
    )
