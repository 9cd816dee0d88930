from __future__ import annotations

import io
from collections.abc import Awaitable
from typing import Any

import discord
import pytest

from bot.playground import Human, Permission, Playground
from tests.bot.playground.demo_bot import DemoBot, png_file


async def room(bot: DemoBot) -> discord.TextChannel:
    channel = discord.utils.get(bot.get_all_channels(), name="imagine")
    assert isinstance(channel, discord.TextChannel)
    return channel


async def refused(act: Awaitable[Any]) -> tuple[int, int]:
    with pytest.raises(discord.HTTPException) as caught:
        await act
    return caught.value.status, caught.value.code


async def test_files_are_kept_or_replaced_as_the_edit_says(bot: DemoBot, ada: Human) -> None:
    channel = await room(bot)
    message = await channel.send("two", files=[png_file("a.png"), png_file("b.png")])
    assert [file.description for file in message.attachments] == ["A picture"] * 2
    message = await message.edit(attachments=[message.attachments[1], png_file("c.png")])
    assert [file.filename for file in message.attachments] == ["b.png", "c.png"]
    message = await message.edit(content="text only")
    assert [file.filename for file in message.attachments] == ["b.png", "c.png"]
    message = await message.edit(attachments=[])
    assert message.attachments == []
    await ada.wait_for(lambda m: m.id == str(message.id) and not m.files)
    assert [len(one.files) for one in ada.versions[str(message.id)]] == [2, 2, 2, 0]


async def test_a_nonce_sends_once(bot: DemoBot, ada: Human) -> None:
    channel = await room(bot)
    first = await channel.send("once", nonce="job-7")
    again = await channel.send("once", nonce="job-7")
    other = await channel.send("twice", nonce="job-8")
    assert first.id == again.id != other.id
    assert [m.content for m in await ada.messages()] == ["once", "twice"]


async def test_a_reply_names_what_it_answers(bot: DemoBot, ada: Human) -> None:
    channel = await room(bot)
    asked = await channel.send("asked")
    answer = await asked.reply("answered")
    assert answer.reference is not None
    assert isinstance(answer.reference.resolved, discord.Message)
    assert (await ada.wait_for(lambda m: m.content == "answered")).reply_to == str(asked.id)
    await asked.delete()
    assert await refused(asked.reply("to nothing")) == (400, 50035)
    lenient = asked.to_reference(fail_if_not_exists=False)
    assert (await channel.send("to nothing", reference=lenient)).content == "to nothing"


async def test_history_runs_both_ways(bot: DemoBot, playground: Playground) -> None:
    playground.rate_limits.is_enabled = False
    channel = await room(bot)
    sent = [await channel.send(f"number {number}") for number in range(5)]
    newest = [m.id async for m in channel.history(limit=2)]
    assert newest == [sent[4].id, sent[3].id]
    older = [m.id async for m in channel.history(limit=2, before=sent[2])]
    assert older == [sent[1].id, sent[0].id]
    later = [m.id async for m in channel.history(limit=2, after=sent[2])]
    assert sorted(later) == [sent[3].id, sent[4].id]
    around = [m.id async for m in channel.history(limit=3, around=sent[2])]
    assert sorted(around) == [message.id for message in sent[1:4]]
    assert (await channel.fetch_message(sent[0].id)).content == "number 0"


async def test_what_is_missing_has_discords_codes(bot: DemoBot, playground: Playground) -> None:
    playground.rate_limits.is_enabled = False
    channel = await room(bot)
    said = await channel.send("hello")
    stranger = bot.get_partial_messageable(1)
    assert await refused(stranger.send("x")) == (404, 10003)
    assert await refused(channel.fetch_message(1)) == (404, 10008)
    assert await refused(bot.fetch_user(1)) == (404, 10013)
    assert await refused(channel.send("")) == (400, 50006)
    assert await refused(channel.send("x" * 2001)) == (400, 50035)
    large = discord.File(io.BytesIO(bytes(10 * 1024 * 1024 + 1)), "large.bin")
    assert await refused(channel.send(file=large)) == (413, 40005)
    here = playground.world.channel("imagine")
    playground.world.deny(here, Permission.SEND_MESSAGES)
    assert await refused(channel.send("x")) == (403, 50013)
    playground.world.deny(here, Permission.VIEW_CHANNEL)
    assert await refused(said.edit(content="x")) == (403, 50001)
    playground.world.deny(here, Permission(0))
    await said.edit(content="again")


async def test_the_tree_of_a_refused_form_names_the_field(bot: DemoBot) -> None:
    embed = discord.Embed(title="x" * 257)
    with pytest.raises(discord.HTTPException, match=r"embeds\.0\.title: Must be 256 or fewer"):
        await (await room(bot)).send(embed=embed)


async def test_only_ones_own_messages_are_edited_and_others_need_a_right_to_delete(
    bot: DemoBot, ada: Human
) -> None:
    said = await ada.say("hands off")
    message = (await room(bot)).get_partial_message(int(said.id))
    assert await refused(message.edit(content="x")) == (403, 50005)
    assert await refused(message.delete()) == (403, 50013)


async def test_direct_messages_reach_one_person_who_may_close_them(
    bot: DemoBot, ada: Human, ben: Human, playground: Playground
) -> None:
    user = await bot.fetch_user(int(playground.world.person("Ben").id))
    sent = await user.send("psst", file=png_file())
    received = await ben.wait_for(lambda m: m.content == "psst")
    assert received.id == str(sent.id)
    assert received.id not in ada.versions
    playground.world.person("Ben").takes_dms = False
    assert await refused(user.send("psst")) == (403, 50007)


async def test_content_is_hidden_without_its_intent(bot: DemoBot, ada: Human) -> None:
    await ada.say("secret plan", files=[("plan.txt", b"plan")])
    mention = await ada.say(f"hello <@{bot.application_id}>")
    await ada.wait_for(lambda m: m.id == mention.id)
    await bot.wait_until_heard(2)
    assert [(m.content, len(m.attachments)) for m in bot.heard] == [("", 0), (mention.content, 0)]


async def test_typing_and_reactions_are_seen(bot: DemoBot, ada: Human) -> None:
    channel = await room(bot)
    seen = ada.wait_for_event("TYPING_START")
    async with channel.typing():
        pass
    await seen
    message = await channel.send("done")
    await message.add_reaction("✅")
    shown = await ada.wait_for(lambda m: m.raw.get("reactions"))
    assert shown.raw["reactions"][0]["emoji"]["name"] == "✅"
    await message.remove_reaction("✅", discord.Object(bot.application_id or 0))
    await ada.wait_for(lambda m: m.id == shown.id and not m.raw.get("reactions"))


async def test_commands_keep_their_ids_over_a_sync(bot: DemoBot, ada: Human) -> None:
    before = {command["name"]: command["id"] for command in await ada.commands()}
    await bot.tree.sync()
    assert {command["name"]: command["id"] for command in await ada.commands()} == before
    bot.tree.remove_command("twice")
    await bot.tree.sync()
    fetched = {str(command.id) for command in await bot.tree.fetch_commands()}
    assert before["twice"] not in fetched
    assert before["imagine"] in fetched


async def test_commands_of_the_guild_stand_beside_the_global_ones(bot: DemoBot, ada: Human) -> None:
    guild = bot.guilds[0]
    assert (guild.name, guild.me.name, len(guild.text_channels)) == (
        "Easel local channel",
        "Easel",
        3,
    )
    bot.tree.copy_global_to(guild=guild)
    synced = await bot.tree.sync(guild=guild)
    assert len(synced) == len(await bot.tree.fetch_commands(guild=guild))
    assert len([one for one in await ada.commands() if one["name"] == "imagine"]) == 2
    assert (await bot.fetch_guild(guild.id)).id == guild.id
    assert (await guild.fetch_member(bot.application_id or 0)).bot
    assert (await bot.application_info()).name == "Easel"
    assert "imagine" in [channel.name for channel in await guild.fetch_channels()]
