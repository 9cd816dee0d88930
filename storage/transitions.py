"""The states of a job as SQL: every change is one statement that compares and sets.

    queued -> running -> done | failed | cancelled
    queued -> cancelled
    running -> queued, when the worker was lost

Each statement names the state, and while a job runs also the fence, that it expects. It returns the
row that it changed, and no row when another was faster. Nothing is read first and written later.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Update,
    and_,
    case,
    exists,
    func,
    insert,
    null,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.sql.dml import ReturningInsert, ReturningUpdate

from storage.records import POISON, Claim, JobState, Leader, NewJob
from storage.schema import jobs, leases, users


def submit(new: NewJob, *, now: datetime) -> ReturningInsert[Any]:
    """Insert a queued job."""
    return (
        insert(jobs)
        .values(
            idempotency_key=new.idempotency_key,
            user_id=new.user_id,
            guild_id=new.guild_id,
            channel_id=new.channel_id,
            message_id=new.message_id,
            action=new.action,
            lane=new.lane,
            compat_key=new.compat_key,
            batch_key=new.batch_key,
            pixels=new.pixels,
            cost=new.cost,
            prompt=new.prompt,
            request=dict(new.request),
            request_version=new.request_version,
            sources=None if new.sources is None else dict(new.sources),
            parent_job_id=new.parent_job_id,
            parent_image_index=new.parent_image_index,
            interaction_token=new.interaction_token,
            interaction_expires_at=new.interaction_expires_at,
            file_limit_bytes=new.file_limit_bytes,
            state=JobState.QUEUED,
            created_at=now,
        )
        .returning(jobs)
    )


def arrive(user_id: int) -> Update:
    """Bring a user for whom nothing waits up to the present virtual time.

    Start-time fair queueing (Goyal, Vin and Cheng, 1996): the present is the start of what is being
    drawn, so that whoever was away neither owes anything nor has saved anything up.
    """
    waiting = exists().where(jobs.c.user_id == user_id, jobs.c.state == JobState.QUEUED)
    others = users.alias()
    drawn = select(func.max(jobs.c.virtual_start)).where(jobs.c.state == JobState.RUNNING)
    latest = select(func.max(others.c.virtual_time))
    present = func.coalesce(drawn.scalar_subquery(), latest.scalar_subquery())
    return (
        update(users)
        .where(users.c.id == user_id, ~waiting, users.c.virtual_time < present)
        .values(virtual_time=present)
    )


def claim(
    job_id: int,
    worker: str,
    *,
    device: str | None,
    leader: Leader | None,
    now: datetime,
    lease_until: datetime,
) -> ReturningUpdate[Any]:
    """Take from queued to running, with a new fence, while the leader holds its lease."""
    user_time = select(users.c.virtual_time).where(users.c.id == jobs.c.user_id)
    conditions = [jobs.c.id == job_id, jobs.c.state == JobState.QUEUED]
    if leader is not None:
        conditions.append(
            exists().where(
                leases.c.name == leader.name,
                leases.c.fence == leader.fence,
                leases.c.expires_at > now,
            )
        )
    return (
        update(jobs)
        .where(*conditions)
        .values(
            state=JobState.RUNNING,
            fence=jobs.c.fence + 1,
            attempts=jobs.c.attempts + 1,
            worker=worker,
            device=device,
            virtual_start=func.coalesce(jobs.c.virtual_start, user_time.scalar_subquery()),
            lease_until=lease_until,
            started_at=now,
        )
        .returning(jobs)
    )


def charge(user_id: int, amount: float) -> Update:
    """Let a user's virtual time pass: something is drawn for them."""
    return (
        update(users)
        .where(users.c.id == user_id)
        .values(virtual_time=users.c.virtual_time + amount)
    )


def renew(claims: Sequence[Claim], *, lease_until: datetime) -> ReturningUpdate[Any]:
    """Lengthen the leases of all of these claims that still hold."""
    return (
        update(jobs)
        .where(jobs.c.state == JobState.RUNNING, tuple_(jobs.c.id, jobs.c.fence).in_(claims))
        .values(lease_until=lease_until)
        .returning(jobs.c.id, jobs.c.fence)
    )


def end(
    job_id: int, fence: int, state: JobState, *, now: datetime, **result: Any
) -> ReturningUpdate[Any]:
    """Take from running to done, failed or cancelled."""
    return (
        update(jobs)
        .where(_held(job_id, fence))
        .values(state=state, worker=None, lease_until=None, finished_at=now, **result)
        .returning(jobs.c.id, jobs.c.channel_id, jobs.c.state)
    )


def requeue(
    job_id: int,
    fence: int,
    reason: str,
    *,
    now: datetime,
    max_attempts: int,
    max_claims: int,
    counts: bool,
) -> ReturningUpdate[Any]:
    """Take from running to queued; to cancelled, if that was asked; to failed, if too often.

    One statement decides among the three, so that a cancel that arrives meanwhile is not lost.
    """
    attempts = jobs.c.attempts if counts else jobs.c.attempts - 1
    too_often = or_(attempts >= max_attempts, jobs.c.fence >= max_claims)
    used_up = and_(~jobs.c.cancel_requested, too_often)
    ended = or_(jobs.c.cancel_requested, used_up)
    return (
        update(jobs)
        .where(_held(job_id, fence))
        .values(
            state=case(
                (jobs.c.cancel_requested, JobState.CANCELLED),
                (used_up, JobState.FAILED),
                else_=JobState.QUEUED,
            ),
            attempts=attempts,
            worker=None,
            lease_until=None,
            started_at=case((ended, jobs.c.started_at), else_=null()),
            finished_at=case((ended, now), else_=null()),
            error_kind=case((used_up, POISON), else_=null()),
            error_message=case((used_up, reason), else_=null()),
        )
        .returning(jobs.c.id, jobs.c.channel_id, jobs.c.state)
    )


def cancel(job_id: int, by: int, *, now: datetime) -> ReturningUpdate[Any]:
    """Take from queued to cancelled; note the wish on a running job. The first to ask is kept."""
    waiting = jobs.c.state == JobState.QUEUED
    return (
        update(jobs)
        .where(jobs.c.id == job_id, jobs.c.state.in_([JobState.QUEUED, JobState.RUNNING]))
        .values(
            state=case((waiting, JobState.CANCELLED), else_=jobs.c.state),
            cancel_requested=True,
            cancelled_by=func.coalesce(jobs.c.cancelled_by, by),
            finished_at=case((waiting, now), else_=null()),
        )
        .returning(jobs.c.id, jobs.c.channel_id, jobs.c.state)
    )


def _held(job_id: int, fence: int) -> ColumnElement[bool]:
    return and_(jobs.c.id == job_id, jobs.c.state == JobState.RUNNING, jobs.c.fence == fence)
