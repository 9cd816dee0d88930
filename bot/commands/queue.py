"""/queue: what waits and runs here, for the eyes of whoever asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands

from bot import messages
from bot.interactions import acknowledge
from bot.views import tell_missed

if TYPE_CHECKING:
    from bot.client import EaselClient


@app_commands.command(name="queue", description="What is being drawn, and what waits.")
@app_commands.allowed_installs(guilds=True, users=False)
@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=False)
async def queue(interaction: discord.Interaction[Any]) -> None:
    """Answer privately with the queue in the order of service; one's own jobs are marked."""
    client: EaselClient = interaction.client
    await acknowledge(interaction, ephemeral=True)
    line = client.studio.line
    await interaction.edit_original_response(
        content=messages.queue(
            running=[
                (drawing.job.user_id, drawing.share_done, line.seconds_left(drawing))
                for drawing in line.drawing.values()
            ],
            waiting=[(place.user_id, place.wait_seconds) for place in await line.places()],
            user_id=interaction.user.id,
        ),
        allowed_mentions=discord.AllowedMentions.none(),
    )
    await tell_missed(interaction)
