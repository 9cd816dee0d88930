"""/help: how to ask, and what each parameter does. Answers in private, from the table of flags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands

from bot.errors import UserError
from bot.prompt import FLAGS, Flag, likely_name

if TYPE_CHECKING:
    from bot.client import EaselClient

MAX_CHOICES = 25

_OVERVIEW = """\
**/imagine** draws four pictures from your words. Parameters go last:
> a red apple on a table --ar 3:2 --no leaf
Pictures go first: attach them, or begin with their links.
`hot:: dog::2` two ideas, the second twice as heavy
`{{red, green}} bird` a grid for each; `\\,` is a comma between braces
`(word:1.3)` `[word]` more and less of a word; `BREAK` begins a new chunk
`"quoted words"` are text, whatever is in them

**Parameters** (`/help topic` tells more of each)
{parameters}"""


@app_commands.command(name="help", description="How to ask for pictures, and what you can type.")
@app_commands.describe(topic="A parameter, such as ar")
@app_commands.allowed_installs(guilds=True, users=False)
@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=False)
async def help_(interaction: discord.Interaction[Any], topic: str | None = None) -> None:
    """Answer with the overview, or with one parameter."""
    client: EaselClient = interaction.client
    text = overview() if topic is None else explain(topic, client.studio.drafts.flags())
    await interaction.response.send_message(text, ephemeral=True)


@help_.autocomplete("topic")
async def complete_topic(
    _interaction: discord.Interaction[Any], current: str
) -> list[app_commands.Choice[str]]:
    """Offer the parameters, by any of their names."""
    typed = current.strip().lstrip("-").lower()
    return [
        app_commands.Choice(name=f"--{flag.name}", value=flag.name)
        for flag in FLAGS
        if any(name.startswith(typed) for name in (flag.name, *flag.aliases))
    ][:MAX_CHOICES]


def overview() -> str:
    """Return how to ask, in one message."""
    return _OVERVIEW.format(parameters=" ".join(f"`{flag.usage()}`" for flag in FLAGS))


def explain(topic: str, table: Mapping[str, Flag]) -> str:
    """Return what one parameter of the table does. Raises UserError."""
    typed = topic.strip().lstrip("-").lower()
    if typed not in table:
        likely = likely_name(typed, dict(table))
        known = " ".join(f"`{flag.name}`" for flag in FLAGS)
        hint = f"Did you mean `{likely}`?" if likely else f"There are: {known}"
        raise UserError(f"There is no such topic. {hint}")
    return "\n".join(_lines(table[typed]))


def _lines(flag: Flag) -> list[str]:
    names = " ".join(f"`--{name}`" for name in (flag.name, *flag.aliases))
    default = f", normally `{flag.default_text()}`" if flag.default_text() else ""
    lines = [
        f"**{names}** {flag.kind.describe()}{default}",
        flag.help,
        f"> a red apple {flag.usage()}",
    ]
    if flag.excludes:
        others = " ".join(f"`--{name}`" for name in flag.excludes)
        lines.append(f"Not together with {others}.")
    if not flag.affects_variations:
        lines.append("It shapes a first grid; variations of a picture leave it out.")
    return lines
