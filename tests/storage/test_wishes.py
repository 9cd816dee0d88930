from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from storage import Database, Jobs, Wishes

if TYPE_CHECKING:
    from tests.storage.conftest import FakeClock, MakeJob


@pytest.fixture
def wishes(db: Database, clock: FakeClock) -> Wishes:
    return Wishes(db, clock=clock)


async def test_a_wish_is_remembered_as_it_was_typed(wishes: Wishes, clock: FakeClock) -> None:
    wish = await wishes.add(user_id=2**63 - 1, prompt="a {🐈, \\,} %s --r 5")
    assert await wishes.get(wish.id) == wish
    assert (wish.prompt, wish.created_at) == ("a {🐈, \\,} %s --r 5", clock.now)


async def test_a_wish_keeps_where_its_pictures_are(wishes: Wishes) -> None:
    sources = {"https://example.com/cat.png": "0" * 64}
    wish = await wishes.add(user_id=1, prompt="https://example.com/cat.png a", sources=sources)
    assert (await wishes.get(wish.id)) == wish
    assert wish.sources == sources


async def test_a_wish_is_dropped_once_and_its_id_never_comes_back(wishes: Wishes) -> None:
    wish = await wishes.add(user_id=1, prompt="a")
    assert await wishes.drop(wish.id)
    assert not await wishes.drop(wish.id)
    assert await wishes.get(wish.id) is None
    assert (await wishes.add(user_id=1, prompt="b")).id > wish.id


async def test_a_wish_with_nul_is_refused(wishes: Wishes) -> None:
    with pytest.raises(ValueError, match="NUL"):
        await wishes.add(user_id=1, prompt="a\0b")


async def test_jobs_come_all_together_in_their_order(jobs: Jobs, make_job: MakeJob) -> None:
    news = [make_job(prompt=prompt) for prompt in ("a", "b", "c")]
    submitted = await jobs.submit_all(news)
    assert [one.job.prompt for one in submitted] == ["a", "b", "c"]
    assert [one.created for one in submitted] == [True] * 3
    again = await jobs.submit_all(news)
    assert [one.created for one in again] == [False] * 3
    assert [one.job for one in again] == [one.job for one in submitted]


async def test_jobs_come_all_or_none(jobs: Jobs, wishes: Wishes, make_job: MakeJob) -> None:
    wish = await wishes.add(user_id=1, prompt="a")
    unknown_parent = replace(make_job(), parent_job_id=999)
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        await jobs.submit_all([make_job(), unknown_parent], wish_id=wish.id)
    assert await jobs.queue_view(10) == []
    assert await wishes.get(wish.id) == wish


async def test_a_wish_is_fulfilled_once_however_often_yes_is_pressed(
    db: Database, other_db: Database, wishes: Wishes, make_job: MakeJob
) -> None:
    wish = await wishes.add(user_id=1, prompt="a")
    stores = [Jobs(db), Jobs(other_db)] * 3
    submitted = await asyncio.gather(
        *(store.submit_all([make_job(), make_job()], wish_id=wish.id) for store in stores)
    )
    assert sorted(map(len, submitted)) == [0, 0, 0, 0, 0, 2]
    assert len(await Jobs(db).queue_view(20)) == 2
    assert await wishes.get(wish.id) is None
