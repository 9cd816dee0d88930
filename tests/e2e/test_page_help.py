"""The page teaches the language: /help is read, a parameter is offered, chosen and drawn with."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.bot.playground.browser import CHROMIUM, Browser
from tests.e2e.channel import PATIENCE_SECONDS, Channel
from tests.e2e.test_page import FADED_IN, pictures
from tests.e2e.test_page_pictures import type_command

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no browser: {CHROMIUM} is absent"),
]


TYPED = "[...document.querySelectorAll('#fields textarea, #fields input')].at(-1).value"
"""A question to the page: what stands in the field of the prompt?"""


async def test_a_newcomer_reads_help_and_takes_what_is_offered(
    channel: Channel, tmp_path: Path
) -> None:
    # Set to a folder, it keeps the screenshots for a look.
    shots = Path(os.environ.get("SCREENSHOTS", tmp_path))
    channel.playground.rate_limits.is_enabled = False
    async with Browser(is_dark=True) as browser:
        await browser.goto(channel.playground.page_url)
        await browser.wait_for("#status", text="online")

        await type_command(browser, "help")
        await browser.press("Enter")
        assert "--stop 60" in await browser.wait_for("#log", text="(/help topic tells more")
        await browser.screenshot(shots / "help-1.png")

        await type_command(browser, "imagine")
        await browser.type("a red apple on a blue background --steps 8 --ti")
        await browser.wait_for("#picker", text="--tile")
        await browser.screenshot(shots / "help-2.png")
        await browser.press("ArrowDown")
        await browser.press("Enter")
        assert (await browser.evaluate(TYPED)).endswith("--steps 8 --tile")
        await browser.press("Enter")
        await browser.wait_for("#log button", text="V4", timeout_seconds=PATIENCE_SECONDS)
        assert await browser.evaluate(pictures(1)) >= 1
        await browser.evaluate(FADED_IN)
        await browser.screenshot(shots / "help-3.png")
        assert "--steps 8" in await browser.wait_for("#log", text="--tile")
