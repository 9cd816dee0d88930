from __future__ import annotations

import asyncio

import discord
import pytest

from bot.playground import DidNotRespondError, Human, Message, Playground, RefusedError
from tests.bot.playground.demo_bot import DemoBot, png


async def draw(human: Human) -> Message:
    answer = await human.slash("imagine", prompt="a red apple")
    return await human.wait_for(lambda m: m.id == answer.message.id and m.files)


async def test_a_deferred_answer_thinks_and_then_shows_the_picture(
    bot: DemoBot, ada: Human
) -> None:
    answer = await ada.slash("imagine", prompt="a red apple")
    assert answer.message.is_thinking
    grid = await ada.wait_for(lambda m: m.id == answer.message.id and m.files)
    assert not grid.is_thinking
    assert grid.content.startswith("**a red apple**")
    assert [file.filename for file in grid.files] == ["grid.png"]
    assert (grid.files[0].width, grid.files[0].height) == (8, 8)
    assert await ada.download(grid.files[0]) == png()
    states = [(m.is_thinking, "(0%)" in m.content, len(m.files)) for m in ada.versions[grid.id]]
    assert states == [(True, False, 0), (False, True, 0), (False, False, 1)]
    assert bot.failures == []


async def test_a_text_mentions_without_pinging(bot: DemoBot, ada: Human) -> None:
    del bot
    grid = await draw(ada)
    assert "<@1100000000000000021>" in grid.content
    assert grid.raw["mentions"] == []


async def test_an_attachment_option_reaches_the_bot(bot: DemoBot, ada: Human) -> None:
    del bot
    answer = await ada.slash("imagine", prompt="like this", image=("in.png", png(32)))
    grid = await ada.wait_for(lambda m: m.id == answer.message.id and m.files)
    assert grid.content.endswith(f" {len(png(32))}")


async def test_autocomplete_suggests_what_fits(bot: DemoBot, ada: Human) -> None:
    del bot
    choices = await ada.autocomplete("imagine", focused="model", model="po")
    assert [(one.name, one.value) for one in choices] == [
        ("Pocket", "pocket"),
        ("Portrait", "portrait"),
    ]


async def test_an_ephemeral_answer_is_seen_by_its_owner_only(
    bot: DemoBot, ada: Human, ben: Human
) -> None:
    answer = await ada.slash("secret")
    assert answer.message.is_ephemeral
    await asyncio.gather(
        *(one.wait_for(lambda m: m.content == "and this for all") for one in (ada, ben))
    )
    assert [m.content for m in await ada.messages()] == [
        "for your eyes only",
        "this too",
        "and this for all",
    ]
    assert [m.content for m in await ben.messages()] == ["and this for all"]
    assert [m.content for m in bot.heard] == ["and this for all"]
    with pytest.raises(RefusedError, match="gone"):
        await ben.press(answer.message, "anything")


async def test_a_dismissed_ephemeral_message_is_gone(bot: DemoBot, ada: Human) -> None:
    del bot
    secret = (await ada.slash("secret")).message
    await ada.delete(secret)
    await ada.wait_deleted(secret)
    assert secret.id not in [m.id for m in await ada.messages()]


async def test_a_dynamic_button_works_for_anyone_and_after_a_restart(
    bot: DemoBot, ada: Human, ben: Human
) -> None:
    del bot
    grid = await draw(ada)
    answer = await ben.press(grid, "U2")
    assert answer.message.content == "upscaling 2 of 7"
    assert answer.message.reply_to == grid.id


async def test_a_button_may_change_its_own_message(bot: DemoBot, ada: Human) -> None:
    del bot
    grid = await draw(ada)
    answer = await ada.press(grid, "🔄")
    assert (answer.message.id, answer.message.content) == (grid.id, "rerolled")
    assert answer.message.files == grid.files or answer.message.files[0].id == grid.files[0].id


async def test_a_select_defers_and_edits(bot: DemoBot, ada: Human) -> None:
    del bot
    grid = await draw(ada)
    await ada.select(grid, "Zoom", "Zoom out 1.5x")
    await ada.wait_for(lambda m: m.id == grid.id and m.content == "zoomed ['1.5']")


async def test_a_form_takes_presets_choices_and_files(bot: DemoBot, ada: Human) -> None:
    del bot
    grid = await draw(ada)
    form = (await ada.press(grid, "Remix")).modal
    assert form.title == "Remix prompt"
    preset = await ada.submit_modal(form)
    assert preset.message.content == "remixing 'a red apple' [] []"
    form = (await ada.press(grid, "Remix")).modal
    values = {"Prompt": "a cube", "style": "cute", "Picture": [("a.png", b"12"), ("b.png", b"3")]}
    filled = await ada.submit_modal(form, values)
    assert filled.message.content == "remixing 'a cube' ['cute'] [2, 1]"


async def test_the_app_refuses_what_discord_would(bot: DemoBot, ada: Human, ben: Human) -> None:
    del bot
    grid = await draw(ada)
    form = (await ada.press(grid, "Remix")).modal
    for act, message in [
        (ada.slash("paint"), "no command 'paint'"),
        (ada.slash("imagine"), "prompt is required"),
        (ada.slash("imagine", prompt="x", stylize=1001), "stylize is to be 0 to 1000"),
        (ada.slash("imagine", prompt="x", chaos=1), "no option chaos"),
        (ada.slash("models"), "wants a sub-command: list"),
        (ada.slash("moderate", member="1100000000000000022"), "offered no command 'moderate'"),
        (ada.press(grid, "Cancel"), "is disabled"),
        (ada.press(grid, "U9"), "no button or select 'U9'"),
        (ada.select(grid, "Zoom", "3"), "no choice '3'"),
        (ada.submit_modal(form, {"Prompt": ""}), "Prompt is required"),
        (ada.submit_modal(form, {"Prompt": "x" * 401}), "1? ?to be 0 to 400 characters"),
        (ben.submit_modal(form, {"Prompt": "x"}), "no such form open"),
    ]:
        with pytest.raises(RefusedError, match=message):
            await act


async def test_an_administrator_is_offered_more(bot: DemoBot, playground: Playground) -> None:
    del bot
    async with playground.human("Grace") as grace:
        answer = await grace.slash("moderate", member="1100000000000000022")
        assert answer.message.content == "moderated Ben"


async def test_a_context_menu_sees_the_message(bot: DemoBot, ada: Human) -> None:
    del bot
    grid = await draw(ada)
    assert (await ada.menu("Describe", grid)).message.content == "1 pictures"


async def test_a_sub_command_shows_its_embed(bot: DemoBot, ada: Human) -> None:
    del bot
    message = (await ada.slash("models", "list")).message
    assert message.files == ()
    assert message.embeds[0]["image"]["width"] == 8
    assert message.embeds[0]["fields"] == [{"name": "Size", "value": "4 MB", "inline": True}]


async def test_a_command_works_in_direct_messages(bot: DemoBot, ada: Human, ben: Human) -> None:
    del bot
    answer = await ada.slash("keep", channel="dm")
    assert answer.message.content == "kept"
    assert [m.content for m in await ben.messages("dm")] == []


async def test_three_silent_seconds_are_too_many(
    bot: DemoBot, ada: Human, playground: Playground
) -> None:
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(_fails(ada))
        interaction = await bot.received("silent")
        playground.clock.advance(3.1)
    assert waiting.result() == "Easel did not respond"
    with pytest.raises(discord.NotFound) as caught:
        await interaction.response.defer()
    assert caught.value.code == 10062


async def _fails(human: Human) -> str:
    with pytest.raises(DidNotRespondError) as caught:
        await human.slash("silent")
    return str(caught.value)


async def test_a_second_answer_is_refused(bot: DemoBot, ada: Human) -> None:
    await ada.slash("twice")
    await bot.failed.wait()
    assert isinstance(bot.failures[0], discord.HTTPException)
    assert bot.failures[0].code == 40060


async def test_the_token_dies_after_fifteen_minutes(
    bot: DemoBot, ada: Human, playground: Playground
) -> None:
    message = (await ada.slash("keep")).message
    interaction = await bot.received("keep")
    playground.clock.advance(14 * 60)
    await interaction.edit_original_response(content="still alive")
    playground.clock.advance(61)
    with pytest.raises(discord.HTTPException) as caught:
        await interaction.edit_original_response(content="too late")
    assert (caught.value.status, caught.value.code) == (401, 50027)
    channel = bot.get_partial_messageable(int(message.channel_id))
    await channel.get_partial_message(int(message.id)).edit(content="by the bot's own token")
    await ada.wait_for(lambda m: m.content == "by the bot's own token")


async def test_the_first_follow_up_fills_a_deferred_answer(
    bot: DemoBot, ada: Human, playground: Playground
) -> None:
    async with asyncio.TaskGroup() as tasks:
        answering = tasks.create_task(ada.slash("silent"))
        interaction = await bot.received("silent")
        await interaction.response.defer(ephemeral=True)
    original = answering.result().message
    sent = await interaction.followup.send("filled", wait=True)
    assert str(sent.id) == original.id
    seen = await ada.wait_for(lambda m: m.content == "filled")
    assert (seen.is_ephemeral, seen.is_thinking, seen.is_edited) == (True, False, False)
    await interaction.delete_original_response()
    await ada.wait_deleted(seen)
    assert playground.unimplemented == []


async def test_a_refused_answer_may_be_tried_again(bot: DemoBot, ada: Human) -> None:
    async with asyncio.TaskGroup() as tasks:
        answering = tasks.create_task(ada.slash("silent"))
        interaction = await bot.received("silent")
        with pytest.raises(discord.HTTPException, match="2000 or fewer"):
            await interaction.response.send_message("x" * 2001)
        await interaction.response.send_message("shorter")
    assert answering.result().message.content == "shorter"


async def test_components_of_version_two_show_media_and_take_presses(
    bot: DemoBot, ada: Human, playground: Playground
) -> None:
    del bot
    message = (await ada.slash("exhibit")).message
    container = message.raw["components"][0]
    first, second = container["components"][1]["items"]
    assert first["media"]["url"] == message.files[0].url
    assert (first["description"], second["spoiler"]) == ("the first", True)
    people = [playground.world.person(name).id for name in ("Ben", "Grace")]
    answer = await ada.select(message, "people", *people)
    assert (answer.message.content, answer.message.is_ephemeral) == ("hello Ben, Grace", True)


async def test_a_form_takes_radios_and_checkboxes(bot: DemoBot, ada: Human) -> None:
    del bot
    message = (await ada.slash("exhibit")).message
    form = (await ada.press(message, "Survey")).modal
    with pytest.raises(RefusedError, match="Quality is required"):
        await ada.submit_modal(form)
    values = {"Quality": "high", "Extras": ["a", "b"], "Agreed": True}
    answer = await ada.submit_modal(form, values)
    assert answer.message.content == "high ['a', 'b'] True"
