"""Discord's interactions, turned into plain values: acknowledge first, then work."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import discord

from bot.dispatch.submit import Asker, Origin

if TYPE_CHECKING:
    from bot.client import EaselClient

TOKEN_LIFE = timedelta(minutes=15)


def asker_of(interaction: discord.Interaction[EaselClient]) -> Asker:
    """Return who pressed or typed, and where."""
    return Asker(
        user_id=interaction.user.id,
        guild_id=interaction.guild_id,
        channel_id=interaction.channel_id or 0,
    )


async def origin_of(interaction: discord.Interaction[EaselClient]) -> Origin:
    """Acknowledge the interaction with a message that thinks; return where the wish came from."""
    response = await interaction.response.defer(thinking=True)
    message_id = response.message_id if response else None
    if message_id is None:
        message_id = (await interaction.original_response()).id
    return origin_at(interaction, message_id)


def origin_at(interaction: discord.Interaction[EaselClient], message_id: int) -> Origin:
    """Return where the wish came from; `message_id` is the message that will show the job."""
    return Origin(
        interaction_id=interaction.id,
        interaction_token=interaction.token,
        interaction_expires_at=interaction.created_at + TOKEN_LIFE,
        asker=asker_of(interaction),
        user_name=interaction.user.display_name,
        guild_name=interaction.guild.name if interaction.guild else "",
        message_id=message_id,
    )
