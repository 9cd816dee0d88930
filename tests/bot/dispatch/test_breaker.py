"""The fuse blows long before Discord's, and discord.py's own retries are counted too."""

import aiohttp

from bot.dispatch.breaker import OPEN_FROM, SPARING_FROM, Breaker
from bot.playground import FaultKind, Playground


def test_progress_is_spared_first_and_deliveries_wait_later() -> None:
    breaker = Breaker(sparing_from=2, open_from=4)
    states = []
    for _ in range(4):
        breaker.count(403)
        states.append((breaker.is_sparing, breaker.is_open))
    assert states == [(False, False), (True, False), (True, False), (True, True)]


def test_what_discord_does_not_count_is_not_counted() -> None:
    breaker = Breaker(sparing_from=1)
    for status in (200, 204, 400, 404, 500, 503):
        breaker.count(status)
    breaker.count(429, is_shared=True)
    assert not breaker.is_sparing


def test_the_bounds_lie_long_before_the_ban() -> None:
    assert SPARING_FROM < OPEN_FROM <= 10_000 // 4


async def test_every_answer_is_seen() -> None:
    breaker = Breaker(sparing_from=2)
    async with (
        Playground() as playground,
        aiohttp.ClientSession(playground.base_url, trace_configs=[breaker.trace()]) as http,
    ):
        headers = {"Authorization": f"Bot {playground.bot_token}"}
        playground.faults.inject(FaultKind.RATE_LIMITED, method="GET", path="/users/@me")
        await http.get("/api/v10/users/@me", headers=headers)
        assert not breaker.is_sparing
        await http.get("/api/v10/users/@me", headers=headers)
        assert not breaker.is_sparing
        await http.get("/api/v10/users/@me", headers={"Authorization": "Bot wrong"})
        assert breaker.is_sparing
