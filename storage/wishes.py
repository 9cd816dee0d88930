"""Wishes: what a user asked for and has not said yes or no to yet.

A wish waits for as long as its question does. `Jobs.submit_all` takes one away in the transaction
that queues its jobs.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import delete, insert, select

from storage.clock import Clock, utc_now
from storage.database import Database
from storage.records import WishRecord
from storage.schema import wishes

logger = logging.getLogger(__name__)


class Wishes:
    """Questions and changes about wishes."""

    def __init__(self, database: Database, *, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def add(
        self, *, user_id: int, prompt: str, sources: Mapping[str, str] | None = None
    ) -> WishRecord:
        """Remember what a user typed. Raises ValueError for a NUL character."""
        if "\0" in prompt:
            raise ValueError("prompt: holds a NUL character")
        values = {
            "user_id": user_id,
            "prompt": prompt,
            "sources": None if sources is None else dict(sources),
            "created_at": self._clock(),
        }
        async with self._database.write() as connection:
            added = await connection.execute(insert(wishes).values(values).returning(wishes))
            wish = WishRecord(**added.mappings().one())
        logger.info("wish remembered wish_id=%d", wish.id)
        return wish

    async def get(self, wish_id: int) -> WishRecord | None:
        """Return a wish, or None once it is answered."""
        async with self._database.read() as connection:
            found = await connection.execute(select(wishes).where(wishes.c.id == wish_id))
            row = found.mappings().one_or_none()
        return None if row is None else WishRecord(**row)

    async def drop(self, wish_id: int) -> bool:
        """Forget a wish. False: it is answered already."""
        change = delete(wishes).where(wishes.c.id == wish_id).returning(wishes.c.id)
        async with self._database.write() as connection:
            row = (await connection.execute(change)).one_or_none()
        logger.info("wish %s wish_id=%d", "answered before" if row is None else "dropped", wish_id)
        return row is not None

    async def drop_older_than(self, made_before: datetime) -> int:
        """Forget the wishes that nobody answered; return how many."""
        change = delete(wishes).where(wishes.c.created_at < made_before)
        async with self._database.write() as connection:
            return (await connection.execute(change)).rowcount
