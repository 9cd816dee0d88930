"""INSERT ... ON CONFLICT, which SQLAlchemy words once for each dialect."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

Insert = postgresql.Insert | sqlite.Insert
"""An INSERT that knows `on_conflict_do_nothing` and `on_conflict_do_update`."""


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
