"""The outbox: how jobs ended, and whether their users were told.

Rows are written by `Jobs` together with a job's end. A delivery is marked once: whoever comes
second is told so by False. Does not know Discord; that a message is not posted twice rests on the
`nonce`, and on editing the message that is there.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.clock import Clock, utc_now
from storage.database import Database
from storage.records import DeliveryRecord, DeliveryState
from storage.schema import deliveries, jobs

logger = logging.getLogger(__name__)


class Deliveries:
    """Questions and changes about deliveries."""

    def __init__(self, database: Database, *, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def due(self, now: datetime, limit: int) -> list[DeliveryRecord]:
        """Return the deliveries that may be tried now, the longest due first."""
        query = (
            select(deliveries)
            .where(deliveries.c.state == DeliveryState.PENDING, deliveries.c.next_attempt_at <= now)
            .order_by(deliveries.c.next_attempt_at, deliveries.c.job_id)
            .limit(limit)
        )
        async with self._database.read() as connection:
            found = await connection.execute(query)
            return [DeliveryRecord(**row) for row in found.mappings()]

    async def mark_sent(self, job_id: int, message_id: int) -> bool:
        """Write that Discord has it, and that this message shows the job from now on."""
        sent = {"message_id": message_id, "sent_at": self._clock(), "last_error": None}
        async with self._database.write() as connection:
            won = await _change(connection, job_id, state=DeliveryState.SENT, **sent)
            if won:
                shown = update(jobs).where(jobs.c.id == job_id).values(message_id=message_id)
                await connection.execute(shown)
        if won:
            logger.info("delivered job_id=%d message_id=%d", job_id, message_id)
        return won

    async def untold(self, user_id: int, limit: int) -> list[DeliveryRecord]:
        """Return what a user could not be shown and does not know of yet, oldest first."""
        query = (
            select(deliveries)
            .join(jobs, jobs.c.id == deliveries.c.job_id)
            .where(jobs.c.user_id == user_id, deliveries.c.state == DeliveryState.FAILED)
            .order_by(deliveries.c.job_id)
            .limit(limit)
        )
        async with self._database.read() as connection:
            found = await connection.execute(query)
            return [DeliveryRecord(**row) for row in found.mappings()]

    async def take_untold(self, job_id: int) -> bool:
        """Undertake to tell of it now. False: somebody else does."""
        return await self._move(job_id, DeliveryState.FAILED, DeliveryState.TOLD)

    async def put_back_untold(self, job_id: int) -> bool:
        """Write that the user could not be told this time either."""
        return await self._move(job_id, DeliveryState.TOLD, DeliveryState.FAILED)

    async def _move(self, job_id: int, old: DeliveryState, new: DeliveryState) -> bool:
        change = (
            update(deliveries)
            .where(deliveries.c.job_id == job_id, deliveries.c.state == old)
            .values(state=new)
        )
        async with self._database.write() as connection:
            return (await connection.execute(change)).rowcount == 1

    async def retry_later(self, job_id: int, error: str, next_attempt_at: datetime) -> bool:
        """Put a delivery off."""
        async with self._database.write() as connection:
            return await _change(
                connection, job_id, last_error=error, next_attempt_at=next_attempt_at
            )

    async def give_up(self, job_id: int, error: str) -> bool:
        """Write that the user cannot be told."""
        async with self._database.write() as connection:
            won = await _change(connection, job_id, state=DeliveryState.FAILED, last_error=error)
        if won:
            logger.warning("not delivered job_id=%d: %s", job_id, error)
        return won


async def _change(connection: AsyncConnection, job_id: int, **values: Any) -> bool:
    """Change a pending delivery; every change is the end of one attempt."""
    result = await connection.execute(
        update(deliveries)
        .where(deliveries.c.job_id == job_id, deliveries.c.state == DeliveryState.PENDING)
        .values(attempts=deliveries.c.attempts + 1, **values)
    )
    return result.rowcount == 1
