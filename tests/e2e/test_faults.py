"""Discord fails in all its ways: every job is shown once, or its user is told."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from bot.playground import FaultKind, Message, Permission
from bot.playground.server import Playground
from storage import Database, Deliveries, DeliveryState
from tests.e2e.channel import GRID_BUTTONS, Channel, open_channel
from tests.light.executor import LightExecutor

pytestmark = pytest.mark.asyncio(loop_scope="module")

EDIT = r"^/webhooks/.+/messages/"
SEND = r"^/channels/.+/messages$"
ACKNOWLEDGE = r"^/interactions/.+/callback$"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def light() -> AsyncIterator[LightExecutor]:
    async with LightExecutor.open(seconds=0.2) as executor:
        yield executor


@pytest_asyncio.fixture(loop_scope="module")
async def channel(light: LightExecutor, tmp_path: Path) -> AsyncIterator[Channel]:
    async with open_channel(tmp_path, light) as opened:
        yield opened


def grids(channel: Channel) -> list[Message]:
    """Return the messages that show a grid now."""
    last = [versions[-1] for versions in channel.ada.versions.values() if versions]
    return [message for message in last if message.labels == GRID_BUTTONS]


@pytest.mark.parametrize(
    ("kind", "times", "status", "is_global"),
    [
        (FaultKind.RATE_LIMITED, 3, 429, False),
        (FaultKind.RATE_LIMITED, 2, 429, True),
        (FaultKind.SERVER_ERROR, 1, 500, False),
        (FaultKind.SERVER_ERROR, 1, 502, False),
        (FaultKind.SERVER_ERROR, 1, 503, False),
        (FaultKind.SERVER_ERROR, 1, 520, False),
        (FaultKind.SERVER_ERROR, 1, 522, False),
        (FaultKind.DROPPED, 5, 0, False),
        (FaultKind.DROPPED_AFTER, 5, 0, False),
    ],
    ids=["429", "429 global", "500", "502", "503", "520", "522", "reset", "answer lost"],
)
async def test_a_grid_is_shown_once_after(
    channel: Channel, kind: FaultKind, times: int, status: int, *, is_global: bool
) -> None:
    answer = await channel.ada.slash("imagine", prompt="a cat")
    channel.playground.faults.inject(
        kind, method="PATCH", path=EDIT, times=times, status=status, is_global=is_global
    )
    await channel.finished(answer.message)
    assert len(grids(channel)) == 1


FAULTS = pytest.mark.parametrize(
    ("kind", "status"),
    [
        (FaultKind.SERVER_ERROR, 503),
        (FaultKind.SERVER_ERROR, 520),
        (FaultKind.DROPPED, 0),
        (FaultKind.DROPPED_AFTER, 0),
    ],
    ids=["503", "520", "reset", "answer lost"],
)


@FAULTS
async def test_an_old_job_is_shown_by_the_channel_in_spite_of(
    channel: Channel, kind: FaultKind, status: int
) -> None:
    answer = await channel.ada.slash("imagine", prompt="a cat")
    channel.playground.clock.advance(16 * 60)
    channel.playground.faults.inject(
        kind, method="PATCH", path=r"^/channels/.+/messages/", status=status, times=2
    )
    await channel.finished(answer.message)
    assert len(grids(channel)) == 1


@FAULTS
async def test_a_command_is_acknowledged_in_spite_of(
    channel: Channel, kind: FaultKind, status: int
) -> None:
    channel.playground.faults.inject(kind, path=ACKNOWLEDGE, status=status)
    await channel.ada.slash("imagine", prompt="a cat")
    await channel.ada.wait_for(lambda seen: seen.labels == GRID_BUTTONS)
    assert len(grids(channel)) == 1


async def test_a_refusal_reaches_its_user_though_the_answer_was_lost(channel: Channel) -> None:
    grid = await channel.imagine("a cat")
    running = await channel.ada.slash("imagine", prompt="a dog")
    waiting = await channel.ada.wait_for(
        lambda seen: seen.id == running.message.id and "Cancel" in seen.labels
    )
    channel.playground.faults.inject(FaultKind.DROPPED_AFTER, path=ACKNOWLEDGE)
    await channel.ben.press(waiting, "Cancel")
    await channel.ben.wait_for(
        lambda seen: "Only the person" in seen.content or "no longer" in seen.content
    )
    await channel.finished(running.message)
    assert grid.files


async def test_a_send_whose_answer_was_lost_posts_one_message(channel: Channel) -> None:
    answer = await channel.ada.slash("imagine", prompt="a cat")
    channel.playground.faults.inject(FaultKind.DROPPED_AFTER, path=SEND, times=2)
    await channel.grace.delete(answer.message)
    await channel.ada.wait_for(lambda seen: seen.labels == GRID_BUTTONS)
    assert len(grids(channel)) == 1


async def test_a_file_that_is_too_large_becomes_smaller(channel: Channel) -> None:
    answer = await channel.ada.slash("imagine", prompt="a cat")
    await channel.ada.wait_for(lambda seen: seen.id == answer.message.id and "%)" in seen.content)
    channel.playground.faults.inject(
        FaultKind.SERVER_ERROR, method="PATCH", path=EDIT, times=3, status=413
    )
    grid = await channel.finished(answer.message)
    assert grid.files[0].filename.endswith(".webp")


async def reconnect(playground: Playground) -> None:
    playground.gateway.ask_to_reconnect()


async def invalidate(playground: Playground) -> None:
    playground.gateway.invalidate(resumable=True)


async def begin_anew(playground: Playground) -> None:
    playground.gateway.invalidate(resumable=False)


async def abort(playground: Playground) -> None:
    playground.gateway.abort()


async def close(playground: Playground) -> None:
    await playground.gateway.close(4000)


@pytest.mark.parametrize(
    "fault",
    [reconnect, invalidate, begin_anew, abort, close],
    ids=["op 7", "op 9", "op 9 for good", "abort", "4000"],
)
async def test_the_gateway_fails_and_the_grid_comes(
    channel: Channel, fault: Callable[[Playground], Awaitable[None]]
) -> None:
    answer = await channel.ada.slash("imagine", prompt="a cat")
    await fault(channel.playground)
    await channel.finished(answer.message)
    await channel.ada.wait_until_online()
    await channel.finished((await channel.ada.slash("imagine", prompt="a dog")).message)
    assert len(grids(channel)) == 2


async def test_a_deleted_channel_makes_a_direct_message(channel: Channel) -> None:
    world = channel.playground.world
    await channel.ada.slash("imagine", prompt="a cat", channel="gallery")
    world.delete_channel(world.channel("gallery"))
    grid = await channel.ada.wait_for(lambda seen: seen.labels == GRID_BUTTONS)
    assert world.channels[grid.channel_id].is_dm


async def test_a_channel_that_is_closed_to_the_bot_makes_a_direct_message(
    channel: Channel,
) -> None:
    world = channel.playground.world
    await channel.ada.slash("imagine", prompt="a cat")
    world.deny(world.channel("imagine"), Permission.VIEW_CHANNEL)
    channel.playground.clock.advance(16 * 60)
    grid = await channel.ada.wait_for(lambda seen: seen.labels == GRID_BUTTONS)
    assert world.channels[grid.channel_id].is_dm


async def test_whom_no_way_leads_to_is_told_by_the_next_thing_they_do(channel: Channel) -> None:
    world = channel.playground.world
    world.person("Ada").takes_dms = False
    await channel.ada.slash("imagine", prompt="a lost cat", channel="gallery")
    world.delete_channel(world.channel("gallery"))
    # Ben's job waits behind Ada's, and is delivered after it.
    await channel.imagine("a dog", person=channel.ben)
    async with Database.open(channel.settings.resolved_database_url) as database:
        deliveries = Deliveries(database)
        (lost,) = await deliveries.untold(int(world.person("Ada").id), limit=9)
        assert lost.state is DeliveryState.FAILED
        await channel.ada.slash("imagine", prompt="a bird")
        told = await channel.ada.wait_for(
            lambda seen: seen.is_ephemeral and "a lost cat" in seen.content
        )
        assert told.labels == GRID_BUTTONS
        assert re.match("I could not reach you", told.content)
        assert await channel.picture((await channel.ada.press(told, "U1")).message)
        assert await deliveries.untold(lost.job_id, limit=9) == []


async def test_a_grid_that_cannot_be_stored_is_told_and_the_next_one_comes(
    channel: Channel, tmp_path: Path
) -> None:
    folder = tmp_path / "pictures" / "img"
    await asyncio.to_thread(folder.write_text, "a file where a folder should be")
    answer = await channel.ada.slash("imagine", prompt="a cat")
    failed = await channel.ada.wait_for(
        lambda seen: seen.id == answer.message.id and "(Failed)" in seen.content
    )
    assert "could not be stored" in failed.content
    await asyncio.to_thread(folder.unlink)
    assert (await channel.imagine("a dog")).files
