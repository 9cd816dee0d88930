"""Mode B: nothing of discord.py is pointed elsewhere, and every address is Discord's own.

A resolver sends Discord's host names, and no others, to the local channel, which speaks TLS with a
certificate for them. What this drive proves is that the path of the other drives is the one that
runs in production.
"""

from __future__ import annotations

import ssl
from pathlib import Path

import aiohttp
import discord
import pytest
import trustme

from bot.playground import Playground, production_connector
from engine.executors.local import LocalExecutor
from tests.e2e.channel import open_channel

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOSTS = ("discord.com", "gateway.discord.gg", "cdn.discordapp.com", "media.discordapp.net")


async def test_the_whole_path_over_tls_with_production_addresses(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    authority = trustme.CA()
    server, client = (
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH),
        ssl.create_default_context(),
    )
    authority.issue_cert(*HOSTS, "127.0.0.1").configure_cert(server)
    authority.configure_trust(client)
    async with Playground(ssl_context=server) as playground:
        connector = production_connector(playground.port, client)
        async with open_channel(
            tmp_path, executor, playground=playground, connector=connector, ssl_context=client
        ) as channel:
            grid = await channel.imagine("a cat --steps 4")
            assert await channel.picture((await channel.ada.press(grid, "U1")).message)
    assert discord.http.Route.BASE == "https://discord.com/api/v10"


async def test_the_resolver_refuses_every_other_host() -> None:
    connector = production_connector(9, ssl.create_default_context())
    async with aiohttp.ClientSession(connector=connector) as session:
        with pytest.raises((aiohttp.ClientError, OSError)):
            await session.get("https://example.com/")
