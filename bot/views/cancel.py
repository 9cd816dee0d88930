"""The Cancel button under a job that waits or runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

import discord

from bot.errors import UserError
from bot.interactions import acknowledge, asker_of
from bot.views.button import JOB_ID, JobButton
from bot.views.waiting import tell_missed
from storage import CancelOutcome

if TYPE_CHECKING:
    from bot.views.button import Press


class CancelButton(JobButton, template=rf"easel:cancel:{JOB_ID}"):
    """Stops a job: its owner may, and whoever may delete messages here."""

    def __init__(self, job_id: int) -> None:
        button = discord.ui.Button[discord.ui.View](
            label="Cancel", style=discord.ButtonStyle.danger, custom_id=f"easel:cancel:{job_id}"
        )
        super().__init__(button, job_id=job_id)

    async def act(self, interaction: Press) -> None:
        """Stop the job if this user may."""
        await acknowledge(interaction, ephemeral=True)
        studio = interaction.client.studio
        job = await studio.submitter.job(self.ids["job_id"], asker=asker_of(interaction))
        if job.user_id != interaction.user.id and not interaction.permissions.manage_messages:
            raise UserError("Only the person who started a job, or a moderator, can cancel it.")
        outcome = await studio.dispatcher.cancel(job.id, by=interaction.user.id)
        await interaction.edit_original_response(content=_answer(outcome))
        await tell_missed(interaction)


def _answer(outcome: CancelOutcome) -> str:
    match outcome:
        case CancelOutcome.CANCELLED:
            return "Cancelled before it began."
        case CancelOutcome.REQUESTED:
            return "Stopping at the next step."
        case CancelOutcome.TOO_LATE:
            return "This job is finished already."
        case _:
            assert_never(outcome)


def cancel_view(job_id: int) -> discord.ui.View:
    """Return the buttons of a job that waits or runs."""
    view = discord.ui.View(timeout=None)
    view.add_item(CancelButton(job_id))
    return view
