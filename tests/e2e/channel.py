"""A local channel with the real bot in it, for one drive.

When the drive is over, every request that the bot sent and every answer of the server must have
been what Discord's own API description allows, and no route may have been missing.
"""

from __future__ import annotations

import contextlib
import ssl
import warnings
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bot.app import open_bot
from bot.client import EaselClient
from bot.pictures.addresses import Reach
from bot.playground import Human, Message, Playground, point_discord_at
from bot.settings import Settings, read_settings
from engine.api import Executor
from engine.models.catalog import Catalog
from storage import Database, Jobs, Pictures
from tests.bot.playground.openapi import DOCUMENT, OpenAPIValidator

PATIENCE_SECONDS = 60.0
GRID_BUTTONS = ("U1", "U2", "U3", "U4", "🔄", "V1", "V2", "V3", "V4")


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """What a drive needs at hand."""

    playground: Playground
    client: EaselClient
    settings: Settings
    ada: Human
    ben: Human
    grace: Human

    async def imagine(self, prompt: str, *, person: Human | None = None) -> Message:
        """Type /imagine and return the finished grid."""
        person = person or self.ada
        answer = await person.slash("imagine", prompt=prompt)
        return await self.finished(answer.message, person=person)

    async def finished(self, message: Message, *, person: Human | None = None) -> Message:
        """Return the message once it shows a grid with its buttons."""
        return await (person or self.ada).wait_for(
            lambda seen: seen.id == message.id and seen.labels == GRID_BUTTONS,
            timeout_seconds=PATIENCE_SECONDS,
        )

    async def picture(self, message: Message) -> Message:
        """Return the message once a file hangs on it."""
        return await self.ada.wait_for(lambda seen: seen.id == message.id and seen.files)

    @contextlib.asynccontextmanager
    async def memory(self) -> AsyncIterator[tuple[Jobs, Pictures]]:
        """Open the bot's database beside the bot."""
        async with Database.open(self.settings.resolved_database_url) as database:
            yield Jobs(database), Pictures(database)


def settings_in(data_dir: Path, **overrides: object) -> Settings:
    """Return settings of which none comes from this machine's environment or `.env`."""
    fixed: dict[str, object] = {
        "data_dir": data_dir,
        "database_url": None,
        "blobs_url": None,
        "models_dir": None,
        "catalog": None,
        "model": "pocket",
        "device": "cpu",
        "threads": 1,
        "lease_seconds": 1.5,
        "drain_seconds": 0,
    }
    return read_settings(**{**fixed, **overrides})


@contextlib.asynccontextmanager
async def open_channel(
    data_dir: Path,
    executor: Executor,
    *,
    playground: Playground | None = None,
    connector: aiohttp.BaseConnector | None = None,
    ssl_context: ssl.SSLContext | None = None,
    **overrides: object,
) -> AsyncIterator[Channel]:
    """Bring the real bot online in a local channel; `overrides` are settings."""
    settings = settings_in(data_dir, **overrides)
    async with contextlib.AsyncExitStack() as stack:
        if playground is None:
            playground = await stack.enter_async_context(Playground())
        if connector is None:
            stack.enter_context(point_discord_at(playground.base_url))
        stack.enter_context(validated(playground))
        client = await stack.enter_async_context(
            open_bot(
                settings,
                token=playground.bot_token,
                executor=executor,
                catalog=Catalog.load(settings.catalog),
                default_model="pocket",
                connector=connector,
                reach=Reach(also=frozenset({playground.endpoint})),
                guild_ready_timeout=0.1,
                progress_seconds=0.2,
            )
        )
        people = [
            await stack.enter_async_context(playground.human(name, ssl_context=ssl_context))
            for name in ("Ada", "Ben", "Grace")
        ]
        await people[0].wait_until_online()
        await client.online.wait()
        yield Channel(
            playground=playground,
            client=client,
            settings=settings,
            ada=people[0],
            ben=people[1],
            grace=people[2],
        )


@contextlib.contextmanager
def validated(playground: Playground) -> Iterator[None]:
    """Hold every exchange with the bot against Discord's API description."""
    if DOCUMENT.exists():
        validator = OpenAPIValidator().attach(playground)
        yield
        assert validator.violations == [], "\n".join(validator.violations)
    else:
        warnings.warn(f"not validated: {DOCUMENT} is absent", UserWarning, stacklevel=2)
        yield
    assert playground.unimplemented == []
