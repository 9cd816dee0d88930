"""Discord's interactions, turned into plain values: acknowledge first, then work."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import discord

from bot.dispatch.origin import Asker, Origin
from bot.dispatch.retry import retried
from bot.errors import ALREADY_ACKNOWLEDGED
from bot.pictures.decode import PictureRefusedError, check_size
from bot.pictures.intake import Reader

if TYPE_CHECKING:
    from bot.client import EaselClient

ACKNOWLEDGE_TRIES = 5
TOKEN_LIFE = timedelta(minutes=15)


def asker_of(interaction: discord.Interaction[EaselClient]) -> Asker:
    """Return who pressed or typed, and where."""
    return Asker(
        user_id=interaction.user.id,
        guild_id=interaction.guild_id,
        channel_id=interaction.channel_id or 0,
    )


async def acknowledge(
    interaction: discord.Interaction[EaselClient], *, ephemeral: bool = False
) -> int | None:
    """Answer with a message that thinks; return its id where Discord tells it.

    That it must not think for ever is written down meanwhile. A connection that breaks may have
    broken before or after Discord heard of it, so the second try takes "already acknowledged" for a
    yes.
    """
    message_id, _ = await asyncio.gather(
        retried(
            partial(_defer, interaction, ephemeral=ephemeral),
            by_token=True,
            tries=ACKNOWLEDGE_TRIES,
            first_pause_seconds=0.05,
        ),
        promise(interaction),
    )
    return message_id


def promise(
    interaction: discord.Interaction[EaselClient], message_id: int | None = None
) -> Awaitable[None]:
    """Note that a message of this interaction waits for its content; None: its own answer."""
    return interaction.client.studio.promises.promise(
        interaction.id,
        token=interaction.token,
        expires_at=interaction.created_at + TOKEN_LIFE,
        message_id=message_id,
    )


async def _defer(interaction: discord.Interaction[EaselClient], *, ephemeral: bool) -> int | None:
    try:
        response = await interaction.response.defer(thinking=True, ephemeral=ephemeral)
    except discord.HTTPException as error:
        if error.code != ALREADY_ACKNOWLEDGED:
            raise
        return None
    return response.message_id if response else None


def link_of(attachment: discord.Attachment) -> str:
    """Return an attachment's link without its signature, which dies after a day."""
    return attachment.url.partition("?")[0]


def readers(files: Mapping[str, discord.Attachment]) -> dict[str, Reader]:
    """Return what reads each attachment."""
    return {link: partial(_read, file) for link, file in files.items()}


async def _read(file: discord.Attachment) -> bytes:
    check_size(file.size)
    try:
        return await file.read()
    except discord.HTTPException as error:
        raise PictureRefusedError("That attachment is gone. Attach the file again.") from error


async def origin_of(interaction: discord.Interaction[EaselClient]) -> Origin:
    """Acknowledge the interaction with a message that thinks; return where the wish came from."""
    message_id = await acknowledge(interaction)
    if message_id is None:
        message_id = (await retried(interaction.original_response, by_token=True)).id
    return origin_at(interaction, message_id)


def origin_at(interaction: discord.Interaction[EaselClient], message_id: int) -> Origin:
    """Return where the wish came from; `message_id` is the message that will show the job."""
    return Origin(
        interaction_id=interaction.id,
        interaction_token=interaction.token,
        interaction_expires_at=interaction.created_at + TOKEN_LIFE,
        asker=asker_of(interaction),
        user_name=interaction.user.display_name,
        guild_name=interaction.guild.name if interaction.guild else "",
        message_id=message_id,
        file_limit_bytes=interaction.filesize_limit,
    )
