from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import discord
import pytest

from bot.playground import Human, Playground
from tests.bot.playground.conftest import running
from tests.bot.playground.demo_bot import DemoBot


async def test_events_missed_during_an_outage_are_replayed(
    bot: DemoBot, ada: Human, playground: Playground
) -> None:
    playground.gateway.accepts = False
    offline = ada.wait_for_event("BOT_STATUS", lambda data: not data["online"])
    async with asyncio.TaskGroup() as tasks:
        gone = tasks.create_task(offline)
        playground.gateway.abort()
        await gone
        answering = tasks.create_task(ada.slash("keep"))
        playground.gateway.accepts = True
    assert answering.result().message.content == "kept"
    await bot.resumed.wait()
    assert (playground.gateway.identify_count, playground.gateway.resume_count) == (1, 1)


@pytest.mark.parametrize("fault", ["op 7", "op 9 resumable", "close 4000", "abort"])
async def test_the_client_resumes_after(
    fault: str, bot: DemoBot, ada: Human, playground: Playground
) -> None:
    gateway = playground.gateway
    match fault:
        case "op 7":
            gateway.ask_to_reconnect()
        case "op 9 resumable":
            gateway.invalidate(resumable=True)
        case "close 4000":
            await gateway.close(4000)
        case _:
            gateway.abort()
    await bot.resumed.wait()
    assert (await ada.slash("keep")).message.content == "kept"
    assert gateway.identify_count == 1


@pytest.mark.usefixtures("pointed")
async def test_a_wrong_token_is_turned_away(playground: Playground) -> None:
    async with DemoBot() as bot:
        with pytest.raises(discord.LoginFailure):
            await bot.login("wrong")
    assert playground.unimplemented == []


@pytest.mark.usefixtures("pointed")
async def test_an_intent_that_is_not_allowed_closes_with_4014(playground: Playground) -> None:
    playground.gateway.allowed_privileged_intents = 0
    bot = DemoBot(intents=discord.Intents.all())
    with pytest.raises(discord.PrivilegedIntentsRequired):
        await bot.start(playground.bot_token)
    await bot.close()


async def test_buttons_outlive_the_bot_that_made_them(
    playground: Playground, bot: DemoBot, ada: Human
) -> None:
    answer = await ada.slash("imagine", prompt="a cat")
    grid = await ada.wait_for(lambda m: m.id == answer.message.id and m.files)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(ada.wait_for_event("BOT_STATUS", lambda data: not data["online"]))
        tasks.create_task(bot.close())
    async with running(DemoBot(), playground.bot_token):
        await ada.wait_until_online()
        assert (await ada.press(grid, "U1")).message.content == "upscaling 1 of 7"


async def test_text_frames_serve_who_asks_for_no_compression(playground: Playground) -> None:
    async with aiohttp.ClientSession() as http:
        url = playground.gateway.url + "?v=10&encoding=json"
        async with http.ws_connect(url) as socket:
            assert (await socket.receive_json())["op"] == 10
            await socket.send_json({"op": 1, "d": None})
            assert (await socket.receive_json())["op"] == 11
            await identify(socket, playground, intents=0)
            ready, guild = await socket.receive_json(), await socket.receive_json()
            assert (ready["t"], guild["t"]) == ("READY", "GUILD_CREATE")
            assert ready["d"]["resume_gateway_url"] == playground.gateway.url


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ({"op": 3, "d": {}}, 4003),
        ({"op": 2, "d": {"token": "no", "intents": 0}}, 4004),
        ({"op": 6, "d": {"token": "no", "session_id": "x", "seq": 1}}, 4004),
        ({"op": 10}, 4001),
        ("no json", 4002),
        ("x" * 5000, 4002),
    ],
    ids=["not authenticated", "bad token", "bad resume", "bad opcode", "no json", "too long"],
)
async def test_a_bad_frame_closes_with_its_code(
    frame: Any, code: int, playground: Playground
) -> None:
    async with aiohttp.ClientSession() as http, http.ws_connect(playground.gateway.url) as socket:
        await socket.receive_json()
        await socket.send_str(frame if isinstance(frame, str) else json.dumps(frame))
        assert (await socket.receive()).data == code


async def test_an_unknown_session_is_invalid_and_may_identify(playground: Playground) -> None:
    async with aiohttp.ClientSession() as http, http.ws_connect(playground.gateway.url) as socket:
        await socket.receive_json()
        token = playground.bot_token
        await socket.send_json({"op": 6, "d": {"token": token, "session_id": "old", "seq": 3}})
        assert await socket.receive_json() == {"op": 9, "d": False, "s": None, "t": None}
        await identify(socket, playground, intents=0)
        assert (await socket.receive_json())["t"] == "READY"


async def identify(
    socket: aiohttp.ClientWebSocketResponse, playground: Playground, *, intents: int
) -> None:
    data = {"token": playground.bot_token, "intents": intents, "properties": {}}
    await socket.send_json({"op": 2, "d": data})
