"""/shorten: which words of a prompt matter, and shorter prompts that say about the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands

from bot.interactions import origin_of
from bot.prompt import MAX_CHARACTERS
from bot.views import announce

if TYPE_CHECKING:
    from bot.client import EaselClient


@app_commands.command(name="shorten", description="Find the words that matter in a prompt.")
@app_commands.describe(prompt="The prompt; its parameters stay as they are")
@app_commands.allowed_installs(guilds=True, users=False)
@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=False)
async def shorten(
    interaction: discord.Interaction[Any],
    prompt: app_commands.Range[str, 1, MAX_CHARACTERS],
) -> None:
    """Parse, acknowledge, queue, announce."""
    client: EaselClient = interaction.client
    studio = client.studio
    read = studio.drafts.read(prompt)
    studio.drafts.shorten(read)  # refused before anything is shown
    origin = await origin_of(interaction)
    await announce(interaction, await studio.submitter.shorten(read, origin))
