"""The forms that buttons open. They outlive a restart: what is sent back says all there is to know.

discord.py knows a form only while the process lives that opened it, so nothing is left to it: the
client hands every form that comes back to `submit_form`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import discord

from bot.errors import answer_error
from bot.views.drawing import draw

if TYPE_CHECKING:
    from bot.client import EaselClient

IMAGINE = "easel:form:imagine"
PROMPT = "prompt"
MAX_PROMPT = 4000
"""What a text field of a form takes."""


class ImagineForm(discord.ui.Modal):
    """A prompt to be changed and drawn."""

    def __init__(self, prompt: str) -> None:
        super().__init__(title="Imagine", custom_id=IMAGINE)
        text: discord.ui.TextInput[Any] = discord.ui.TextInput(
            custom_id=PROMPT,
            style=discord.TextStyle.paragraph,
            default=prompt[:MAX_PROMPT],
            max_length=MAX_PROMPT,
        )
        self.add_item(discord.ui.Label(text="Prompt", component=text))


async def submit_form(interaction: discord.Interaction[EaselClient]) -> None:
    """Do what a form asks for, and tell the user when that fails."""
    try:
        if interaction.data is not None and interaction.data.get("custom_id") == IMAGINE:
            await draw(interaction, _values(interaction.data).get(PROMPT, ""))
    except Exception as error:  # noqa: BLE001 - the views' one handler
        await answer_error(interaction, error)


def _values(data: Any) -> dict[str, str]:
    """Return what was typed into each field of a form."""
    labels = data.get("components", [])
    fields = [label["component"] for label in labels if "component" in label]
    return {field["custom_id"]: field["value"] for field in fields if "value" in field}
