"""The bot is killed, not asked to stop, and nothing of what it was told is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.playground import Human, Message, Playground
from storage import Database, Jobs, JobState
from tests.e2e.channel import GRID_BUTTONS, validated
from tests.e2e.process import killable

PATIENCE_SECONDS = 90.0


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
    assert (job.state, job.fence, job.attempts) == (JobState.DONE, 2, 1)
