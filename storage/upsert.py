"""What is worded once for each dialect: INSERT ... ON CONFLICT, and transactions in single file."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Table, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

Insert = postgresql.Insert | sqlite.Insert
"""An INSERT that knows `on_conflict_do_nothing` and `on_conflict_do_update`."""


_QUEUE_LOCK = 0x6561_7365_6D
"""Next to the number that migrations lock."""


async def one_at_a_time(connection: AsyncConnection) -> None:
    """Let the other transactions that ask for this wait: what is counted then stays so.

    SQLite has one writer anyhow.
    """
    if connection.dialect.name == "postgresql":
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _QUEUE_LOCK})


def insert_for(connection: AsyncConnection, table: Table) -> Insert:
    """Return an INSERT in the connection's dialect."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


async def see(
    connection: AsyncConnection, table: Table, *, row_id: int, name: str, now: datetime
) -> None:
    """Note a user's or a guild's name of today, and that it was seen."""
    statement = insert_for(connection, table).values(
        id=row_id, name=name, created_at=now, seen_at=now
    )
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=["id"],
            set_={"name": statement.excluded.name, "seen_at": statement.excluded.seen_at},
        )
    )
