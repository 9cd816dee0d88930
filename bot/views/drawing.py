"""What /imagine and every form that ends in a prompt do with the text."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import discord

from bot.interactions import acknowledge, origin_of, readers
from bot.views.batch import draw_all
from bot.views.waiting import announce
from bot.views.wish import ask

if TYPE_CHECKING:
    from bot.client import EaselClient

MAX_UNASKED = 4
"""More jobs than these at once are drawn when the user has said yes to their cost."""
_NO_FILES: Mapping[str, discord.Attachment] = MappingProxyType({})


async def draw(
    interaction: discord.Interaction[EaselClient],
    text: str,
    files: Mapping[str, discord.Attachment] = _NO_FILES,
) -> None:
    """Parse, acknowledge, take the pictures in, queue, announce.

    `files` are the attachments among the text's links, by their link.
    """
    studio = interaction.client.studio
    prompts = studio.drafts.read_all(text)
    links = [link for prompt in prompts for link in prompt.links]
    if len(prompts) > MAX_UNASKED:
        await acknowledge(interaction, ephemeral=True)
        sources = await studio.intake.take(links, readers(files))
        await ask(interaction, text, prompts, sources=sources)
        return
    origin = await origin_of(interaction)
    sources = await studio.intake.take(links, readers(files))
    if len(prompts) == 1:
        await announce(
            interaction, await studio.submitter.imagine(prompts[0], origin, sources=sources)
        )
    else:
        await draw_all(interaction, prompts, origin, sources=sources)
