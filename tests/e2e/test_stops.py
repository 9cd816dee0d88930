"""How a bot ends: asked twice, or without its database."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from pathlib import Path

import pytest

from bot.cli.run import EXIT_LOST
from bot.cli.stop import EXIT_STOPPED
from bot.playground import Playground
from storage import Database, Jobs, JobState
from tests.e2e.process import ROOT, killable
from tests.storage.conftest import start_postgres

pytestmark = pytest.mark.slow

PATIENCE_SECONDS = 90.0


async def test_a_second_ctrl_c_stops_at_once_and_gives_the_job_back(tmp_path: Path) -> None:
    options = ("--light", "600", "--drain", "600")
    async with (
        Playground() as playground,
        killable(playground, tmp_path, *options) as bot,
        playground.human("Ada") as ada,
    ):
        await bot.start(captures=True)
        await ada.wait_until_online(timeout_seconds=PATIENCE_SECONDS)
        answer = await ada.slash("imagine", prompt="a cat")
        await ada.wait_for(
            lambda seen: seen.id == answer.message.id and "Cancel" in seen.labels,
            timeout_seconds=PATIENCE_SECONDS,
        )
        await until_running(tmp_path)
        bot.signal(signal.SIGINT)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(bot.exited()), 1.0)
        bot.signal(signal.SIGINT)
        status, said = await asyncio.wait_for(bot.ended(), PATIENCE_SECONDS)
    assert status == EXIT_STOPPED
    assert "Traceback" not in said
    async with Database.open(f"sqlite:///{tmp_path / 'easel.db'}") as database:
        job = await Jobs(database).get(1)
    assert job is not None
    assert (job.state, job.attempts) == (JobState.QUEUED, 0)


async def until_running(data_dir: Path) -> None:
    async with Database.open(f"sqlite:///{data_dir / 'easel.db'}") as database:
        while not await Jobs(database).running():  # noqa: ASYNC110 - another process's row
            await asyncio.sleep(0.05)


async def test_a_lost_database_is_one_sentence_and_an_exit_code(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="easel-pg-") as folder:
        server = start_postgres(Path(folder) / "data")
        easel = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "run", "--no-browser", "--port", "0"),
            cwd=ROOT,
            env=environment(tmp_path, server.get_uri()),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                assert easel.stdout is not None
                while b"Ctrl-C" not in (line := await easel.stdout.readline()):
                    assert line, await easel.communicate()
                await asyncio.to_thread(server.cleanup)
                _, said = await easel.communicate()
        finally:
            if easel.returncode is None:
                easel.kill()
                await easel.wait()
    told = said.decode()
    assert easel.returncode == EXIT_LOST, told
    assert told.count("easel: the database does not answer") == 1, told
    assert "start again" in told
    assert "Traceback" not in told, told


def environment(data_dir: Path, url: str) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("EASEL_", "DISCORD_"))
    }
    return kept | {
        "PYTHONPATH": str(ROOT),
        "EASEL_DATA_DIR": str(data_dir),
        "EASEL_DATABASE_URL": url,
        "EASEL_LEASE_SECONDS": "3",
        "EASEL_DEVICE": "cpu",
        "EASEL_THREADS": "1",
    }
