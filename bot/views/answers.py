"""The buttons under words that were found: each imagines one of the prompts after an edit."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

import discord

from bot import messages
from bot.answers import prompts_of
from bot.errors import GoneError
from bot.interactions import acknowledge, asker_of
from bot.views.button import JOB_ID, JobButton
from bot.views.forms import ImagineForm
from bot.views.grid import RerollButton
from engine.api import Answer, Described, Shortened

if TYPE_CHECKING:
    from bot.views.button import Press

MAX_BUTTONS = 5


class PromptButton(JobButton, template=rf"easel:P:{JOB_ID}:(?P<index>[0-4])"):
    """1 to 5: opens a form with the prompt."""

    def __init__(self, job_id: int, index: int) -> None:
        button = discord.ui.Button[discord.ui.View](
            emoji=messages.number_label(index), custom_id=f"easel:P:{job_id}:{index}"
        )
        super().__init__(button, job_id=job_id, index=index)

    async def act(self, interaction: Press) -> None:
        """Open the form; a form is an acknowledgement."""
        studio = interaction.client.studio
        job, answer = await studio.submitter.answer(self.ids["job_id"], asker=asker_of(interaction))
        asked = studio.drafts.read(job.prompt) if isinstance(answer, Shortened) else None
        prompts = prompts_of(answer, asked)
        if self.ids["index"] >= len(prompts):
            raise GoneError("There is no such prompt. Ask for words again.")
        await interaction.response.send_modal(ImagineForm(prompts[self.ids["index"]]))


class DetailsButton(JobButton, template=rf"easel:details:{JOB_ID}"):
    """Show details: how much each word matters."""

    def __init__(self, job_id: int) -> None:
        button = discord.ui.Button[discord.ui.View](
            label="Show details", custom_id=f"easel:details:{job_id}", row=1
        )
        super().__init__(button, job_id=job_id)

    async def act(self, interaction: Press) -> None:
        """Tell the presser alone."""
        await acknowledge(interaction, ephemeral=True)
        _, answer = await interaction.client.studio.submitter.answer(
            self.ids["job_id"], asker=asker_of(interaction)
        )
        if not isinstance(answer, Shortened):
            raise GoneError("There are no details to these words.")
        await interaction.edit_original_response(
            content=messages.details(answer), allowed_mentions=discord.AllowedMentions.none()
        )


def answer_view(job_id: int, answer: Answer) -> discord.ui.View:
    """Return a button for each prompt; then 🔄, or the details."""
    view = discord.ui.View(timeout=None)
    for index in range(min(len(answer.prompts), MAX_BUTTONS)):
        view.add_item(PromptButton(job_id, index))
    match answer:
        case Described():
            view.add_item(RerollButton(job_id))
        case Shortened():
            view.add_item(DetailsButton(job_id))
        case _:
            assert_never(answer)
    return view
