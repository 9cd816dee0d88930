"""One wish, many jobs: braces, --repeat, the question before many of them; and /help."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.playground import Message, Playground
from engine.executors.local import LocalExecutor
from storage import Database, JobState, Wishes
from tests.e2e.channel import GRID_BUTTONS, Channel, open_channel

pytestmark = pytest.mark.asyncio(loop_scope="session")

SIX = "a {red, green, blue} {cat, dog} --steps 2"


def is_grid_of(prompt: str) -> Callable[[Message], bool]:
    return lambda seen: seen.labels == GRID_BUTTONS and seen.content.startswith(f"**{prompt} ")


async def grids(channel: Channel, *prompts: str) -> list[Message]:
    """Return the finished grid of each prompt."""
    return [
        await channel.ada.wait_for(is_grid_of(prompt), timeout_seconds=60) for prompt in prompts
    ]


async def question(channel: Channel, prompt: str) -> Message:
    """Type /imagine and return what is asked back."""
    answer = await channel.ada.slash("imagine", prompt=prompt)
    return await channel.ada.wait_for(
        lambda seen: seen.id == answer.message.id and seen.labels == ("Yes", "No")
    )


async def test_a_permutation_of_two_draws_two_grids(channel: Channel) -> None:
    answer = await channel.ada.slash("imagine", prompt="a {cat, dog} --steps 2 --relax")
    cat, dog = await grids(channel, "a cat", "a dog")
    assert cat.id == answer.message.id
    assert "(relax)" in cat.content
    assert await channel.ada.download(cat.files[0]) != await channel.ada.download(dog.files[0])
    assert await channel.picture((await channel.ada.press(dog, "U2")).message)
    async with channel.memory() as (jobs, _):
        both = [await jobs.get(job_id) for job_id in (1, 2)]
    assert [job.prompt.split(" --")[0] for job in both if job] == ["a cat", "a dog"]
    assert len({job.request["seed"] for job in both if job}) == 2
    assert {job.lane for job in both if job} == {"relax"}


async def test_six_ask_first_and_yes_draws_them_all(channel: Channel) -> None:
    channel.playground.rate_limits.is_enabled = False
    asked = await question(channel, SIX)
    assert asked.is_ephemeral
    assert "6 jobs of 4 pictures, 24 in all" in asked.content
    assert "3. a green cat" in asked.content
    await channel.ada.press(asked, "Yes")
    colours, animals = ("red", "green", "blue"), ("cat", "dog")
    drawn = await grids(channel, *(f"a {one} {two}" for one in colours for two in animals))
    assert len({grid.id for grid in drawn}) == 6
    answered = await channel.ada.wait_for(
        lambda seen: seen.id == asked.id and seen.content.startswith("Drawing 6 jobs")
    )
    assert answered.labels == ()
    async with channel.memory() as (jobs, _):
        assert await jobs.get(7) is None


async def test_two_presses_on_yes_draw_once(channel: Channel) -> None:
    channel.playground.rate_limits.is_enabled = False
    prompts = [f"a cat --chaos {chaos}" for chaos in range(1, 6)]
    asked = await question(channel, "a cat --chaos {1, 2, 3, 4, 5} --steps 1")
    await asyncio.gather(*(channel.ada.press(asked, "Yes") for _ in range(2)))
    drawn = await grids(channel, *prompts)
    async with channel.memory() as (jobs, _):
        assert await jobs.get(6) is None
    shown = [one for one in await channel.ada.messages() if one.content.startswith("**a cat")]
    assert {one.id for one in shown} == {one.id for one in drawn}


async def test_no_draws_nothing(channel: Channel) -> None:
    asked = await question(channel, "a cat --repeat 5")
    await channel.ada.press(asked, "No")
    refused = await channel.ada.wait_for(
        lambda seen: seen.id == asked.id and seen.content == "Nothing was drawn."
    )
    assert refused.labels == ()
    async with (
        channel.memory() as (jobs, _),
        Database.open(channel.settings.resolved_database_url) as database,
    ):
        assert await jobs.get(1) is None
        assert await Wishes(database).get(1) is None


async def test_a_question_survives_a_restart_and_is_answered_once(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    async with Playground() as playground:
        playground.rate_limits.is_enabled = False
        async with open_channel(tmp_path, executor, playground=playground) as channel:
            asked = await question(channel, "a cat --repeat 5 --steps 1")
        async with open_channel(tmp_path, executor, playground=playground) as channel:
            await channel.ada.press(asked, "Yes")
            await channel.ada.wait_for(
                lambda seen: seen.id == asked.id and seen.content.startswith("Drawing 5 jobs")
            )
            async with channel.memory() as (jobs, _):
                last = await jobs.get(5)
                assert last is not None
                assert last.state in {JobState.QUEUED, JobState.RUNNING, JobState.DONE}
                assert await jobs.get(6) is None
            async with Database.open(channel.settings.resolved_database_url) as database:
                assert await Wishes(database).get(1) is None


@pytest.mark.parametrize(
    ("prompt", "lesson"),
    [("a {b", "not closed"), ("{a,b}" * 20, "1,048,576 prompts"), ("a --v 6", "Try --v 0")],
    ids=["open braces", "a million", "a version"],
)
async def test_what_cannot_be_many_jobs_is_answered_in_private(
    channel: Channel, prompt: str, lesson: str
) -> None:
    answer = await channel.ada.slash("imagine", prompt=prompt)
    assert answer.message.is_ephemeral
    assert lesson in answer.message.content


async def test_help_tells_how_and_what(channel: Channel) -> None:
    overview = (await channel.ada.slash("help")).message
    assert overview.is_ephemeral
    assert "{red, green} bird" in overview.content
    assert "`--ar 16:9`" in overview.content
    topic = (await channel.ada.slash("help", topic="--s")).message
    assert "a whole number from 0 to 1000, normally `100`" in topic.content
    unknown = (await channel.ada.slash("help", topic="xyz")).message
    assert "There is no such topic." in unknown.content
    choices = await channel.ada.autocomplete("help", focused="topic", topic="--se")
    assert [choice.value for choice in choices] == ["seed"]
