"""The bot and its workers are killed again and again, and the accounts are right at the end."""

from __future__ import annotations

import asyncio
import random
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.dispatch.checkpoints import Checkpoint
from bot.messages import INTERRUPTED
from bot.playground import Playground
from storage import Database, Jobs, JobState, Promises
from tests.e2e.bot_process import EXIT_LEASE_LOST
from tests.e2e.process import killable
from tests.e2e.storm import PATIENCE_SECONDS, end_of, shows_an_end, storm
from tests.storage.conftest import postgres_database, start_postgres

pytestmark = pytest.mark.slow


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'easel.db'}"
        return
    with tempfile.TemporaryDirectory(prefix="easel-pg-") as folder:
        server = start_postgres(Path(folder) / "data")
        with postgres_database(server.get_uri()) as url:
            yield url
        server.cleanup()


async def test_no_job_is_lost_or_shown_twice_by_kills(tmp_path: Path, database_url: str) -> None:
    options = ("--light", "0.15", "--database-url", database_url)
    async with (
        Playground() as playground,
        killable(playground, tmp_path, *options) as bot,
        playground.human("Ada") as ada,
    ):
        kills = 16 if database_url.startswith("sqlite") else 6
        report = await storm(
            bot, ada, database_url, kills=kills, chance=random.Random(7), bot_share=0.35
        )
    assert report.kills == kills
    assert report.states.total() > 0
    assert report.is_whole, report


async def test_a_fall_at_any_checkpoint_is_survived(tmp_path: Path, database_url: str) -> None:
    options = ("--light", "0.05", "--database-url", database_url)
    async with (
        Playground() as playground,
        killable(playground, tmp_path, *options) as bot,
        playground.human("Ada") as ada,
    ):
        for number, checkpoint in enumerate(Checkpoint, start=1):
            await bot.start("--die-at", checkpoint)
            await ada.wait_until_online(timeout_seconds=PATIENCE_SECONDS)
            is_queued = checkpoint is not Checkpoint.ACKNOWLEDGED
            prompt = f"cat number {number} --seed 1" if is_queued else "two {cats, dogs}"
            await ada.slash("imagine", prompt=prompt)
            status, _ = await bot.ended()
            assert status == -signal.SIGKILL
            if ada.is_bot_online:
                await ada.wait_for_event("BOT_STATUS", lambda data: not data["online"])
        await bot.start()
        queued = len(Checkpoint) - 1
        for number in range(2, 2 + queued):
            await ada.wait_for(
                end_of(f"cat number {number} --seed 1"), timeout_seconds=PATIENCE_SECONDS
            )
        ends = [versions[-1] for versions in ada.versions.values() if shows_an_end(versions[-1])]
        assert len(ends) == queued
        # What fell before it was in the queue is not drawn, and its user is told so.
        shown = [versions[-1].content for versions in ada.versions.values() if versions]
        assert shown.count(INTERRUPTED) == 2
        async with Database.open(database_url) as database:
            for number in range(1, 1 + queued):
                job = await Jobs(database).get(number)
                assert job is not None
                assert job.state is JobState.DONE
            assert await Promises(database).take_broken(spared=set()) == []


async def test_a_bot_that_slept_too_long_is_fenced_out(tmp_path: Path, database_url: str) -> None:
    database = ("--database-url", database_url)
    async with (
        Playground() as playground,
        killable(playground, tmp_path, "--light", "1.0", *database) as sleeper,
        killable(playground, tmp_path, "--light", "0.1", *database) as other,
        playground.human("Ada") as ada,
    ):
        await sleeper.start(captures=True)
        await ada.wait_until_online(timeout_seconds=PATIENCE_SECONDS)
        answer = await ada.slash("imagine", prompt="a cat")
        await ada.wait_for(lambda seen: seen.id == answer.message.id and "%)" in seen.content)
        sleeper.signal(signal.SIGSTOP)
        await other.start()
        grid = await ada.wait_for(shows_an_end, timeout_seconds=PATIENCE_SECONDS)
        sleeper.signal(signal.SIGCONT)
        status, said = await sleeper.ended()
        assert status == EXIT_LEASE_LOST
        assert "has taken over" in said
        assert "Traceback" not in said
        assert ada.versions[grid.id][-1] == grid
    async with Database.open(database_url) as opened:
        job = await Jobs(opened).get(1)
    assert job is not None
    assert (job.state, job.fence, job.attempts) == (JobState.DONE, 2, 1)


@pytest.mark.parametrize(("drain", "attempts"), [("20", 1), ("0", 0)], ids=["drains", "requeues"])
async def test_a_stop_waits_for_what_is_drawn_or_hands_it_back(
    tmp_path: Path, drain: str, attempts: int
) -> None:
    async with (
        Playground() as playground,
        killable(playground, tmp_path, "--light", "1.0", "--drain", drain) as bot,
        playground.human("Ada") as ada,
    ):
        await bot.start()
        await ada.wait_until_online(timeout_seconds=PATIENCE_SECONDS)
        first = await ada.slash("imagine", prompt="cat number 1")
        await ada.slash("imagine", prompt="cat number 2")
        await ada.wait_for(lambda seen: seen.id == first.message.id and "%)" in seen.content)
        bot.signal(signal.SIGTERM)
        status, _ = await asyncio.wait_for(bot.ended(), PATIENCE_SECONDS)
        assert status == 0
        shown = [versions[-1] for versions in ada.versions.values() if versions]
    async with Database.open(f"sqlite:///{tmp_path / 'easel.db'}") as database:
        jobs = [await Jobs(database).get(job_id) for job_id in (1, 2)]
    states = [(job.state, job.attempts) for job in jobs if job is not None]
    drained = drain != "0"
    assert states[0] == (JobState.DONE if drained else JobState.QUEUED, attempts)
    assert states[1] == (JobState.QUEUED, 0)
    assert sum(map(shows_an_end, shown)) == drained
