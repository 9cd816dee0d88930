"""What a job's message says from the moment the job is queued."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord

from bot import messages
from bot.views.cancel import cancel_view
from storage import JobRecord, JobState

if TYPE_CHECKING:
    from bot.client import EaselClient


async def announce(interaction: discord.Interaction[EaselClient], job: JobRecord) -> None:
    """Say that the job waits, unless a worker was quicker and shows it already."""
    studio = interaction.client.studio
    current = await studio.jobs.get(job.id)
    if current is None or current.state is not JobState.QUEUED or job.message_id is None:
        return
    await interaction.followup.edit_message(
        job.message_id,
        content=messages.waiting(job, jobs_ahead=await studio.jobs.queue_position(job.id)),
        view=cancel_view(job.id),
        allowed_mentions=discord.AllowedMentions.none(),
    )
