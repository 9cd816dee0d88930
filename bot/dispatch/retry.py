"""Once more, for the troubles that pass and that discord.py does not try again itself.

It retries 500, 502, 504, 524 and announced rate limits; not 503, the 52x of Discord's front, and a
connection that breaks. Only for what may be done twice: edits, and sends with a nonce.
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
    call: Callable[[], Awaitable[T]], *, tries: int = TRIES, first_pause_seconds: float = 0.5
) -> T:
    """Call until it succeeds, with growing pauses; raise the last trouble, and others at once."""
    for attempt in range(1, tries):
        try:
            return await call()
        except (discord.DiscordServerError, *TRANSIENT) as error:
            if not passes(error):
                raise
            logger.info("once more after: %s", error)
        # Full jitter: after an outage, not everybody comes back at the same moment.
        pause = min(MAX_PAUSE_SECONDS, first_pause_seconds * 2**attempt)
        await asyncio.sleep(random.uniform(0, pause))
    return await call()


def passes(error: Exception) -> bool:
    """Return whether trying again at once makes sense."""
    if isinstance(error, discord.DiscordServerError):
        return error.status not in RETRIED_BY_DISCORD_PY
    return isinstance(error, TRANSIENT)
