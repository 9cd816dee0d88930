"""The whole path over real sockets: the stock client, the dispatcher, a worker, a database."""

from __future__ import annotations

import asyncio
import io

import pytest
from PIL import Image, ImageChops, ImageStat

from bot.playground import Message
from storage import JobState
from tests.e2e.channel import GRID_BUTTONS, Channel

pytestmark = pytest.mark.asyncio(loop_scope="session")

LONG = "a red apple --steps 150"
"""Draws long enough to be cancelled."""


async def picture_of(channel: Channel, message: Message) -> Image.Image:
    """Return the picture that hangs on a message."""
    data = await channel.ada.download(message.files[0])
    return Image.open(io.BytesIO(data)).convert("RGB")


def quadrant(grid: Image.Image, label: int) -> Image.Image:
    """Return picture 1 to 4 of a grid, in reading order."""
    width, height = grid.width // 2, grid.height // 2
    left, top = (label - 1) % 2 * width, (label - 1) // 2 * height
    return grid.crop((left, top, left + width, top + height))


def middle(picture: Image.Image) -> Image.Image:
    """Return the middle ninth of a picture."""
    width, height = picture.width // 3, picture.height // 3
    return picture.crop((width, height, 2 * width, 2 * height))


def corners(picture: Image.Image) -> Image.Image:
    """Return the four corners of a picture, a tenth of its side each, in one row."""
    side = picture.width // 10
    right, bottom = picture.width - side, picture.height - side
    row = Image.new("RGB", (4 * side, side))
    for index, (left, top) in enumerate(((0, 0), (right, 0), (0, bottom), (right, bottom))):
        row.paste(picture.crop((left, top, left + side, top + side)), (index * side, 0))
    return row


def is_mostly(picture: Image.Image, colour: str) -> bool:
    """Whether one of red, green and blue stands out in a picture's mean colour."""
    means = dict(zip(("red", "green", "blue"), ImageStat.Stat(picture).mean, strict=True))
    wanted = means.pop(colour)
    return wanted > max(means.values()) + 20


def distance(one: Image.Image, other: Image.Image) -> float:
    """Return the mean absolute difference of two pictures, 0 to 255."""
    return sum(ImageStat.Stat(ImageChops.difference(one, other)).mean) / 3


async def test_imagine_shows_a_preview_and_then_a_grid(channel: Channel) -> None:
    grid = await channel.imagine("a red apple on a blue background --seed 5")
    versions = channel.ada.versions[grid.id]
    assert versions[0].is_thinking
    assert any("Cancel" in version.labels for version in versions)
    assert any(
        version.files and version.files[0].filename == "preview.webp" for version in versions
    )
    assert grid.content.startswith("**a red apple on a blue background --seed 5** - <@")
    picture = await picture_of(channel, grid)
    assert picture.size == (1024, 1024)
    # What was asked for is in the picture: blue around, red in the middle.
    drawn = [quadrant(picture, label) for label in range(1, 5)]
    assert sum(is_mostly(corners(one), "blue") for one in drawn) >= 3
    assert sum(is_mostly(middle(one), "red") for one in drawn) >= 3


async def test_everything_about_a_grid_is_remembered(channel: Channel) -> None:
    await channel.imagine("a red apple on a blue background --seed 5")
    async with channel.memory() as (jobs, pictures):
        (job,) = await jobs.history(_user_id(channel), limit=10)
        rows = await pictures.of_job(job.id)
    assert job.state is JobState.DONE
    assert job.request["seed"] == 5
    assert job.timings is not None
    assert job.timings["total"] > 0
    assert [row.seed for row in rows] == [5, 6, 7, 8]
    assert len({row.sha256 for row in rows}) == 4


async def test_a_seed_draws_the_same_grid_again(channel: Channel) -> None:
    first = await channel.imagine("a red apple --seed 9 --steps 4")
    again = await channel.imagine("a red apple --seed 9 --steps 4", person=channel.ben)
    assert await channel.ada.download(first.files[0]) == await channel.ada.download(again.files[0])


async def test_u_posts_that_picture_from_storage(channel: Channel) -> None:
    grid = await channel.imagine("a cat --steps 4")
    whole = await picture_of(channel, grid)
    for label in (2, 3):
        answer = await channel.ada.press(grid, f"U{label}")
        single = await channel.picture(answer.message)
        assert f"Image #{label}" in single.content
        assert single.reply_to == grid.id
        assert distance(await picture_of(channel, single), quadrant(whole, label)) == 0


async def test_reroll_draws_the_same_words_with_a_new_seed(channel: Channel) -> None:
    grid = await channel.imagine("a cat --seed 1 --steps 4")
    answer = await channel.ben.press(grid, "🔄")
    again = await channel.finished(answer.message)
    assert again.content.startswith("**a cat --steps 4 --seed ")
    assert "--seed 1*" not in again.content
    assert distance(await picture_of(channel, grid), await picture_of(channel, again)) > 1
    async with channel.memory() as (jobs, _):
        job = await jobs.get(2)
    assert job is not None
    assert job.parent_job_id == 1
    assert f"<@{job.user_id}>" in again.content


async def test_v_draws_four_variations_of_that_picture(channel: Channel) -> None:
    grid = await channel.imagine("a red apple on a blue background --seed 5")
    answer = await channel.ada.press(grid, "V3")
    variations = await channel.finished(answer.message)
    assert "Variations (Strong) by" in variations.content
    assert variations.reply_to == grid.id
    async with channel.memory() as (jobs, pictures):
        job = await jobs.get(2)
        source = await pictures.get(1, 2)
    assert job is not None
    assert source is not None
    assert (job.parent_job_id, job.parent_image_index) == (1, 2)
    assert (job.request["type"], job.request["image"]) == ("image_to_image", source.sha256)
    picture = await picture_of(channel, variations)
    drawn = [quadrant(picture, label) for label in range(1, 5)]
    assert all(distance(drawn[0], other) > 0.5 for other in drawn[1:])
    assert sum(is_mostly(middle(one), "red") for one in drawn) >= 3


async def test_cancel_stops_a_running_job(channel: Channel) -> None:
    answer = await channel.ada.slash("imagine", prompt=LONG)
    running = await channel.ada.wait_for(
        lambda seen: seen.id == answer.message.id and "%)" in seen.content and seen.files
    )
    await channel.ada.press(running, "Cancel")
    stopped = await channel.ada.wait_for(
        lambda seen: seen.id == running.id and seen.content.endswith("(Stopped)")
    )
    assert stopped.labels == ()
    assert stopped.files == ()
    async with channel.memory() as (jobs, pictures):
        job = await jobs.get(1)
        assert await pictures.of_job(1) == []
    assert job is not None
    assert job.state is JobState.CANCELLED
    assert (await channel.imagine("a cat --steps 4")).files


async def test_a_cancelled_queued_job_is_never_drawn(channel: Channel) -> None:
    first = await channel.ada.slash("imagine", prompt=LONG)
    second = await channel.ben.slash("imagine", prompt="a cat")
    waiting = await channel.ben.wait_for(
        lambda seen: seen.id == second.message.id and "Waiting to start" in seen.content
    )
    await channel.ben.press(waiting, "Cancel")
    await channel.ben.wait_for(
        lambda seen: seen.id == waiting.id and seen.content.endswith("(Stopped)")
    )
    running = await channel.ada.wait_for(
        lambda seen: seen.id == first.message.id and "Cancel" in seen.labels
    )
    await channel.ada.press(running, "Cancel")
    await channel.ada.wait_for(
        lambda seen: seen.id == first.message.id and seen.content.endswith("(Stopped)")
    )
    async with channel.memory() as (jobs, _):
        job = await jobs.get(2)
    assert job is not None
    assert (job.state, job.attempts, job.cancelled_by) == (JobState.CANCELLED, 0, job.user_id)


async def test_only_the_owner_and_moderators_cancel(channel: Channel) -> None:
    answer = await channel.ada.slash("imagine", prompt=LONG)
    running = await channel.ada.wait_for(
        lambda seen: seen.id == answer.message.id and "Cancel" in seen.labels
    )
    await channel.ben.press(running, "Cancel")
    refusal = await channel.ben.wait_for(lambda seen: "Only the person who started" in seen.content)
    assert refusal.is_ephemeral
    await channel.grace.press(running, "Cancel")
    await channel.ada.wait_for(
        lambda seen: seen.id == running.id and seen.content.endswith("(Stopped)")
    )


@pytest.mark.parametrize(
    ("prompt", "lesson"),
    [
        ("a cat --arr 3:2", "Did you mean --ar?"),
        ("a cat --chaos 200", "0 to 100"),
        ("--ar 3:2", ""),
        ("a cat --ar 1.39:1", "139:100"),
    ],
    ids=["unknown", "out of range", "no words", "not whole numbers"],
)
async def test_a_bad_prompt_is_answered_privately_and_points(
    channel: Channel, prompt: str, lesson: str
) -> None:
    answer = await channel.ada.slash("imagine", prompt=prompt)
    assert answer.message.is_ephemeral
    assert "^" in answer.message.content
    assert lesson in answer.message.content
    async with channel.memory() as (jobs, _):
        assert await jobs.get(1) is None


async def test_autocomplete_offers_parameters(channel: Channel) -> None:
    choices = await channel.ada.autocomplete("imagine", focused="prompt", prompt="a cat --sty")
    assert [choice.value for choice in choices] == ["a cat --stylize", "a cat --style"]


async def test_a_direct_message_works_too(channel: Channel) -> None:
    answer = await channel.ada.slash("imagine", channel="dm", prompt="a cat --steps 4")
    grid = await channel.finished(answer.message)
    assert await channel.picture((await channel.ada.press(grid, "U1")).message)


async def test_people_at_once_all_get_their_own_grid(channel: Channel) -> None:
    people = (channel.ada, channel.ben, channel.grace)
    grids = await asyncio.gather(
        *(
            channel.imagine(f"a cat --steps 4 --seed {seed}", person=person)
            for seed, person in enumerate(people, start=1)
        )
    )
    assert len({grid.id for grid in grids}) == 3
    assert ["--seed 1*" in grids[0].content, "--seed 2*" in grids[1].content] == [True, True]


def _user_id(channel: Channel) -> int:
    return int(channel.playground.world.person("Ada").id)


async def test_a_grid_whose_message_was_deleted_is_posted_anew(channel: Channel) -> None:
    answer = await channel.ada.slash("imagine", prompt="a cat --steps 40")
    running = await channel.ada.wait_for(
        lambda seen: seen.id == answer.message.id and "%)" in seen.content
    )
    await channel.grace.delete(running)
    grid = await channel.ada.wait_for(
        lambda seen: seen.id != running.id and seen.labels == GRID_BUTTONS
    )
    assert "a cat" in grid.content
    assert await channel.picture((await channel.ada.press(grid, "U1")).message)


async def test_a_grid_that_took_longer_than_the_token_lives_is_shown_all_the_same(
    channel: Channel,
) -> None:
    answer = await channel.ada.slash("imagine", prompt="a cat --steps 40")
    await channel.ada.wait_for(lambda seen: seen.id == answer.message.id and "%)" in seen.content)
    channel.playground.clock.advance(16 * 60)
    grid = await channel.finished(answer.message)
    assert grid.files
