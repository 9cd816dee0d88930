"""Which blobs some row names: the one place that knows every column that does.

A drawn picture has an indexed column for it, until it is deleted. What a job or a wish is drawn
from stands within JSON, wherever the engine's requests have it: there, every string that looks like
a sha256 counts as a name, so that a new field of a request keeps its picture without being known
here.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any

from sqlalchemy import Column, Text, cast, or_, select

from storage.database import Database
from storage.schema import jobs, pictures, wishes

DRAWN: Column[str] = pictures.c.sha256
WRITTEN: tuple[tuple[Column[Any], ...], ...] = (
    # A wish becomes jobs in one transaction. Read before them, it is seen as itself or as they are.
    (wishes.c.sources,),
    (jobs.c.request, jobs.c.sources),
)
"""The JSON with names in it, by table, in the order in which the tables are read."""

_NAME = re.compile(r'"([0-9a-f]{64})"')
_AT_ONCE = 1000
"""Names in a question, and rows in an answer: a few milliseconds of the event loop."""


class BlobNames:
    """Questions about names."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def drawn(self, sha256s: Collection[str]) -> set[str]:
        """Return those that are pictures which were drawn here and are not deleted."""
        asked, found = [*sha256s], set[str]()
        for start in range(0, len(asked), _AT_ONCE):
            some = asked[start : start + _AT_ONCE]
            query = select(DRAWN).where(DRAWN.in_(some), pictures.c.deleted_at.is_(None)).distinct()
            async with self._database.read() as connection:
                found.update(await connection.scalars(query))
        return found

    async def among(self, sha256s: Collection[str]) -> set[str]:
        """Return those that any row names. Reads every request with a picture: ask for many."""
        found = await self.drawn(sha256s)
        left = set(sha256s) - found
        for columns in WRITTEN:
            if not left:
                break
            async for names in self._written(columns):
                found |= left & names
                left -= names
        return found

    async def _written(self, columns: Sequence[Column[Any]]) -> AsyncIterator[set[str]]:
        """Yield the names in a table's JSON, a page of rows at a time."""
        row_id = columns[0].table.c.id
        as_text = [cast(column, Text) for column in columns]
        query = (
            select(row_id, *as_text)
            .where(or_(*(text.regexp_match(_NAME.pattern) for text in as_text)))
            .order_by(row_id)
            .limit(_AT_ONCE)
        )
        last = 0
        while True:
            async with self._database.read() as connection:
                rows = (await connection.execute(query.where(row_id > last))).all()
            yield {
                name for _, *texts in rows for text in texts for name in _NAME.findall(text or "")
            }
            if len(rows) < _AT_ONCE:
                return
            last = rows[-1][0]
