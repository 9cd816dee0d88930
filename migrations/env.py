"""What Alembic runs: on the connection that `migrations` opened, or on `-x url=` of its own CLI."""

from __future__ import annotations

from typing import Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection

from migrations import connect
from storage.schema import UtcDateTime, metadata


def run(connection: Connection) -> None:
    """Run the migrations that were asked for, all in the connection's transaction."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        # The same file must work on SQLite, which can only change a table by rebuilding it.
        render_as_batch=True,
        # One transaction for all: the one that is open already, which keeps other upgrades out.
        transaction_per_migration=False,
        render_item=render_item,
    )
    with context.begin_transaction():
        context.run_migrations()


def render_item(kind: str, item: object, _autogenerate: AutogenContext) -> str | Literal[False]:
    """Write our own types as SQLAlchemy's, so that old migrations do not import new code."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


if context.config.attributes.get("connection") is not None:
    run(context.config.attributes["connection"])
else:
    with connect(context.get_x_argument(as_dictionary=True)["url"]) as opened:
        run(opened)
