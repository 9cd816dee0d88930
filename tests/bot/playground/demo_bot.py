"""A small bot on the stock library that uses everything the channel emulates."""

from __future__ import annotations

import asyncio
import io
import re
import struct
import zlib
from typing import Any, Self

import discord
from discord import app_commands, ui


def png(size: int = 8, colour: tuple[int, int, int] = (200, 40, 40)) -> bytes:
    """Return a PNG of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    rows = (b"\x00" + bytes(colour) * size) * size
    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def png_file(name: str = "grid.png", size: int = 8) -> discord.File:
    return discord.File(io.BytesIO(png(size)), filename=name, description="A picture")


class Upscale(ui.DynamicItem[ui.Button[ui.View]], template=r"job:(?P<job>\d+):U(?P<number>[1-4])"):
    """A button that needs no memory of its message."""

    def __init__(self, job: int, number: int) -> None:
        self.job, self.number = job, number
        custom_id = f"job:{job}:U{number}"
        super().__init__(ui.Button(label=f"U{number}", custom_id=custom_id))

    @classmethod
    async def from_custom_id(
        cls, _interaction: discord.Interaction, _item: Any, match: re.Match[str], /
    ) -> Self:
        return cls(int(match["job"]), int(match["number"]))

    async def callback(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message(f"upscaling {self.number} of {self.job}")


class Remix(ui.Modal, title="Remix prompt"):
    prompt: ui.TextInput[Self] = ui.TextInput(
        label="Prompt", style=discord.TextStyle.paragraph, default="a red apple", max_length=400
    )
    style: ui.Label[Self] = ui.Label(
        text="Style",
        component=ui.Select(
            custom_id="style",
            required=False,
            options=[discord.SelectOption(label=name, value=name) for name in ("raw", "cute")],
        ),
    )
    picture: ui.Label[Self] = ui.Label(
        text="Picture", component=ui.FileUpload(custom_id="picture", required=False, max_values=2)
    )

    async def on_submit(self, interaction: discord.Interaction) -> None:
        select, upload = self.style.component, self.picture.component
        assert isinstance(select, ui.Select)
        assert isinstance(upload, ui.FileUpload)
        sizes = [len(await file.read()) for file in upload.values]
        await interaction.response.send_message(
            f"remixing {self.prompt.value!r} {select.values} {sizes}"
        )


class GridView(ui.View):
    def __init__(self) -> None:
        super().__init__(timeout=None)
        self.add_item(Upscale(7, 1))
        self.add_item(Upscale(7, 2))

    @ui.button(label="Remix", style=discord.ButtonStyle.primary, custom_id="remix")
    async def remix(self, interaction: discord.Interaction, _button: Any) -> None:
        await interaction.response.send_modal(Remix())

    @ui.button(emoji="🔄", style=discord.ButtonStyle.success, custom_id="reroll")
    async def reroll(self, interaction: discord.Interaction, _button: Any) -> None:
        await interaction.response.edit_message(content="rerolled")

    @ui.button(label="Cancel", style=discord.ButtonStyle.danger, custom_id="cancel", disabled=True)
    async def cancel(self, interaction: discord.Interaction, _button: Any) -> None:
        await interaction.response.defer()

    @ui.select(
        placeholder="Zoom",
        custom_id="zoom",
        row=1,
        options=[
            discord.SelectOption(label="Zoom out 2x", value="2", emoji="🔍"),
            discord.SelectOption(label="Zoom out 1.5x", value="1.5", description="a little"),
        ],
    )
    async def zoom(self, interaction: discord.Interaction, select: ui.Select[Self]) -> None:
        await interaction.response.defer()
        await interaction.edit_original_response(content=f"zoomed {select.values}")


class Survey(ui.Modal, title="Survey"):
    quality: ui.Label[Self] = ui.Label(
        text="Quality",
        component=ui.RadioGroup(
            custom_id="quality",
            options=[discord.RadioGroupOption(label=name, value=name) for name in ("low", "high")],
        ),
    )
    extras: ui.Label[Self] = ui.Label(
        text="Extras",
        component=ui.CheckboxGroup(
            custom_id="extras",
            required=False,
            options=[discord.CheckboxGroupOption(label=name, value=name) for name in ("a", "b")],
        ),
    )
    agreed: ui.Label[Self] = ui.Label(text="Agreed", component=ui.Checkbox(custom_id="agreed"))

    async def on_submit(self, interaction: discord.Interaction) -> None:
        quality, extras, agreed = (
            part.component for part in (self.quality, self.extras, self.agreed)
        )
        assert isinstance(quality, ui.RadioGroup)
        assert isinstance(extras, ui.CheckboxGroup)
        assert isinstance(agreed, ui.Checkbox)
        await interaction.response.send_message(f"{quality.value} {extras.values} {agreed.value}")


class Exhibition(ui.LayoutView):
    """Components of version 2: a container with pictures, words and buttons."""

    def __init__(self) -> None:
        super().__init__(timeout=None)
        pictures: ui.MediaGallery[Self] = ui.MediaGallery()
        pictures.add_item(media="attachment://a.png", description="the first")
        pictures.add_item(media="attachment://b.png", spoiler=True)
        survey: ui.Button[Self] = ui.Button(label="Survey", custom_id="survey")
        survey.callback = self.ask  # type: ignore[method-assign]
        people: ui.UserSelect[Self] = ui.UserSelect(custom_id="people", max_values=2)
        people.callback = self.greet  # type: ignore[method-assign]
        self.people = people
        parts: list[ui.Item[Self]] = [
            ui.TextDisplay("# Exhibition"),
            pictures,
            ui.Separator(),
            ui.Section("A few words", accessory=ui.Thumbnail("attachment://a.png")),
            ui.ActionRow(survey, ui.Button(label="Docs", url="https://example.org")),
            ui.ActionRow(people),
        ]
        self.add_item(ui.Container(*parts, accent_colour=0xC2472C))

    async def ask(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_modal(Survey())

    async def greet(self, interaction: discord.Interaction) -> None:
        names = ", ".join(user.display_name for user in self.people.values)
        await interaction.response.send_message(f"hello {names}", ephemeral=True)


class DemoBot(discord.Client):
    """The bot; `silent` commands are never answered, and what failed is kept in `failures`."""

    def __init__(self, **arguments: Any) -> None:
        arguments.setdefault("intents", discord.Intents(guilds=True, guild_messages=True))
        super().__init__(
            guild_ready_timeout=0.05,
            allowed_mentions=discord.AllowedMentions.none(),
            **arguments,
        )
        self.tree = app_commands.CommandTree(self)
        self.failures: list[Exception] = []
        self.failed = asyncio.Event()
        self._received: asyncio.Queue[tuple[str, discord.Interaction]] = asyncio.Queue()
        self.heard: list[discord.Message] = []
        self.resumed = asyncio.Event()
        self._hearing = asyncio.Condition()
        _add_commands(self)

    async def setup_hook(self) -> None:
        self.add_dynamic_items(Upscale)
        self.add_view(GridView())
        await self.tree.sync()

    async def on_message(self, message: discord.Message) -> None:
        self.heard.append(message)
        async with self._hearing:
            self._hearing.notify_all()

    async def wait_until_heard(self, count: int) -> None:
        async with self._hearing:
            await self._hearing.wait_for(lambda: len(self.heard) >= count)

    async def on_resumed(self) -> None:
        self.resumed.set()

    def keep(self, name: str, interaction: discord.Interaction) -> None:
        self._received.put_nowait((name, interaction))

    async def received(self, name: str) -> discord.Interaction:
        """Return the interaction that a command kept."""
        kept, interaction = await asyncio.wait_for(self._received.get(), 10)
        assert kept == name
        return interaction

    def fail(self, error: Exception) -> None:
        self.failures.append(error)
        self.failed.set()


def _add_commands(bot: DemoBot) -> None:  # noqa: C901 - a list of commands
    tree = bot.tree

    @tree.command(description="Draw a picture")
    @app_commands.describe(prompt="What to draw", model="Which model draws", image="Start here")
    async def imagine(
        interaction: discord.Interaction,
        prompt: str,
        model: str = "auto",
        image: discord.Attachment | None = None,
        stylize: app_commands.Range[int, 0, 1000] = 100,
    ) -> None:
        await interaction.response.defer()
        sent = len(await image.read()) if image else 0
        await interaction.edit_original_response(content=f"**{prompt}** (0%)")
        text = f"**{prompt}** - <@{interaction.user.id}> {model} {stylize} {sent}"
        await interaction.edit_original_response(
            content=text, attachments=[png_file()], view=GridView()
        )

    @imagine.autocomplete("model")
    async def models(
        _interaction: discord.Interaction, current: str
    ) -> list[app_commands.Choice[str]]:
        names = ["auto", "pocket", "portrait"]
        return [app_commands.Choice(name=n.title(), value=n) for n in names if current in n]

    @tree.command(description="Answer in secret")
    async def secret(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("for your eyes only", ephemeral=True)
        await interaction.followup.send("this too", ephemeral=True)
        await interaction.followup.send("and this for all", file=png_file("public.png"))

    @tree.command(description="Show an exhibition")
    async def exhibit(interaction: discord.Interaction) -> None:
        files = [png_file("a.png"), png_file("b.png")]
        await interaction.response.send_message(view=Exhibition(), files=files)

    @tree.command(description="Never answer")
    async def silent(interaction: discord.Interaction) -> None:
        bot.keep("silent", interaction)

    @tree.command(description="Answer twice")
    async def twice(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("once")
        try:
            again = discord.webhook.async_.async_context.get()
            params = discord.webhook.async_.interaction_response_params(type=5)
            await again.create_interaction_response(
                interaction.id, interaction.token, session=interaction._session, params=params
            )
        except discord.HTTPException as error:
            bot.fail(error)

    @tree.command(description="Remember the interaction")
    async def keep(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("kept")
        bot.keep("keep", interaction)

    @tree.command(description="For administrators")
    @app_commands.default_permissions(manage_guild=True)
    @app_commands.guild_only()
    async def moderate(interaction: discord.Interaction, member: discord.Member) -> None:
        await interaction.response.send_message(f"moderated {member.display_name}")

    @tree.context_menu(name="Describe")
    async def describe(interaction: discord.Interaction, message: discord.Message) -> None:
        await interaction.response.send_message(f"{len(message.attachments)} pictures")

    group = app_commands.Group(name="models", description="Models")

    @group.command(name="list", description="List the models")
    async def list_models(interaction: discord.Interaction) -> None:
        embed = discord.Embed(title="Models", description="pocket", colour=0x336699)
        embed.add_field(name="Size", value="4 MB").set_image(url="attachment://shot.png")
        embed.set_footer(text="one model")
        await interaction.response.send_message(embed=embed, file=png_file("shot.png"))

    tree.add_command(group)
