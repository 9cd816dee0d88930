"""The bot is killed, not asked to stop, and nothing of what it was told is lost."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.playground import Human, Message, Playground
from storage import Database, Jobs, JobState
from tests.e2e.channel import GRID_BUTTONS, validated

PATIENCE_SECONDS = 90.0


class Bot:
    """The bot in a process group of its own, so that its worker dies with it."""

    def __init__(self, playground: Playground, data_dir: Path) -> None:
        self._arguments = (playground.base_url, playground.bot_token, str(data_dir))
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.e2e.bot_process",
            *self._arguments,
            start_new_session=True,
        )

    async def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()


@contextlib.asynccontextmanager
async def killable(playground: Playground, data_dir: Path) -> AsyncIterator[Bot]:
    bot = Bot(playground, data_dir)
    try:
        yield bot
    finally:
        await bot.kill()


async def grid_at(person: Human, message: Message) -> Message:
    return await person.wait_for(
        lambda seen: seen.id == message.id and seen.labels == GRID_BUTTONS,
        timeout_seconds=PATIENCE_SECONDS,
    )


@pytest.mark.slow
async def test_buttons_and_a_job_half_drawn_survive_a_kill(tmp_path: Path) -> None:
    async with Playground() as playground, killable(playground, tmp_path) as bot:
        with validated(playground):
            async with playground.human("Ada") as ada:
                await bot.start()
                await ada.wait_until_online(timeout_seconds=PATIENCE_SECONDS)
                first = await ada.slash("imagine", prompt="a cat --steps 4 --seed 3")
                grid = await grid_at(ada, first.message)
                second = await ada.slash("imagine", prompt="a dog --steps 60 --seed 4")
                await ada.wait_for(
                    lambda seen: seen.id == second.message.id and "%)" in seen.content,
                    timeout_seconds=PATIENCE_SECONDS,
                )
                await bot.kill()
                if ada.is_bot_online:
                    await ada.wait_for_event("BOT_STATUS", lambda data: not data["online"])

                await bot.start()
                await ada.wait_until_online(timeout_seconds=PATIENCE_SECONDS)
                single = (await ada.press(grid, "U2")).message
                await ada.wait_for(lambda seen: seen.id == single.id and seen.files)
                drawn_again = await grid_at(ada, second.message)
                assert "a dog" in drawn_again.content
                again = (await ada.press(grid, "🔄")).message
                await grid_at(ada, again)
                shown = [message for message in await ada.messages() if message.files]
                assert len(shown) == 4
    async with Database.open(f"sqlite+aiosqlite:///{tmp_path / 'easel.db'}") as database:
        job = await Jobs(database).get(2)
    assert job is not None
    assert (job.state, job.attempts) == (JobState.DONE, 2)
