"""Yes and No below the question what many jobs at once may cost.

The question is private. What was asked for lies in the database under the id in the buttons, so
they work after any restart, and whichever is pressed first takes it away.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import discord

from bot import messages
from bot.errors import GoneError
from bot.interactions import origin_at
from bot.views.batch import draw_all
from bot.views.button import JobButton

if TYPE_CHECKING:
    from bot.client import EaselClient
    from bot.dispatch.submit import Sources
    from bot.prompt import Prompt
    from bot.views.button import Press

_WISH_ID = r"(?P<wish_id>[0-9]{1,18})"


class YesButton(JobButton, template=rf"easel:wish:yes:{_WISH_ID}"):
    """Draws all of it."""

    def __init__(self, wish_id: int) -> None:
        button = discord.ui.Button[discord.ui.View](
            label="Yes", style=discord.ButtonStyle.success, custom_id=f"easel:wish:yes:{wish_id}"
        )
        super().__init__(button, wish_id=wish_id)

    async def act(self, interaction: Press) -> None:
        """Queue the jobs, each with a message of its own, and take the question away."""
        await interaction.response.defer()
        studio = interaction.client.studio
        wish = await studio.submitter.wish(self.ids["wish_id"], user_id=interaction.user.id)
        prompts = studio.drafts.read_all(wish.prompt)
        jobs = await draw_all(
            interaction,
            prompts,
            origin_at(interaction, 0),
            sources=wish.sources or {},
            wish_id=wish.id,
        )
        if not jobs:
            return
        # A second press that came too late has taken the question away.
        with contextlib.suppress(discord.NotFound):
            await interaction.edit_original_response(content=messages.agreed(prompts), view=None)


class NoButton(JobButton, template=rf"easel:wish:no:{_WISH_ID}"):
    """Draws nothing."""

    def __init__(self, wish_id: int) -> None:
        button = discord.ui.Button[discord.ui.View](
            label="No", style=discord.ButtonStyle.secondary, custom_id=f"easel:wish:no:{wish_id}"
        )
        super().__init__(button, wish_id=wish_id)

    async def act(self, interaction: Press) -> None:
        """Forget what was asked for."""
        await interaction.response.defer()
        submitter = interaction.client.studio.submitter
        wish = await submitter.wish(self.ids["wish_id"], user_id=interaction.user.id)
        if not await submitter.forget(wish.id):
            raise GoneError("This is answered already. Ask again with /imagine.")
        await interaction.edit_original_response(content="Nothing was drawn.", view=None)


async def ask(
    interaction: discord.Interaction[EaselClient],
    text: str,
    prompts: Sequence[Prompt],
    *,
    sources: Sources,
) -> None:
    """Ask, in private, whether all of it shall be drawn. The interaction thinks already."""
    submitter = interaction.client.studio.submitter
    wish = await submitter.remember(text, user_id=interaction.user.id, sources=sources)
    view = discord.ui.View(timeout=None)
    view.add_item(YesButton(wish.id))
    view.add_item(NoButton(wish.id))
    await interaction.edit_original_response(content=messages.question(prompts), view=view)
