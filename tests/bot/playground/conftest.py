from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from bot.playground import Human, Playground, point_discord_at
from tests.bot.playground.demo_bot import DemoBot
from tests.bot.playground.openapi import DOCUMENT, OpenAPIValidator


@pytest.fixture
async def playground() -> AsyncIterator[Playground]:
    """A playground whose every exchange is judged: no violation, no route it does not know."""
    async with Playground() as opened:
        validator = OpenAPIValidator().attach(opened) if DOCUMENT.exists() else None
        yield opened
    assert opened.unimplemented == []
    assert validator is None or validator.violations == []


@pytest.fixture
def pointed(playground: Playground) -> Iterator[None]:
    with point_discord_at(playground.base_url):
        yield


@asynccontextmanager
async def running(bot: DemoBot, token: str) -> AsyncIterator[DemoBot]:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(bot.start(token))
        try:
            yield bot
        finally:
            await bot.close()


@pytest.fixture
async def ada(playground: Playground) -> AsyncIterator[Human]:
    async with playground.human("Ada") as human:
        yield human


@pytest.fixture
async def ben(playground: Playground) -> AsyncIterator[Human]:
    async with playground.human("Ben") as human:
        yield human


@pytest.fixture
async def bot(playground: Playground, pointed: None, ada: Human) -> AsyncIterator[DemoBot]:
    del pointed
    async with running(DemoBot(), playground.bot_token) as running_bot:
        await ada.wait_until_online()
        yield running_bot
