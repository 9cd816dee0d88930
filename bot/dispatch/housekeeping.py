"""What the leader clears away, hourly or daily: wishes that nobody answered, blobs nobody names."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime, timedelta

from bot.dispatch.leadership import Leadership
from storage import BlobError, BlobListError, Orphans, Wishes

logger = logging.getLogger(__name__)

WISH_LIFE = timedelta(days=1)
"""After a day, a private question has long gone from the screen."""
WISHES_SECONDS = 3600.0
BLOBS_SECONDS = 24 * 3600.0


class Housekeeper:
    """Clears away what nobody will ask for."""

    def __init__(self, *, wishes: Wishes, orphans: Orphans, leadership: Leadership) -> None:
        self._wishes = wishes
        self._orphans = orphans
        self._leadership = leadership

    async def run(self) -> None:
        """Keep house while this process leads. Raises LeaseLostError."""
        await self._leadership.taken()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._drop_wishes(), name="housekeeping-wishes")
            tasks.create_task(self._collect_orphans(), name="housekeeping-blobs")

    async def _drop_wishes(self) -> None:
        while True:
            await self._wishes.drop_older_than(datetime.now(UTC) - WISH_LIFE)
            await asyncio.sleep(WISHES_SECONDS)

    async def _collect_orphans(self) -> None:
        while True:
            await self._leadership.check()
            started = time.monotonic()
            try:
                done = await self._orphans.collect()
            except (BlobError, BlobListError) as error:
                logger.warning("blobs that nobody needs stay for another day: %s", error)
            else:
                logger.info(
                    "blobs that nobody needs: %d deleted, %d set aside, %d put back in %.1f s",
                    done.deleted,
                    done.set_aside,
                    done.put_back,
                    time.monotonic() - started,
                )
            await asyncio.sleep(BLOBS_SECONDS)
