"""/describe: four prompts for a picture, each with a button that imagines it after an edit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands

from bot.errors import UserError
from bot.interactions import link_of, origin_of, readers
from bot.views import announce

if TYPE_CHECKING:
    from bot.client import EaselClient


@app_commands.command(name="describe", description="Find four prompts for a picture.")
@app_commands.describe(image="The picture to describe", link="Or the picture's link")
@app_commands.allowed_installs(guilds=True, users=False)
@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=False)
async def describe(
    interaction: discord.Interaction[Any],
    image: discord.Attachment | None = None,
    link: str | None = None,
) -> None:
    """Acknowledge, take the picture in, queue, announce."""
    client: EaselClient = interaction.client
    studio = client.studio
    if (image is None) == (link is None):
        raise UserError("Give one picture: attach it as `image`, or paste its link as `link`.")
    prompt = studio.drafts.read(link_of(image) if image else link or "")
    if len(prompt.links) != 1 or prompt.parts:
        raise UserError("That is not one link. Paste the picture's own: https://...")
    origin = await origin_of(interaction)
    (where,) = prompt.links
    sources = await studio.intake.take([where], readers({where: image} if image else {}))
    await announce(interaction, await studio.submitter.describe(where, origin, sources=sources))
