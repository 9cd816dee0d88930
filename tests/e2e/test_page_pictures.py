"""Pictures as prompts in the page, driven by a real browser with the built-in model behind it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from tests.bot.playground.browser import CHROMIUM, Browser
from tests.e2e.channel import PATIENCE_SECONDS, Channel
from tests.e2e.test_page import FADED_IN, pictures

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no browser: {CHROMIUM} is absent"),
]


FOCUS_LAST_MENU = (
    "(() => { const last = [...document.querySelectorAll('#log .message')].at(-1);"
    " last.querySelector('[data-custom-id]').focus();"
    " last.querySelector('[aria-label=Apps]').focus(); })()"
)
"""An order to the page: as Tab would, go to the menu of the last message."""


def sketches(folder: Path) -> list[Path]:
    """Draw three pictures that somebody might mix: a sun, a hill and a house."""
    images = [Image.new("RGB", (256, 256), sky) for sky in ("skyblue", "lightyellow", "white")]
    ImageDraw.Draw(images[0]).ellipse((64, 64, 192, 192), fill="gold")
    ImageDraw.Draw(images[1]).pieslice((-40, 120, 300, 400), 180, 360, fill="forestgreen")
    house = ImageDraw.Draw(images[2])
    house.rectangle((72, 128, 184, 224), fill="firebrick")
    house.polygon([(56, 128), (128, 56), (200, 128)], fill="saddlebrown")
    paths = [folder / f"{name}.png" for name in ("sun", "hill", "house")]
    for path, image in zip(paths, images, strict=True):
        image.save(path)
    return paths


CONTRAST = (
    "(() => { const canvas = Object.assign(document.createElement('canvas'),"
    " {width: 32, height: 32}); const context = canvas.getContext('2d');"
    " context.drawImage(document.querySelector('#log .picture img'), 0, 0, 32, 32);"
    " const values = context.getImageData(0, 0, 32, 32).data.filter((_, i) => i % 4 < 3);"
    " return Math.max(...values) - Math.min(...values); })()"
)
"""A question to the page: how far apart are the first picture's values, 0 (a blank) to 255?"""


async def type_command(browser: Browser, name: str) -> None:
    await browser.click("#fields [contenteditable], #fields textarea, #fields input")
    await browser.type(f"/{name}")
    await browser.wait_for("#picker", text=name)
    await browser.press("Enter")
    await browser.wait_for("#fields .command", text=f"/{name}")


async def test_a_newcomer_blends_varies_and_describes(channel: Channel, tmp_path: Path) -> None:
    # Set to a folder, it keeps the screenshots for a look.
    shots = Path(os.environ.get("SCREENSHOTS", tmp_path))
    channel.playground.rate_limits.is_enabled = False
    async with Browser(is_dark=True) as browser:
        await browser.goto(channel.playground.page_url)
        await browser.wait_for("#status", text="online")

        await type_command(browser, "blend")
        await browser.set_files("#file-input", *sketches(tmp_path))
        await browser.wait_for("#fields .option", text="house.png")
        await browser.screenshot(shots / "p1-blend.png")
        await browser.press("Enter")
        await browser.wait_for("#log button", text="V4", timeout_seconds=PATIENCE_SECONDS)
        assert await browser.evaluate(pictures(1)) >= 1
        await browser.evaluate(FADED_IN)
        assert await browser.evaluate(CONTRAST) > 60
        assert "Blend by" in await browser.wait_for("#log")
        await browser.screenshot(shots / "p2-blended.png")

        await type_command(browser, "describe")
        await browser.set_files("#file-input", tmp_path / "house.png")
        await browser.wait_for("#fields .option", text="house.png")
        await browser.press("Enter")
        await browser.wait_for("#log", text="words by", timeout_seconds=PATIENCE_SECONDS)
        assert await browser.evaluate(pictures(2)) >= 2
        await browser.evaluate(FADED_IN)
        await browser.screenshot(shots / "p3-described.png")
        await browser.click("#log button", text="2\ufe0f\u20e3")
        await browser.wait_for("#form-dialog", text="Imagine")
        await browser.screenshot(shots / "p4-form.png")
        await browser.click("#form-dialog button", text="Submit")
        await browser.wait_gone("#form-dialog")
        assert await browser.evaluate(pictures(3)) >= 3

        await browser.click("#log button", text="U1")
        await browser.wait_for("#log button", text="Vary (Strong)")
        await browser.evaluate(FOCUS_LAST_MENU)
        await browser.press("Enter")
        await browser.wait_for("#log .menu", text="Variations")
        await browser.screenshot(shots / "p5-menu.png")
        await browser.click("#log .menu button", text="Variations")
        await browser.wait_for("#log", text="Variations (Subtle)", timeout_seconds=PATIENCE_SECONDS)
        assert await browser.evaluate(pictures(5)) >= 5
        await browser.evaluate(FADED_IN)
        await browser.screenshot(shots / "p6-varied.png")
        assert browser.errors == []
