"""What is written to the end, whoever is cancelled meanwhile: a job's last state, a lease."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


async def to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Do the work; a cancellation that comes meanwhile takes effect when it is done.

    `asyncio.shield` alone would leave the work behind, and nobody would hear of its failure.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise
