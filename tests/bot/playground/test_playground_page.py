"""The page in a real browser, driven as a person would: keyboard first."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.playground import Human, Playground
from tests.bot.playground.browser import Browser, requires_chromium
from tests.bot.playground.demo_bot import DemoBot, png

pytestmark = requires_chromium


@pytest.fixture
async def page(playground: Playground, bot: DemoBot) -> AsyncIterator[Browser]:
    """A browser at the page: it asked for nothing elsewhere, and nothing went wrong in it."""
    del bot
    async with Browser() as browser:
        await browser.goto(playground.page_url)
        await browser.wait_for("#status.online")
        await browser.wait_for("#text:focus")
        yield browser
        assert browser.errors == []
        foreign = [url for url in browser.requested if not url.startswith(playground.base_url)]
        assert [url for url in foreign if not url.startswith("blob:")] == []


async def test_a_first_picture_by_keyboard_alone(page: Browser, tmp_path: Path) -> None:
    await page.wait_for("#empty", text="Type / to begin")
    await page.type("/")
    await page.wait_for("#picker .item", text="/models list")
    await page.type("im")
    await page.wait_gone("#picker .item", text="/models list")
    await page.press("Enter")
    await page.type("a red apple on a blue background")
    await page.press("Tab")
    await page.wait_for("#picker .item", text="stylize")
    await page.press("Enter")
    await page.wait_for("#picker .item", text="Portrait")
    await page.type("po")
    await page.wait_gone("#picker .item", text="Auto")
    await page.press("ArrowDown")
    await page.press("ArrowDown")
    await page.press("Tab")
    await page.press("Enter")
    text = await page.wait_for(".message", text="portrait 100 0")
    assert "a red apple on a blue background" in text
    await page.wait_for(".picture img")
    await page.wait_gone("#empty")
    await page.screenshot(tmp_path / "grid.png")


async def test_the_example_fills_itself_in(page: Browser) -> None:
    await page.click("#example")
    filled = await page.evaluate("document.activeElement.value")
    assert filled == "a red apple on a blue background"
    await page.press("Enter")
    await page.wait_for(".message", text="a red apple on a blue background")


async def test_buttons_forms_and_the_lightbox(page: Browser, ada: Human) -> None:
    answer = await ada.slash("imagine", prompt="a boat")
    await ada.wait_for(lambda m: m.id == answer.message.id and m.files)
    await page.click(".button", text="U2")
    await page.wait_for(".message", text="upscaling 2 of 7")
    await page.click(".button", text="Remix")
    await page.wait_for("#form-dialog[open]", text="Remix prompt")
    await page.type(", blue")
    await page.click("#form-dialog button[type=submit]")
    await page.wait_for(".message", text="a red apple, blue")
    await ada.say("another", files=[("other.png", png(16))])
    await page.wait_for(".picture:not(.loading) img[src*='other.png']")
    await page.click(".picture")
    await page.wait_for("#lightbox p", text="1 of 2")
    await page.press("ArrowRight")
    await page.wait_for("#lightbox p", text="16 · 2 of 2")
    await page.press("Escape")
    await page.wait_gone("#lightbox")


async def test_an_exhibition_and_its_survey(page: Browser) -> None:
    await page.type("/exhibit ")
    await page.press("Enter")
    await page.wait_for(".container h3", text="Exhibition")
    await page.wait_for(".container .gallery .cover", text="Spoiler")
    await page.click(".container summary")
    await page.click(".container .options label", text="Ben")
    await page.click(".container .options .button", text="Apply")
    await page.wait_for(".ephemeral", text="hello Ben")
    await page.click(".button", text="Survey")
    await page.click("#form-dialog fieldset label", text="high")
    await page.click("#form-dialog button[type=submit]")
    await page.wait_for(".message", text="high [] False")


async def test_what_people_and_bots_write_is_never_markup(page: Browser, ada: Human) -> None:
    await ada.say("<img src=x onerror=alert(1)> **bold** [x](javascript:alert(1)) `<b>`")
    text = await page.wait_for(".message .text", text="onerror")
    assert text == "<img src=x onerror=alert(1)> bold [x](javascript:alert(1)) <b>"
    assert await page.evaluate("document.querySelectorAll('.text img, .text a').length") == 0
    assert await page.wait_for(".text strong") == "bold"


async def test_secrets_are_styled_apart_and_dismissed(page: Browser, ada: Human) -> None:
    await ada.slash("secret")
    await page.wait_for(".message .picture:not(.loading) img")
    await page.wait_for(".ephemeral", text="for your eyes only")
    await page.click(".ephemeral .foot button")
    await page.wait_gone(".ephemeral div.text", text="for your eyes only")
    await page.click("#people button", text="Ben")
    await page.wait_for(".message", text="and this for all")
    await page.wait_gone(".ephemeral")


async def test_silence_is_told_and_refusals_come_back_to_be_mended(
    page: Browser, bot: DemoBot, playground: Playground
) -> None:
    await page.type("/silent ")
    await page.press("Enter")
    await bot.received("silent")
    playground.clock.advance(3.1)
    await page.wait_for(".note", text="Easel did not respond")
    await page.type("/imagine ")
    await page.press("Enter")
    await page.wait_for("#notice", text="prompt is required")
    await page.wait_for(".command .name", text="/imagine")
    # The browser itself notes the refusal's status, 409.
    assert all("409" in error for error in page.errors)
    page.errors.clear()


async def test_it_comes_back_when_the_channel_restarts() -> None:
    async with Browser() as page:
        async with Playground() as playground:
            await page.goto(playground.page_url)
            await page.wait_for("#status.offline")
        await page.wait_for("#status.lost", text="reconnecting")
        again = Playground(port=playground.port, page_token=playground.page_token)
        async with again, again.human("Ben") as ben:
            await page.wait_for("#status.offline")
            await ben.say("back again")
            await page.wait_for(".message", text="back again")


async def test_a_file_is_sent_and_a_picture_shown(page: Browser, tmp_path: Path) -> None:
    path = tmp_path / "mine.png"
    path.write_bytes(png(64))
    await page.set_files("#file-input", path)
    await page.wait_for(".file-chip", text="mine.png")
    await page.click("#text")
    await page.type("look")
    await page.press("Enter")
    await page.wait_for(".message .picture img")
    await page.wait_gone(".file-chip")
