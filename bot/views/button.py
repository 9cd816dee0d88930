"""What every button of a job shares: ids in the `custom_id`, and an answer when it fails."""

from __future__ import annotations

import abc
import re
from typing import TYPE_CHECKING, Any, Self

import discord

from bot.errors import answer_error

if TYPE_CHECKING:
    from bot.client import EaselClient

    Press = discord.Interaction[EaselClient]

JOB_ID = r"(?P<job_id>[0-9]{1,18})"
IMAGE_INDEX = r"(?P<image_index>[0-9]{1,2})"


class JobButton(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]],
    template=r"(?!)",  # matches nothing: only the subclasses are registered
):
    """A button that works after any restart: its id says which job, and nothing else is kept."""

    def __init__(self, button: discord.ui.Button[discord.ui.View], **ids: int) -> None:
        super().__init__(button)
        self.ids = ids

    @classmethod
    async def from_custom_id(
        cls,
        _interaction: discord.Interaction[Any],
        _item: discord.ui.Item[Any],
        match: re.Match[str],
        /,
    ) -> Self:
        """Rebuild the button from the ids that Discord sent back."""
        return cls(**{name: int(value) for name, value in match.groupdict().items()})  # type: ignore[arg-type]

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Act, and tell the presser when that fails: discord.py would only log it."""
        try:
            await self.act(interaction)
        except Exception as error:  # noqa: BLE001 - the views' one handler
            await answer_error(interaction, error)

    @abc.abstractmethod
    async def act(self, interaction: Press) -> None:
        """Acknowledge first, then do what the button says."""
