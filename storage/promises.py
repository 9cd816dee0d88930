"""Promises: messages that say that something is coming, while nothing of it is in the queue yet.

`Jobs.submit_all` takes an interaction's promises away in the transaction that queues its jobs. What
is left when a process has died is what nobody will keep.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete, insert

from storage.clock import Clock, utc_now
from storage.database import Database
from storage.records import PromiseRecord
from storage.schema import promises

logger = logging.getLogger(__name__)


class Promises:
    """Questions and changes about promises."""

    def __init__(self, database: Database, *, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def add(
        self,
        interaction_id: int,
        *,
        token: str,
        expires_at: datetime,
        message_id: int | None = None,
    ) -> None:
        """Note a message that waits for its content; None: the interaction's own answer."""
        values = {
            "interaction_id": interaction_id,
            "message_id": message_id,
            "interaction_token": token,
            "interaction_expires_at": expires_at,
            "created_at": self._clock(),
        }
        async with self._database.write() as connection:
            await connection.execute(insert(promises).values(values))

    async def drop(self, interaction_ids: Collection[int]) -> None:
        """Forget what these interactions promised: it is answered."""
        async with self._database.write() as connection:
            await connection.execute(
                delete(promises).where(promises.c.interaction_id.in_(interaction_ids))
            )

    async def take_broken(self, *, spared: Collection[int]) -> list[PromiseRecord]:
        """Take away what was promised, but by these interactions; return what can be made good."""
        broken = promises.c.interaction_id.not_in(spared)
        async with self._database.write() as connection:
            found = await connection.execute(delete(promises).where(broken).returning(promises))
            records = [PromiseRecord(**row) for row in found.mappings()]
        now = self._clock()
        living = [record for record in records if record.interaction_expires_at > now]
        if living:
            logger.info("%d messages were promised and will not come", len(living))
        return sorted(living, key=lambda record: record.id)
