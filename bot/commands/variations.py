"""/variations and "Variations" in a message's menu: four pictures from one, with or without words.

The picture need not have been drawn here. Under a grid, V1 to V4 do more: they know its noise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands

from bot.dispatch.action import VARIATIONS
from bot.errors import UserError
from bot.interactions import link_of, origin_of, readers
from bot.prompt import MAX_CHARACTERS
from bot.recipe import Variation
from bot.views import announce

if TYPE_CHECKING:
    from bot.client import EaselClient

STRENGTHS = [
    app_commands.Choice(name="Subtle", value=Variation.SUBTLE.value),
    app_commands.Choice(name="Strong", value=Variation.STRONG.value),
]


@app_commands.command(name="variations", description="Draw four variations of any picture.")
@app_commands.describe(
    image="The picture to vary",
    url="Or the picture's link",
    strength="How far they may go from it; normally Subtle",
    prompt="Words to mix in, and parameters",
)
@app_commands.choices(strength=STRENGTHS)
@app_commands.allowed_installs(guilds=True, users=False)
@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=False)
async def variations(
    interaction: discord.Interaction[Any],
    image: discord.Attachment | None = None,
    url: str | None = None,
    strength: str = Variation.SUBTLE.value,
    prompt: app_commands.Range[str, 0, MAX_CHARACTERS] = "",
) -> None:
    """Vary the picture that was attached or linked to."""
    if (image is None) == (url is None):
        raise UserError("Give one picture: attach it as `image`, or paste its link as `url`.")
    link = (url or "").strip() if image is None else link_of(image)
    await _vary(interaction, link, image, Variation(strength), prompt)


@app_commands.context_menu(name="Variations")
@app_commands.allowed_installs(guilds=True, users=False)
@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=False)
async def variations_menu(interaction: discord.Interaction[Any], message: discord.Message) -> None:
    """Vary the picture of a message."""
    if _is_grid(message):
        raise UserError("This is a grid: press V1 to V4 below it to vary one of its pictures.")
    for file in message.attachments:
        if (file.content_type or "").startswith("image/"):
            await _vary(interaction, link_of(file), file, Variation.SUBTLE, "")
            return
    for embed in message.embeds:
        if link := embed.image.url or embed.thumbnail.url:
            await _vary(interaction, link, None, Variation.SUBTLE, "")
            return
    raise UserError("There is no picture in this message. Use /variations and attach one.")


async def _vary(
    interaction: discord.Interaction[Any],
    link: str,
    file: discord.Attachment | None,
    variation: Variation,
    words: str,
) -> None:
    """Parse, acknowledge, take the picture in, queue, announce."""
    client: EaselClient = interaction.client
    studio = client.studio
    prompts = studio.drafts.read_all(f"{link} {words}".strip(), limit=1)
    if len(prompts[0].images) != 1:
        raise UserError("Variations are of one picture. To mix several, use /blend or /imagine.")
    origin = await origin_of(interaction)
    files = readers({link: file} if file else {})
    sources = await studio.intake.take(prompts[0].links, files)
    job = await studio.submitter.imagine(
        prompts[0], origin, sources=sources, action=VARIATIONS[variation], variation=variation
    )
    await announce(interaction, job)


def _is_grid(message: discord.Message) -> bool:
    rows = [row for row in message.components if isinstance(row, discord.ActionRow)]
    ids = [getattr(child, "custom_id", None) or "" for row in rows for child in row.children]
    return any(one.startswith("easel:V:") for one in ids)
