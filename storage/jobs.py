"""The queue: every job, from the moment it is asked for until the user can be told how it ended.

A job's end and the delivery that tells the user are one transaction. `transitions` has the
statements. Does not know what a request means, which job should be next, or how one is drawn.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, delete, func, insert, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import transitions
from storage.clock import Clock, utc_now
from storage.database import Database
from storage.errors import QueueLimitError
from storage.records import (
    CancelOutcome,
    Claim,
    Claimed,
    DeliveryState,
    JobRecord,
    JobState,
    Leader,
    NewJob,
    NewPicture,
    QueuedJob,
    QueueLimits,
    QueueScope,
    RequeueOutcome,
    Submitted,
    TimedJob,
)
from storage.schema import deliveries, guilds, jobs, pictures, promises, users, wishes
from storage.upsert import one_at_a_time, see

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 3
"""So often may a worker die under a job."""
MAX_CLAIMS = 10
"""So often may a job be begun at all: what takes the whole bot with it must end, too."""


class Jobs:
    """Questions and changes about jobs. Logs one line for each change of state."""

    def __init__(self, database: Database, *, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    # What is asked.

    async def get(self, job_id: int) -> JobRecord | None:
        """Return a job, or None where there is no such job."""
        found = await self._records(select(jobs).where(jobs.c.id == job_id))
        return found[0] if found else None

    async def queue_view(self, limit: int) -> list[QueuedJob]:
        """Return the first waiting jobs, oldest first."""
        query = (
            select(
                jobs.c.id,
                jobs.c.user_id,
                jobs.c.guild_id,
                jobs.c.lane,
                jobs.c.compat_key,
                jobs.c.request["model"].as_string().label("model"),
                jobs.c.attempts,
                jobs.c.created_at,
                jobs.c.cost,
                users.c.virtual_time,
                jobs.c.virtual_start,
                jobs.c.batch_key,
                jobs.c.pixels,
            )
            .join(users, users.c.id == jobs.c.user_id)
            .where(jobs.c.state == JobState.QUEUED)
            .order_by(jobs.c.id)
            .limit(limit)
        )
        async with self._database.read() as connection:
            found = await connection.execute(query)
            return [QueuedJob(**row) for row in found.mappings()]

    async def timed(self, limit: int) -> list[TimedJob]:
        """Return how long the last finished jobs took, newest first."""
        query = (
            select(jobs.c.compat_key, jobs.c.device, jobs.c.cost, jobs.c.timings)
            .where(jobs.c.state == JobState.DONE, jobs.c.timings.is_not(None))
            .order_by(jobs.c.id.desc())
            .limit(limit)
        )
        async with self._database.read() as connection:
            found = await connection.execute(query)
            return [TimedJob(**row) for row in found.mappings()]

    async def running(self) -> list[JobRecord]:
        """Return every job that a worker holds, oldest first."""
        return await self._records(
            select(jobs).where(jobs.c.state == JobState.RUNNING).order_by(jobs.c.id)
        )

    async def to_be_stopped(self) -> list[int]:
        """Return the running jobs that somebody asked to stop."""
        query = select(jobs.c.id).where(jobs.c.state == JobState.RUNNING, jobs.c.cancel_requested)
        async with self._database.read() as connection:
            return list(await connection.scalars(query))

    async def expired(self, now: datetime) -> list[Claim]:
        """Return the claims whose lease has run out, the oldest lease first."""
        query = (
            select(jobs.c.id, jobs.c.fence)
            .where(jobs.c.state == JobState.RUNNING, jobs.c.lease_until <= now)
            .order_by(jobs.c.lease_until)
        )
        async with self._database.read() as connection:
            return [(row.id, row.fence) for row in await connection.execute(query)]

    async def history(
        self, user_id: int, limit: int, before_id: int | None = None
    ) -> list[JobRecord]:
        """Return a user's jobs, newest first; the next page lies before the last one's id."""
        query = select(jobs).where(jobs.c.user_id == user_id).order_by(jobs.c.id.desc())
        if before_id is not None:
            query = query.where(jobs.c.id < before_id)
        return await self._records(query.limit(limit))

    async def _records(self, query: Select[Any]) -> list[JobRecord]:
        async with self._database.read() as connection:
            found = await connection.execute(query)
            return [JobRecord(**row) for row in found.mappings()]

    # What is changed.

    async def submit(self, new: NewJob, limits: QueueLimits | None = None) -> Submitted:
        """Put a job into the queue, or return the one that has its idempotency key already.

        Raises QueueLimitError where as many wait as may; nothing is written then.
        """
        (submitted,) = await self.submit_all([new], limits)
        return submitted

    async def submit_all(
        self,
        news: Sequence[NewJob],
        limits: QueueLimits | None = None,
        *,
        wish_id: int | None = None,
    ) -> list[Submitted]:
        """Put all jobs into the queue, or none.

        `wish_id` names the wish that they fulfil, which is taken away with it. Empty: that wish was
        answered before, and nothing was written. Raises QueueLimitError where as many wait as may.
        """
        now = self._clock()
        async with self._database.write() as connection:
            await one_at_a_time(connection)
            if wish_id is not None:
                taken = delete(wishes).where(wishes.c.id == wish_id).returning(wishes.c.id)
                if (await connection.execute(taken)).one_or_none() is None:
                    logger.info("wish answered before wish_id=%d", wish_id)
                    return []
            submitted = [await _submit(connection, new, limits, now) for new in news]
            kept = {new.interaction_id for new in news} - {None}
            await connection.execute(delete(promises).where(promises.c.interaction_id.in_(kept)))
        for one in submitted:
            logger.info("%s job_id=%d", "queued" if one.created else "asked for again", one.job.id)
        return submitted

    async def claim(
        self,
        job_id: int,
        worker: str,
        lease_seconds: float,
        *,
        device: str | None = None,
        charge: float = 0.0,
        leader: Leader | None = None,
    ) -> Claimed | None:
        """Take a waiting job for a worker. None: it no longer waits, or the leader is deposed.

        The first claim of a job lets its user's virtual time pass by `charge`.
        """
        async with self._database.write() as connection:
            # The lease begins when the turn to write has come, however long that took.
            now = self._clock()
            lease_until = now + timedelta(seconds=lease_seconds)
            change = transitions.claim(
                job_id, worker, device=device, leader=leader, now=now, lease_until=lease_until
            )
            row = (await connection.execute(change)).mappings().one_or_none()
            if row is None:
                return None
            job = JobRecord(**row)
            if job.fence == 1:
                await connection.execute(transitions.charge(job.user_id, charge))
        logger.info("running job_id=%d fence=%d worker=%s", job.id, job.fence, worker)
        return Claimed(job=job, fence=job.fence)

    async def renew(self, claims: Sequence[Claim], lease_seconds: float) -> list[Claim]:
        """Lengthen the leases of these claims. Returns those that still hold."""
        if not claims:
            return []
        async with self._database.write() as connection:
            lease_until = self._clock() + timedelta(seconds=lease_seconds)
            renewed = await connection.execute(transitions.renew(claims, lease_until=lease_until))
            return [(row.id, row.fence) for row in renewed]

    async def finish(
        self,
        job_id: int,
        fence: int,
        new_pictures: Sequence[NewPicture],
        timings: Mapping[str, float] | None = None,
        *,
        answer: Mapping[str, Any] | None = None,
    ) -> bool:
        """Store the result, to be delivered. False: fenced out, nothing was written."""
        now = self._clock()
        result = {
            "timings": None if timings is None else dict(timings),
            "answer": None if answer is None else dict(answer),
        }
        change = transitions.end(job_id, fence, JobState.DONE, now=now, **result)
        rows = [
            {"job_id": job_id, "created_at": now, **asdict(picture)} for picture in new_pictures
        ]
        async with self._database.write() as connection:
            row = (await connection.execute(change)).one_or_none()
            if row is not None:
                await _promise_delivery(connection, row, now)
                if rows:
                    await connection.execute(insert(pictures), rows)
        return _log_end(row, job_id, fence)

    async def fail(self, job_id: int, fence: int, kind: str, message: str) -> bool:
        """Give a job up; `message` is for the user. False: fenced out, nothing was written."""
        return await self._end(
            job_id, fence, JobState.FAILED, error_kind=kind, error_message=message
        )

    async def cancelled(self, job_id: int, fence: int) -> bool:
        """Write that the worker has stopped. False: fenced out, nothing was written."""
        return await self._end(job_id, fence, JobState.CANCELLED)

    async def requeue(
        self,
        job_id: int,
        fence: int,
        reason: str,
        max_attempts: int = MAX_ATTEMPTS,
        max_claims: int = MAX_CLAIMS,
        *,
        counts_as_attempt: bool = True,
    ) -> RequeueOutcome:
        """Let a lost job wait again, unless it was to be stopped or has been lost too often.

        The end of the whole bot, or the stop of a neighbour in the batch, is not held against the
        job: there `counts_as_attempt` is False.
        """
        now = self._clock()
        change = transitions.requeue(
            job_id,
            fence,
            reason,
            now=now,
            max_attempts=max_attempts,
            max_claims=max_claims,
            counts=counts_as_attempt,
        )
        async with self._database.write() as connection:
            row = (await connection.execute(change)).one_or_none()
            if row is None:
                return RequeueOutcome.FENCED_OUT
            if row.state != JobState.QUEUED:
                await _promise_delivery(connection, row, now)
        requeued = row.state == JobState.QUEUED
        outcome = RequeueOutcome.REQUEUED if requeued else RequeueOutcome(row.state)
        logger.info("lost, %s job_id=%d fence=%d: %s", outcome, job_id, fence, reason)
        return outcome

    async def request_cancel(self, job_id: int, by: int) -> CancelOutcome:
        """Stop a waiting job, or note that a running one is to be stopped."""
        now = self._clock()
        async with self._database.write() as connection:
            change = transitions.cancel(job_id, by, now=now)
            row = (await connection.execute(change)).one_or_none()
            if row is None:
                return CancelOutcome.TOO_LATE
            if row.state == JobState.CANCELLED:
                await _promise_delivery(connection, row, now)
        logger.info("cancel asked, now %s job_id=%d by=%d", row.state, job_id, by)
        if row.state == JobState.CANCELLED:
            return CancelOutcome.CANCELLED
        return CancelOutcome.REQUESTED

    async def _end(self, job_id: int, fence: int, state: JobState, **result: str) -> bool:
        now = self._clock()
        change = transitions.end(job_id, fence, state, now=now, **result)
        async with self._database.write() as connection:
            row = (await connection.execute(change)).one_or_none()
            if row is not None:
                await _promise_delivery(connection, row, now)
        return _log_end(row, job_id, fence)


async def _submit(
    connection: AsyncConnection, new: NewJob, limits: QueueLimits | None, now: datetime
) -> Submitted:
    known = select(jobs).where(jobs.c.idempotency_key == new.idempotency_key)
    row = (await connection.execute(known)).mappings().one_or_none()
    if row is not None:
        return Submitted(job=JobRecord(**row), created=False)
    if limits is not None:
        await _check_limits(connection, new, limits)
    await see(connection, users, row_id=new.user_id, name=new.user_name, now=now)
    if new.guild_id is not None:
        await see(connection, guilds, row_id=new.guild_id, name=new.guild_name, now=now)
    await connection.execute(transitions.arrive(new.user_id))
    row = (await connection.execute(transitions.submit(new, now=now))).mappings().one()
    return Submitted(job=JobRecord(**row), created=True)


async def _check_limits(connection: AsyncConnection, new: NewJob, limits: QueueLimits) -> None:
    """Raise QueueLimitError for the narrowest share of the queue that is full."""
    shares = [(QueueScope.USER, limits.per_user, jobs.c.user_id == new.user_id)]
    if new.guild_id is not None:
        shares.append((QueueScope.GUILD, limits.per_guild, jobs.c.guild_id == new.guild_id))
    shares.append((QueueScope.QUEUE, limits.total, true()))
    for scope, limit, condition in shares:
        count = select(func.count()).where(jobs.c.state == JobState.QUEUED, condition)
        waiting = (await connection.execute(count)).scalar_one()
        if waiting >= limit:
            raise QueueLimitError(scope, waiting=waiting, limit=limit)


async def _promise_delivery(connection: AsyncConnection, job: Row[Any], now: datetime) -> None:
    await connection.execute(
        insert(deliveries).values(
            job_id=job.id,
            nonce=f"job-{job.id}",
            state=DeliveryState.PENDING,
            channel_id=job.channel_id,
            next_attempt_at=now,
            created_at=now,
        )
    )


def _log_end(row: Row[Any] | None, job_id: int, fence: int) -> bool:
    if row is None:
        logger.warning("fenced out job_id=%d fence=%d", job_id, fence)
        return False
    logger.info("%s job_id=%d fence=%d", row.state, job_id, fence)
    return True
