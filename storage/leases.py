"""Leases: who may do what only one may do, such as dispatching jobs.

A lease runs out by itself when its owner falls silent. Its fence grows with every new owner and is
never used twice, so that an owner who wakes up late can be told from the present one.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from sqlalchemy import select, update

from storage.clock import Clock, utc_now
from storage.database import Database
from storage.schema import leases
from storage.upsert import insert_for

logger = logging.getLogger(__name__)


class Leases:
    """Named leases. `owner` is for people who read the table; the fence is what counts."""

    def __init__(self, database: Database, *, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def acquire(self, name: str, owner: str, lease_seconds: float) -> int | None:
        """Take a lease that is free and return its fence. None: somebody holds it."""
        now = self._clock()
        async with self._database.write() as connection:
            statement = insert_for(connection, leases).values(
                name=name, owner=owner, fence=1, expires_at=now + timedelta(seconds=lease_seconds)
            )
            taken = statement.on_conflict_do_update(
                index_elements=["name"],
                set_={
                    "owner": statement.excluded.owner,
                    "fence": leases.c.fence + 1,
                    "expires_at": statement.excluded.expires_at,
                },
                where=leases.c.expires_at <= now,
            ).returning(leases.c.fence)
            fence: int | None = (await connection.execute(taken)).scalar_one_or_none()
        if fence is not None:
            logger.info("lease %s taken by %s fence=%d", name, owner, fence)
        return fence

    async def holds(self, name: str, fence: int) -> bool:
        """Say whether a lease is still the caller's and has not run out."""
        query = select(leases.c.fence).where(
            leases.c.name == name, leases.c.fence == fence, leases.c.expires_at > self._clock()
        )
        async with self._database.read() as connection:
            return (await connection.execute(query)).first() is not None

    async def renew(self, name: str, fence: int, lease_seconds: float) -> bool:
        """Lengthen a lease. False: somebody else has it now, and the caller must stop."""
        return await self._change(name, fence, lease_seconds)

    async def release(self, name: str, fence: int) -> bool:
        """Give a lease back. False: it was somebody else's already."""
        return await self._change(name, fence, 0)

    async def _change(self, name: str, fence: int, lease_seconds: float) -> bool:
        expires_at = self._clock() + timedelta(seconds=lease_seconds)
        change = (
            update(leases)
            .where(leases.c.name == name, leases.c.fence == fence)
            .values(expires_at=expires_at)
        )
        async with self._database.write() as connection:
            return (await connection.execute(change)).rowcount == 1
