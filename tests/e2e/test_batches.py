"""Jobs that are drawn together, as people see them: each has its own progress, end and Cancel."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.playground import Message
from storage import JobState
from tests.e2e.channel import GRID_BUTTONS, Channel, open_channel
from tests.light.executor import LightExecutor

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOM_FOR_THREE = 3 * 4 * 128**2


@pytest_asyncio.fixture(loop_scope="module")
async def light() -> AsyncIterator[LightExecutor]:
    async with LightExecutor.open(seconds=2.0, capacity_pixels=ROOM_FOR_THREE) as executor:
        yield executor


@pytest_asyncio.fixture(loop_scope="module")
async def channel(light: LightExecutor, tmp_path: Path) -> AsyncIterator[Channel]:
    async with open_channel(tmp_path, light) as opened:
        yield opened


async def batch(channel: Channel) -> list[Message]:
    """Have three people wait behind one; return the three messages once all are being drawn."""
    await channel.ada.slash("imagine", prompt="the first")
    people = (channel.ada, channel.ben, channel.grace)
    answers = [await person.slash("imagine", prompt="a cat") for person in people]
    return [await being_drawn(channel, answer.message.id) for answer in answers]


async def being_drawn(channel: Channel, message_id: str) -> Message:
    return await channel.ada.wait_for(lambda seen: seen.id == message_id and "%)" in seen.content)


async def test_three_are_drawn_at_once_and_one_is_cancelled(channel: Channel) -> None:
    ada, ben, grace = await batch(channel)
    await channel.ben.press(ben, "Cancel")
    stopped = await channel.ada.wait_for(
        lambda seen: seen.id == ben.id and seen.content.endswith("(Stopped)")
    )
    assert stopped.files == ()
    await asyncio.gather(channel.finished(ada), channel.finished(grace))
    async with channel.memory() as (jobs, _):
        drawn = [await jobs.get(job_id) for job_id in (2, 3, 4)]
    # Which job got which number is a race of three commands; whose was cancelled was seen above.
    states = sorted(job.state for job in drawn if job)
    assert states == [JobState.CANCELLED, JobState.DONE, JobState.DONE]
    begun = [job.started_at for job in drawn if job and job.started_at]
    assert (max(begun) - min(begun)).total_seconds() < 1


async def test_a_lost_worker_gives_back_all_of_its_batch(
    channel: Channel, light: LightExecutor
) -> None:
    messages = await batch(channel)
    os.kill(light.pids()[0], signal.SIGKILL)
    await asyncio.gather(*(channel.finished(message) for message in messages))
    grids = [versions[-1] for versions in channel.ada.versions.values() if versions]
    assert sum(one.labels == GRID_BUTTONS for one in grids) == 4
    async with channel.memory() as (jobs, _):
        drawn = [await jobs.get(job_id) for job_id in (2, 3, 4)]
    assert [(job.state, job.attempts) for job in drawn if job] == [(JobState.DONE, 2)] * 3
    # Any of the three may have been why, so they were not drawn together again.
    begun = sorted(job.started_at for job in drawn if job and job.started_at)
    assert (begun[1] - begun[0]).total_seconds() > 1
