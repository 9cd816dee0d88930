"""The page, driven by a real browser with the real bot behind it, as a newcomer would."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.bot.playground.browser import CHROMIUM, Browser
from tests.e2e.channel import PATIENCE_SECONDS, Channel

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no browser: {CHROMIUM} is absent"),
]


def pictures(count: int, *, name: str = "easel-") -> str:
    """Return a question to the page: does the log show this many pictures whose file begins so?"""
    return (
        "new Promise((resolve) => { const look = () => {"
        " const loaded = [...document.querySelectorAll('#log .picture img')]"
        f" .filter((image) => image.complete && image.src.includes('/{name}'));"
        f" if (loaded.length >= {count}) resolve(loaded.length);"
        " else setTimeout(look, 50); }; look(); })"
    )


FADED_IN = (
    "Promise.allSettled([...document.querySelectorAll('.picture img')]"
    ".flatMap((image) => image.getAnimations().map((it) => it.finished))).then(() => true)"
)
"""A question to the page: has every picture come up to its full colours? One that is replaced by a
newer one meanwhile aborts its fading, which is no error."""


async def test_a_newcomer_draws_takes_one_out_and_draws_again(
    channel: Channel, tmp_path: Path
) -> None:
    # Set to a folder, it keeps the screenshots for a look.
    shots = Path(os.environ.get("SCREENSHOTS", tmp_path))
    async with Browser(is_dark=True) as browser:
        await browser.goto(channel.playground.page_url)
        await browser.wait_for("#status", text="online")
        await browser.click("#fields [contenteditable], #fields textarea, #fields input")
        await browser.type("/")
        assert "imagine" in await browser.wait_for("#picker", text="imagine")
        await browser.screenshot(shots / "1-picker.png")
        await browser.type("imagine")
        await browser.press("Enter")
        await browser.type("a red apple on a blue background --seed 5")
        await browser.screenshot(shots / "2-prompt.png")
        await browser.press("Enter")
        await browser.wait_for("#log", text="%)", timeout_seconds=PATIENCE_SECONDS)
        assert await browser.evaluate(pictures(1, name="preview")) >= 1
        await browser.screenshot(shots / "3-preview.png")
        await browser.wait_for("#log button", text="V4", timeout_seconds=PATIENCE_SECONDS)
        assert await browser.evaluate(pictures(1)) >= 1
        await browser.evaluate(FADED_IN)
        await browser.screenshot(shots / "4-grid.png")
        await browser.click("#log button", text="U2")
        await browser.wait_for("#log", text="Image #2")
        assert await browser.evaluate(pictures(2)) >= 2
        await browser.evaluate(FADED_IN)
        await browser.screenshot(shots / "5-u2.png")
        await browser.click("#log button", text="🔄")
        again = "document.querySelectorAll('#log button').length >= 18"
        await browser.evaluate(
            f"new Promise((done) => {{ const look = () => {again} ? done(true)"
            " : setTimeout(look, 100); look(); })"
        )
        assert await browser.evaluate(pictures(3)) >= 3
        await browser.evaluate(FADED_IN)
        await browser.screenshot(shots / "6-again.png")
        assert browser.errors == []
    hosts = {urlsplit(address).hostname for address in browser.requested}
    assert hosts <= {"127.0.0.1", None}
