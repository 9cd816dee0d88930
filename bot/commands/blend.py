"""/blend: four pictures that lie between two to five others. No words are needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands

from bot.dispatch.action import Action
from bot.errors import UserError
from bot.interactions import link_of, origin_of, readers
from bot.views import announce

if TYPE_CHECKING:
    from bot.client import EaselClient

DIMENSIONS = [
    app_commands.Choice(name="Portrait", value="2:3"),
    app_commands.Choice(name="Square", value="1:1"),
    app_commands.Choice(name="Landscape", value="3:2"),
]


@app_commands.command(name="blend", description="Mix two to five pictures into new ones.")
@app_commands.describe(
    image1="The first picture",
    image2="The second picture",
    image3="Another picture",
    image4="Another picture",
    image5="Another picture",
    dimensions="The shape of the new pictures; normally Square",
    weights="How much each picture counts, in their order: 2 1 1",
)
@app_commands.choices(dimensions=DIMENSIONS)
@app_commands.allowed_installs(guilds=True, users=False)
@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=False)
async def blend(
    interaction: discord.Interaction[Any],
    image1: discord.Attachment,
    image2: discord.Attachment,
    image3: discord.Attachment | None = None,
    image4: discord.Attachment | None = None,
    image5: discord.Attachment | None = None,
    dimensions: str = "1:1",
    weights: app_commands.Range[str, 0, 60] = "",
) -> None:
    """Parse, acknowledge, take the pictures in, queue, announce."""
    client: EaselClient = interaction.client
    studio = client.studio
    given = [one for one in (image1, image2, image3, image4, image5) if one]
    (prompt,) = studio.drafts.read_all(blend_prompt([*map(link_of, given)], weights, dimensions))
    origin = await origin_of(interaction)
    files = readers({link_of(one): one for one in given})
    sources = await studio.intake.take(prompt.links, files)
    job = await studio.submitter.imagine(prompt, origin, sources=sources, action=Action.BLEND)
    await announce(interaction, job)


def blend_prompt(links: list[str], weights: str, ratio: str) -> str:
    """Return the prompt that says the same as a blend. Raises UserError."""
    numbers = weights.replace(",", " ").split()
    if numbers and len(numbers) != len(links):
        raise UserError(
            f"There are {len(links)} pictures and {len(numbers)} weights. Give each picture one,"
            " such as `2 1 1`, or leave them out."
        )
    if len(set(links)) < len(links):
        raise UserError("Two of the pictures are the same. Leave one out, or give it more weight.")
    weighed = zip(links, numbers, strict=True) if numbers else ((link, "1") for link in links)
    return " ".join([*(f"{link}::{number}" for link, number in weighed), f"--ar {ratio}"])
