"""The buttons under pictures: U takes one out, V and Vary vary one, 🔄 draws again.

Anybody who sees a grid may press its buttons, as in Midjourney; a new job is the presser's own.
Everything behind an id is looked up, and checked again, when a button is pressed.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import discord

from bot import messages
from bot.dispatch.retry import retried
from bot.interactions import acknowledge, asker_of, origin_of
from bot.recipe import Variation
from bot.views.button import IMAGE_INDEX, JOB_ID, JobButton
from bot.views.waiting import announce, tell_missed

if TYPE_CHECKING:
    from bot.views.button import Press

MAX_BUTTONS = 4
"""U and V stop here: a row of Discord's holds five buttons, and the first has 🔄 too."""


class UpscaleButton(JobButton, template=rf"easel:U:{JOB_ID}:{IMAGE_INDEX}"):
    """U1-U4: posts one picture of the grid, from storage, at once."""

    def __init__(self, job_id: int, image_index: int, *, row: int | None = None) -> None:
        button = discord.ui.Button[discord.ui.View](
            label=f"U{image_index + 1}", custom_id=f"easel:U:{job_id}:{image_index}", row=row
        )
        super().__init__(button, job_id=job_id, image_index=image_index)

    async def act(self, interaction: Press) -> None:
        """Post the picture as a reply to the grid."""
        await acknowledge(interaction)
        studio = interaction.client.studio
        job, picture = await studio.submitter.picture(**self.ids, asker=asker_of(interaction))
        label = picture.image_index + 1
        png = await studio.blobs.get(picture.sha256)
        await retried(
            lambda: interaction.edit_original_response(
                content=messages.single(job, picture, user_id=interaction.user.id),
                attachments=[discord.File(io.BytesIO(png), f"easel-{job.id}-{label}.png")],
                view=single_view(job.id, picture.image_index),
                allowed_mentions=discord.AllowedMentions.none(),
            ),
            by_token=True,
        )
        await tell_missed(interaction)


class VariationButton(JobButton, template=rf"easel:V:{JOB_ID}:{IMAGE_INDEX}"):
    """V1-V4: draws four strong variations of one picture, as Midjourney does unless told."""

    def __init__(self, job_id: int, image_index: int, *, row: int | None = None) -> None:
        button = discord.ui.Button[discord.ui.View](
            label=f"V{image_index + 1}", custom_id=f"easel:V:{job_id}:{image_index}", row=row
        )
        super().__init__(button, job_id=job_id, image_index=image_index)

    async def act(self, interaction: Press) -> None:
        """Queue the variations."""
        await _vary(interaction, variation=Variation.STRONG, **self.ids)


class VaryButton(JobButton, template=rf"easel:vary:(?P<is_strong>[01]):{JOB_ID}:{IMAGE_INDEX}"):
    """Vary (Subtle) and Vary (Strong), under one picture."""

    def __init__(self, job_id: int, image_index: int, *, is_strong: int) -> None:
        label = "Vary (Strong)" if is_strong else "Vary (Subtle)"
        button = discord.ui.Button[discord.ui.View](
            label=label, custom_id=f"easel:vary:{is_strong}:{job_id}:{image_index}"
        )
        super().__init__(button, job_id=job_id, image_index=image_index, is_strong=is_strong)

    async def act(self, interaction: Press) -> None:
        """Queue the variations."""
        variation = Variation.STRONG if self.ids["is_strong"] else Variation.SUBTLE
        await _vary(interaction, self.ids["job_id"], self.ids["image_index"], variation)


async def _vary(interaction: Press, job_id: int, image_index: int, variation: Variation) -> None:
    origin = await origin_of(interaction)
    submitter = interaction.client.studio.submitter
    await announce(interaction, await submitter.vary(job_id, image_index, variation, origin=origin))


class RerollButton(JobButton, template=rf"easel:R:{JOB_ID}"):
    """🔄: draws the same wish with a new seed."""

    def __init__(self, job_id: int, *, row: int | None = None) -> None:
        button = discord.ui.Button[discord.ui.View](
            emoji="🔄", custom_id=f"easel:R:{job_id}", row=row
        )
        super().__init__(button, job_id=job_id)

    async def act(self, interaction: Press) -> None:
        """Queue the grid again."""
        origin = await origin_of(interaction)
        await announce(
            interaction, await interaction.client.studio.submitter.reroll(**self.ids, origin=origin)
        )


def grid_view(job_id: int, num_images: int) -> discord.ui.View:
    """Return U1 to U4 and 🔄 in the first row, V1 to V4 in the second."""
    view = discord.ui.View(timeout=None)
    shown = range(min(num_images, MAX_BUTTONS))
    for image_index in shown:
        view.add_item(UpscaleButton(job_id, image_index, row=0))
    view.add_item(RerollButton(job_id, row=0))
    for image_index in shown:
        view.add_item(VariationButton(job_id, image_index, row=1))
    return view


def single_view(job_id: int, image_index: int) -> discord.ui.View:
    """Return the buttons under one picture of a grid."""
    view = discord.ui.View(timeout=None)
    for is_strong in (0, 1):
        view.add_item(VaryButton(job_id, image_index, is_strong=is_strong))
    return view
