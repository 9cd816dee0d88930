"""The database as one object: transactions that write, transactions that read.

Knows no table but Alembic's own. Does not create or change tables: that is what `migrations` does,
and the caller runs it first.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from storage.engines import create_engines, loss_named, parse_url
from storage.errors import RevisionError
from storage.schema import REVISION


class Database:
    """A way into the tables. Make one with `Database.open`. Raises DatabaseLostError anywhere."""

    def __init__(self, *, writer: AsyncEngine, reader: AsyncEngine) -> None:
        self._writer = writer
        self._reader = reader

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator[Self]:
        """Connect to a database whose tables are those of this program.

        `url` is `sqlite:///<file>` (in a folder that exists) or `postgresql://...`. Raises
        UnsupportedUrlError and RevisionError.
        """
        writer, reader = create_engines(parse_url(url))
        database = cls(writer=writer, reader=reader)
        try:
            await database._check_revision()
            yield database
            await database._optimize()
        finally:
            await reader.dispose()
            await writer.dispose()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that is committed at the end, or rolled back by an exception.

        SQLite has one writer: another `write` inside this one would wait for it for ever.
        """
        with loss_named():
            async with self._writer.begin() as connection:
                yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that sees one state of the data and cannot write."""
        with loss_named():
            async with self._reader.begin() as connection:
                yield connection

    async def _check_revision(self) -> None:
        async with self.read() as connection:
            found = await connection.run_sync(_read_revision)
        if found != REVISION:
            raise RevisionError(found=found, needed=REVISION)

    async def _optimize(self) -> None:
        if self._writer.dialect.name == "sqlite":
            async with self.write() as connection:
                await connection.execute(text("PRAGMA optimize"))


def _read_revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found
