"""What a job's message says from the moment the job is queued."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import discord

from bot.dispatch.messenger import files_of
from storage import JobRecord

if TYPE_CHECKING:
    from bot.client import EaselClient
    from bot.dispatch.messenger import Message


async def announce(interaction: discord.Interaction[EaselClient], job: JobRecord) -> None:
    """Say that the job waits, and where, unless a worker was quicker and shows it already."""
    studio = interaction.client.studio
    await studio.line.announce(job.id)
    # A message of one's own before the first answer is there would take the place of that answer.
    await studio.progress.settled(job.id)
    await tell_missed(interaction)


async def tell_missed(interaction: discord.Interaction[EaselClient]) -> None:
    """Tell whoever did something of the results that could not reach them."""
    tell = partial(_tell_privately, interaction)
    await interaction.client.studio.deliverer.tell_missed(interaction.user.id, tell)


async def _tell_privately(interaction: discord.Interaction[EaselClient], message: Message) -> None:
    await interaction.followup.send(
        message.content,
        files=files_of(message),
        view=message.view() if message.view else discord.utils.MISSING,
        ephemeral=True,
        allowed_mentions=discord.AllowedMentions.none(),
    )
