from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete, select
from sqlalchemy.exc import StatementError

from storage import Database, Jobs, JobState
from storage.schema import guilds, users
from storage.schema import jobs as table

if TYPE_CHECKING:
    from tests.storage.conftest import FakeClock, MakeJob

SNOWFLAKE = 2**63 - 1


async def test_a_submitted_job_waits(jobs: Jobs, make_job: MakeJob, clock: FakeClock) -> None:
    submitted = await jobs.submit(make_job())
    job = submitted.job
    assert submitted.created
    assert (job.state, job.fence, job.attempts) == (JobState.QUEUED, 0, 0)
    assert job.created_at == clock.now
    assert await jobs.get(job.id) == job


async def test_the_same_key_gives_the_first_job_back(jobs: Jobs, make_job: MakeJob) -> None:
    new = make_job()
    first = await jobs.submit(new)
    second = await jobs.submit(replace(new, prompt="another"))
    assert not second.created
    assert second.job == first.job
    assert len(await jobs.queue_view(10)) == 1


async def test_eight_submits_at_once_make_one_job(
    db: Database, other_db: Database, make_job: MakeJob
) -> None:
    new = make_job(guild_id=7, guild_name="Home")
    stores = [Jobs(db), Jobs(other_db)] * 4
    submitted = await asyncio.gather(*(store.submit(new) for store in stores))
    assert [result.created for result in submitted].count(True) == 1
    assert len({result.job.id for result in submitted}) == 1


async def test_everything_given_comes_back(jobs: Jobs, make_job: MakeJob) -> None:
    parent = (await jobs.submit(make_job())).job
    east = timezone(timedelta(hours=9))
    new = make_job(
        user_id=SNOWFLAKE,
        guild_id=SNOWFLAKE - 1,
        guild_name="Höhle 🐈",
        channel_id=SNOWFLAKE - 2,
        prompt="ein Kätzchen 🐈, “quoted” \\ %s :name",
        request={"model": "sdxl", "seed": 2**60 + 1, "nested": {"list": [1.5, None, True, "ü"]}},
        parent_job_id=parent.id,
        parent_image_index=3,
        interaction_token="tok",
        interaction_expires_at=datetime(2026, 1, 2, 12, 0, 0, 1, tzinfo=east),
    )
    submitted = (await jobs.submit(new)).job
    job = await jobs.get(submitted.id)
    assert job == submitted
    for field in ("user_id", "guild_id", "channel_id", "prompt", "request", "interaction_token"):
        assert getattr(job, field) == getattr(new, field)
    assert (job.parent_job_id, job.parent_image_index) == (parent.id, 3)
    assert job.interaction_expires_at == new.interaction_expires_at
    assert job.interaction_expires_at is not None
    assert job.interaction_expires_at.tzinfo is UTC


async def test_a_time_without_a_zone_is_refused(jobs: Jobs, make_job: MakeJob) -> None:
    naive = datetime(2026, 1, 1)  # noqa: DTZ001
    with pytest.raises(StatementError, match="has no time zone"):
        await jobs.submit(make_job(interaction_expires_at=naive))


@pytest.mark.parametrize("key", ["", "k" * 101], ids=["empty", "too long"])
def test_a_key_that_does_not_fit_is_refused(make_job: MakeJob, key: str) -> None:
    with pytest.raises(ValueError, match="idempotency_key"):
        make_job(idempotency_key=key)


def test_a_prompt_with_nul_is_refused(make_job: MakeJob) -> None:
    with pytest.raises(ValueError, match="NUL"):
        make_job(prompt="a\0b")


def test_a_token_is_not_in_the_repr(make_job: MakeJob) -> None:
    assert "hush" not in repr(make_job(interaction_token="hush"))


async def test_users_and_guilds_keep_their_latest_name(
    db: Database, jobs: Jobs, make_job: MakeJob, clock: FakeClock
) -> None:
    first = clock.now
    await jobs.submit(make_job(user_name="Ann", guild_id=5, guild_name="Old"))
    clock.advance(60)
    await jobs.submit(make_job(user_name="Anna", guild_id=5, guild_name="New"))
    async with db.read() as connection:
        user = (await connection.execute(select(users))).one()
        guild = (await connection.execute(select(guilds))).one()
    assert (user.name, user.created_at, user.seen_at) == ("Anna", first, clock.now)
    assert (guild.name, guild.created_at, guild.seen_at) == ("New", first, clock.now)


async def test_an_id_never_comes_back(db: Database, jobs: Jobs, make_job: MakeJob) -> None:
    gone = (await jobs.submit(make_job())).job
    async with db.write() as connection:
        await connection.execute(delete(table).where(table.c.id == gone.id))
    assert (await jobs.submit(make_job())).job.id > gone.id
