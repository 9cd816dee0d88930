"""Several jobs from one wish: a message for each, one transaction for all."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import discord

from bot import messages
from bot.interactions import promise
from bot.views.waiting import announce

if TYPE_CHECKING:
    from bot.client import EaselClient
    from bot.dispatch.origin import Origin
    from bot.dispatch.submit import Sources
    from bot.prompt import Prompt
    from storage import JobRecord

logger = logging.getLogger(__name__)


async def draw_all(
    interaction: discord.Interaction[EaselClient],
    prompts: Sequence[Prompt],
    origin: Origin,
    *,
    sources: Sources,
    wish_id: int | None = None,
) -> list[JobRecord]:
    """Post a message for each prompt, queue all jobs, then show how each of them waits.

    Without a wish, the answer that thinks becomes the first job's message. The messages of jobs
    that were not queued are taken back. Empty: the wish was answered before.
    """
    async with contextlib.AsyncExitStack() as posted:
        message_ids: list[int] = []
        for prompt in prompts:
            content = messages.asked(prompt.canonical(), user_id=origin.asker.user_id)
            if wish_id is None and not message_ids:
                await interaction.edit_original_response(content=content)
                message_ids.append(origin.message_id)
                continue
            sent = await interaction.followup.send(content, wait=True)
            posted.push_async_callback(_take_back, sent)
            message_ids.append(sent.id)
            await promise(interaction, sent.id)
        jobs = await interaction.client.studio.submitter.imagine_all(
            prompts, origin, message_ids=message_ids, sources=sources, wish_id=wish_id
        )
        if jobs:
            posted.pop_all()
    for job in jobs:
        await announce(interaction, job)
    return jobs


async def _take_back(message: discord.WebhookMessage) -> None:
    try:
        await message.delete()
    except discord.HTTPException as error:
        logger.info("message %d stays: %s", message.id, error)
