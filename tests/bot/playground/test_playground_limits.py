from __future__ import annotations

import asyncio
import time

import aiohttp
import discord
import pytest

from bot.playground import FaultKind, Human, Playground
from tests.bot.playground.demo_bot import DemoBot

IMAGINE = "/api/v10/channels/1100000000000000031"


@pytest.fixture
async def http(playground: Playground) -> aiohttp.ClientSession:
    headers = {"Authorization": f"Bot {playground.bot_token}"}
    return aiohttp.ClientSession(playground.base_url, headers=headers)


async def test_a_bucket_tells_what_is_left_and_then_refuses(http: aiohttp.ClientSession) -> None:
    async with http:
        for remaining in (4, 3, 2, 1, 0):
            async with http.post(f"{IMAGINE}/messages", json={"content": "x"}) as response:
                assert response.status == 200
                assert response.headers["Content-Type"] == "application/json"
                assert response.headers["X-RateLimit-Limit"] == "5"
                assert response.headers["X-RateLimit-Remaining"] == str(remaining)
                assert 0 < float(response.headers["X-RateLimit-Reset-After"]) <= 5
        async with http.post(f"{IMAGINE}/messages", json={"content": "x"}) as response:
            body = await response.json()
            assert response.status == 429
            assert response.headers["Via"]
            assert response.headers["X-RateLimit-Scope"] == "user"
            assert (body["global"], 0 < body["retry_after"] <= 5) == (False, True)
        other = IMAGINE.replace("31", "32")
        async with http.post(f"{other}/messages", json={"content": "x"}) as response:
            assert response.status == 200


async def test_fifty_a_second_are_the_whole_bots_share(http: aiohttp.ClientSession) -> None:
    channels = [IMAGINE, IMAGINE.replace("31", "32"), IMAGINE.replace("31", "33")]
    async with http:

        async def fetch(number: int) -> tuple[int, str | None]:
            async with http.get(channels[number % 3]) as response:
                return response.status, response.headers.get("X-RateLimit-Global")

        answers = await asyncio.gather(*(fetch(number) for number in range(55)))
    assert (429, "true") in answers


async def test_a_429_is_slept_off_by_the_client(
    bot: DemoBot, ada: Human, playground: Playground
) -> None:
    del bot
    playground.faults.inject(
        FaultKind.RATE_LIMITED, method="PATCH", path="@original", retry_after_seconds=0.2, times=2
    )
    started = time.monotonic()
    answer = await ada.slash("imagine", prompt="slow")
    await ada.wait_for(lambda m: m.id == answer.message.id and m.files)
    assert time.monotonic() - started > 0.35


async def test_a_server_error_is_tried_again(
    bot: DemoBot, ada: Human, playground: Playground
) -> None:
    del bot
    playground.faults.inject(FaultKind.SERVER_ERROR, path="callback", status=503)
    assert (await ada.slash("keep")).message.content == "kept"


@pytest.mark.parametrize("kind", [FaultKind.DROPPED, FaultKind.DROPPED_AFTER])
async def test_a_dropped_connection_is_an_error_that_leaves_doubt(
    kind: FaultKind, bot: DemoBot, ada: Human, playground: Playground
) -> None:
    channel = discord.utils.get(bot.get_all_channels(), name="imagine")
    assert isinstance(channel, discord.TextChannel)
    playground.faults.inject(kind, path="/messages")
    with pytest.raises(aiohttp.ClientError):
        await channel.send("was it sent?", nonce="7")
    await channel.send("was it sent?", nonce="7")
    assert [m.content for m in await ada.messages()] == ["was it sent?"]


async def test_limits_can_be_switched_off(
    http: aiohttp.ClientSession, playground: Playground
) -> None:
    playground.rate_limits.is_enabled = False
    async with http:
        for _ in range(8):
            async with http.post(f"{IMAGINE}/messages", json={"content": "x"}) as response:
                assert response.status == 200
