"""The queue as people see it: places, limits in numbers, and /queue."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from storage import CancelOutcome
from tests.e2e.channel import GRID_BUTTONS, Channel, open_channel
from tests.light.executor import LightExecutor

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def slow_channel(tmp_path: Path) -> AsyncIterator[Channel]:
    """A worker that draws until it is stopped, and room for two."""
    async with (
        LightExecutor.open(seconds=60) as executor,
        open_channel(tmp_path, executor, max_waiting_per_user=2, max_waiting=3) as channel,
    ):
        first = await channel.ada.slash("imagine", prompt="a long cat")
        await channel.ada.wait_for(
            lambda seen: seen.id == first.message.id and "%)" in seen.content
        )
        yield channel


async def test_too_many_jobs_are_refused_privately_and_in_numbers(slow_channel: Channel) -> None:
    ada, ben = slow_channel.ada, slow_channel.ben
    for prompt in ("a", "b"):
        await ada.slash("imagine", prompt=prompt)
    await ada.slash("imagine", prompt="c")
    refused = await ada.wait_for(lambda seen: "You have 2 jobs waiting" in seen.content)
    assert refused.is_ephemeral
    await ben.slash("imagine", prompt="d")
    await ben.slash("imagine", prompt="e")
    refused = await ben.wait_for(lambda seen: "The queue is full: 3 jobs" in seen.content)
    assert refused.is_ephemeral


async def test_the_queue_is_shown_privately_with_ones_own_jobs_marked(
    slow_channel: Channel,
) -> None:
    ada, ben = slow_channel.ada, slow_channel.ben
    await ben.slash("imagine", prompt="a bird")
    await ben.wait_for(lambda seen: "Waiting to start" in seen.content)
    await ada.slash("queue")
    shown = await ada.wait_for(lambda seen: "being drawn" in seen.content)
    assert shown.is_ephemeral
    assert shown.content.startswith("**1 job being drawn, 1 waiting**")
    assert shown.content.splitlines()[1].endswith("**yours**")
    assert "yours" not in shown.content.splitlines()[2]


async def test_a_place_in_the_line_is_corrected_when_the_line_moves(
    slow_channel: Channel,
) -> None:
    ada, ben = slow_channel.ada, slow_channel.ben
    first = await ada.slash("imagine", prompt="a")
    await ada.wait_for(lambda seen: seen.id == first.message.id and "Cancel" in seen.labels)
    second = await ada.slash("imagine", prompt="b")
    waiting = await ada.wait_for(
        lambda seen: seen.id == second.message.id and "1 before you" in seen.content
    )
    # Ben has had nothing yet, so he goes before both of Ada's.
    await ben.slash("imagine", prompt="a bird")
    await ada.wait_for(lambda seen: seen.id == waiting.id and "2 before you" in seen.content)
    await ada.press(waiting, "Cancel")
    await ada.wait_for(lambda seen: seen.id == waiting.id and "(Stopped)" in seen.content)


async def test_what_another_bot_was_asked_to_stop_is_stopped(slow_channel: Channel) -> None:
    async with slow_channel.memory() as (jobs, _):
        assert await jobs.request_cancel(1, by=9) is CancelOutcome.REQUESTED
    await slow_channel.ada.wait_for(
        lambda seen: "a long cat" in seen.content and seen.content.endswith("(Stopped)")
    )


async def test_the_time_left_is_learned(tmp_path: Path) -> None:
    async with (
        LightExecutor.open(seconds=1.5) as executor,
        open_channel(tmp_path, executor) as channel,
    ):
        await channel.imagine("a cat")
        await channel.ada.slash("imagine", prompt="a dog")
        await channel.ada.slash("imagine", prompt="a bird")
        await channel.ada.wait_for(
            lambda seen: "a bird" in seen.content and "about 5 s" in seen.content
        )
        await channel.ada.wait_for(
            lambda seen: "a bird" in seen.content and seen.labels == GRID_BUTTONS
        )
