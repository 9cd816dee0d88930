"""/imagine: a prompt becomes a grid of four pictures, or several when it asks for several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands

from bot.interactions import link_of
from bot.prompt import MAX_CHARACTERS
from bot.views import draw

if TYPE_CHECKING:
    from bot.client import EaselClient

MAX_CHOICES = 25
MAX_CHOICE_CHARACTERS = 100


@app_commands.command(name="imagine", description="Draw four pictures from your words.")
@app_commands.describe(
    prompt="What to draw, then parameters: a red apple --ar 3:2 --no leaf",
    image="A picture to draw from, beside the words",
    image2="A second picture to draw from",
    style="A picture whose style to take, like --sref",
    character="A picture of somebody who is to be seen, like --cref",
)
@app_commands.allowed_installs(guilds=True, users=False)
@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=False)
async def imagine(
    interaction: discord.Interaction[Any],
    prompt: app_commands.Range[str, 1, MAX_CHARACTERS],
    image: discord.Attachment | None = None,
    image2: discord.Attachment | None = None,
    style: discord.Attachment | None = None,
    character: discord.Attachment | None = None,
) -> None:
    """Write the attachments where their links would stand, and draw that."""
    images = [link_of(one) for one in (image, image2) if one]
    references = [
        f"{flag} {link_of(one)}" for flag, one in (("--sref", style), ("--cref", character)) if one
    ]
    files = {link_of(one): one for one in (image, image2, style, character) if one}
    await draw(interaction, " ".join([*images, prompt, *references]), files)


@imagine.autocomplete("prompt")
async def complete_prompt(
    interaction: discord.Interaction[Any], current: str
) -> list[app_commands.Choice[str]]:
    """Offer the parameters that fit what was typed so far."""
    client: EaselClient = interaction.client
    return [
        app_commands.Choice(name=completion.text, value=completion.text)
        for completion in client.studio.drafts.complete(current)
        if len(completion.text) <= MAX_CHOICE_CHARACTERS
    ][:MAX_CHOICES]
