"""The production path: TLS, Discord's own addresses, and a client that nothing was done to."""

from __future__ import annotations

import ssl

import discord
import pytest
import trustme
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.playground import Playground, point_discord_at, production_connector
from bot.playground.point import PRODUCTION_HOSTS, PlaygroundResolver
from tests.bot.playground.conftest import running
from tests.bot.playground.demo_bot import DemoBot, png
from tests.bot.playground.openapi import DOCUMENT, OpenAPIValidator


def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*PRODUCTION_HOSTS, "127.0.0.1").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return server, client


async def test_a_client_with_production_addresses_finds_the_channel() -> None:
    assert Route.BASE == "https://discord.com/api/v10"
    assert str(DiscordWebSocket.DEFAULT_GATEWAY) == "wss://gateway.discord.gg/"
    server, client = contexts()
    async with Playground(ssl_context=server) as playground:
        validator = OpenAPIValidator().attach(playground) if DOCUMENT.exists() else None
        async with playground.human("Ada", ssl_context=client) as ada:
            connector = production_connector(playground.port, client)
            async with running(DemoBot(connector=connector), playground.bot_token) as bot:
                await ada.wait_until_online()
                answer = await ada.slash("imagine", prompt="a tree", image=("in.png", png()))
                grid = await ada.wait_for(lambda m: m.id == answer.message.id and m.files)
                assert grid.files[0].url.startswith("https://cdn.discordapp.com/attachments/")
                assert await ada.download(grid.files[0]) == png()
                playground.gateway.abort()
                await bot.resumed.wait()
                assert (await ada.press(grid, "U1")).message.content == "upscaling 1 of 7"
        assert playground.unimplemented == []
        assert validator is None or validator.violations == []


async def test_the_resolver_knows_discord_and_nothing_else() -> None:
    resolver = PlaygroundResolver(8443)
    (found,) = await resolver.resolve("discord.com", 443)
    assert (found["host"], found["port"]) == ("127.0.0.1", 8443)
    with pytest.raises(OSError, match="not part of Discord"):
        await resolver.resolve("example.org", 443)


async def test_pointing_leads_a_whole_process_and_is_undone(playground: Playground) -> None:
    with point_discord_at(playground.base_url):
        assert f"{playground.base_url}/api/v10" == Route.BASE
        assert playground.base_url == discord.Asset.BASE
    assert Route.BASE == "https://discord.com/api/v10"
    assert discord.Asset.BASE == "https://cdn.discordapp.com"
