"""Once more, for the troubles that pass and that discord.py does not try again itself.

It retries announced rate limits, and with the bot's token 500, 502, 504 and 524; not 503, the other
52x of Discord's front, and a connection that breaks. With an interaction's token it retries every
5xx, for longer than one can wait. Only for what may be done twice: edits, and sends with a nonce.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import aiohttp
import discord

logger = logging.getLogger(__name__)

T = TypeVar("T")

TRANSIENT = (aiohttp.ClientError, OSError, asyncio.TimeoutError)
RETRIED_BY_DISCORD_PY = frozenset({500, 502, 504, 524})
TRIES = 4
MAX_PAUSE_SECONDS = 4.0


async def retried(
    call: Callable[[], Awaitable[T]],
    *,
    by_token: bool = False,
    tries: int = TRIES,
    first_pause_seconds: float = 0.5,
) -> T:
    """Call until it succeeds, with growing pauses; raise the last trouble, and others at once.

    `by_token` says that an interaction's token is used.
    """
    for attempt in range(1, tries):
        try:
            return await call()
        except (discord.DiscordServerError, *TRANSIENT) as error:
            if isinstance(error, discord.DiscordServerError) and (
                by_token or error.status in RETRIED_BY_DISCORD_PY
            ):
                raise
            logger.info("once more after: %s", error)
        # Full jitter: after an outage, not everybody comes back at the same moment.
        pause = min(MAX_PAUSE_SECONDS, first_pause_seconds * 2**attempt)
        await asyncio.sleep(random.uniform(0, pause))
    return await call()
