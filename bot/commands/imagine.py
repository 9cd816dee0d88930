"""/imagine: a prompt becomes a grid of four pictures, or several when it asks for several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands

from bot.interactions import origin_of
from bot.prompt import MAX_CHARACTERS
from bot.views import announce, ask, draw_all

if TYPE_CHECKING:
    from bot.client import EaselClient

MAX_UNASKED = 4
"""More jobs than these at once are drawn when the user has said yes to their cost."""
MAX_CHOICES = 25
MAX_CHOICE_CHARACTERS = 100


@app_commands.command(name="imagine", description="Draw four pictures from your words.")
@app_commands.describe(prompt="What to draw, then parameters: a red apple --ar 3:2 --no leaf")
@app_commands.allowed_installs(guilds=True, users=False)
@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=False)
async def imagine(
    interaction: discord.Interaction[Any],
    prompt: app_commands.Range[str, 1, MAX_CHARACTERS],
) -> None:
    """Parse, acknowledge, queue, announce."""
    client: EaselClient = interaction.client
    submitter = client.studio.submitter
    prompts = submitter.read_all(prompt)
    if len(prompts) > MAX_UNASKED:
        await ask(interaction, prompt, prompts)
        return
    origin = await origin_of(interaction)
    if len(prompts) == 1:
        await announce(interaction, await submitter.imagine(prompts[0], origin))
    else:
        await draw_all(interaction, prompts, origin)


@imagine.autocomplete("prompt")
async def complete_prompt(
    interaction: discord.Interaction[Any], current: str
) -> list[app_commands.Choice[str]]:
    """Offer the parameters that fit what was typed so far."""
    client: EaselClient = interaction.client
    return [
        app_commands.Choice(name=completion.text, value=completion.text)
        for completion in client.studio.submitter.complete(current)
        if len(completion.text) <= MAX_CHOICE_CHARACTERS
    ][:MAX_CHOICES]
