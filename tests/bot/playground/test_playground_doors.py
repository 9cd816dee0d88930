from __future__ import annotations

import aiohttp
import pytest
from yarl import URL

from bot.playground import Human, Playground, RefusedError
from tests.bot.playground.demo_bot import DemoBot, png


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/", {"Host": "evil.example"}),
        ("/", {"Host": "evil.example:{port}"}),
        ("/playground/state", {"Host": "localhost"}),
        ("/api/v10/users/@me", {"Host": "discord.com"}),
        ("/playground/state", {"Origin": "https://evil.example"}),
        ("/gateway/", {"Origin": "null"}),
        ("/", {"Origin": "http://localhost:1"}),
    ],
)
async def test_a_foreign_host_or_origin_is_refused(
    path: str, headers: dict[str, str], playground: Playground
) -> None:
    headers = {
        name: value.replace("{port}", str(playground.port)) for name, value in headers.items()
    }
    headers["Authorization"] = f"Bearer {playground.page_token}"
    session = aiohttp.ClientSession(playground.base_url, headers=headers)
    async with session as http, http.get(path) as response:
        assert response.status == 403


async def test_its_own_names_are_let_in(playground: Playground) -> None:
    async with aiohttp.ClientSession() as http:
        for name in ("127.0.0.1", "localhost"):
            own = f"{name}:{playground.port}"
            headers = {"Host": own, "Origin": f"http://{own}"}
            async with http.get(f"{playground.base_url}/page.css", headers=headers) as response:
                assert response.status == 200
                policy = response.headers["Content-Security-Policy"]
                assert "default-src 'none'" in policy
                assert "unsafe" not in policy


async def test_the_page_leads_to_the_one_name_that_its_pictures_have(
    playground: Playground,
) -> None:
    headers = {"Host": f"localhost:{playground.port}"}
    async with (
        aiohttp.ClientSession(playground.base_url, headers=headers) as http,
        http.get("/", allow_redirects=False) as response,
    ):
        assert (response.status, response.headers["Location"]) == (302, f"{playground.base_url}/")


async def test_the_humans_api_wants_the_runs_token(playground: Playground) -> None:
    async with aiohttp.ClientSession(playground.base_url) as http:
        for token in ("", "Bearer wrong", f"Bot {playground.bot_token}"):
            headers = {"Authorization": token, "X-Person": "Ada"}
            async with http.get("/playground/state", headers=headers) as response:
                assert response.status == 401
        async with http.ws_connect("/playground/events") as socket:
            await socket.send_json({"token": "wrong", "person": "Ada"})
            message = await socket.receive()
            assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 4401)


async def test_a_human_with_a_wrong_token_is_told_so(playground: Playground) -> None:
    with pytest.raises(RefusedError, match=r"turned Ada away: .* another run"):
        async with Human(playground.base_url, "wrong"):
            pass


async def test_the_token_is_random_and_in_the_pages_address_only(playground: Playground) -> None:
    async with Playground() as other:
        assert other.page_token != playground.page_token
    url = URL(playground.page_url)
    assert (url.host, url.fragment, url.query_string) == ("127.0.0.1", playground.page_token, "")


async def test_it_binds_to_loopback_only() -> None:
    with pytest.raises(ValueError, match="loopback"):
        Playground(host="0.0.0.0")  # noqa: S104 - that it is refused is the point


async def test_the_bots_api_wants_the_bots_token_and_notes_what_it_lacks() -> None:
    async with Playground() as playground, aiohttp.ClientSession(playground.base_url) as http:
        async with http.get("/api/v10/users/@me") as response:
            assert (response.status, await response.json()) == (
                401,
                {"message": "401: Unauthorized", "code": 0},
            )
        async with http.get("/api/v10/voice/regions") as response:
            assert response.status == 404
        assert playground.unimplemented == ["GET /api/v10/voice/regions"]


async def test_an_attachments_address_is_signed_and_dies_after_a_day(
    ada: Human, playground: Playground
) -> None:
    message = await ada.say("look", files=[("../a b.png", png()), ("x.html", b"<script>")])
    picture, page = message.files
    assert await ada.download(picture) == png()
    async with aiohttp.ClientSession() as http:
        async with http.get(picture.url.replace("hm=", "hm=0")) as response:
            assert response.status == 404
        async with http.get(page.url) as response:
            assert response.headers["Content-Disposition"].startswith("attachment")
            assert "sandbox" in response.headers["Content-Security-Policy"]
        playground.clock.advance(24 * 3600 + 1)
        async with http.get(picture.url) as response:
            assert response.status == 404
    (again,) = await ada.messages()
    assert await ada.download(again.files[0]) == png()


async def test_a_malformed_request_of_the_page_is_refused_in_words(ada: Human) -> None:
    with pytest.raises(RefusedError, match="sees no channel 'nowhere'"):
        await ada.say("x", channel="nowhere")
    with pytest.raises(RefusedError, match="empty message"):
        await ada.say("")


async def test_a_person_deletes_what_is_their_own_and_an_administrator_anything(
    bot: DemoBot, ada: Human, ben: Human, playground: Playground
) -> None:
    del bot
    said = await ada.say("mine")
    with pytest.raises(RefusedError, match="may not delete"):
        await ben.delete(said)
    async with playground.human("Grace") as grace:
        await grace.delete(said)
    assert await ada.messages() == []
