"""How to reach a database: which URLs are understood, and what each connection is told first.

SQLAlchemy's default for SQLite begins transactions late and lost three updates of four between two
writers; `BEGIN IMMEDIATE` loses none, and a separate engine for reading keeps readers from waiting.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Connection, Engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from storage.errors import DatabaseLostError, UnsupportedUrlError

_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg"}

Pragmas = Mapping[str, str | int]

SQLITE_WRITER: Pragmas = {
    "busy_timeout": 30_000,
    "journal_mode": "WAL",
    # FULL: a job that Discord was told about must survive a power cut.
    "synchronous": "FULL",
    "foreign_keys": "ON",
    "temp_store": "MEMORY",
    "journal_size_limit": 64 * 2**20,
}
SQLITE_READER: Pragmas = {"busy_timeout": 30_000, "query_only": "ON", "temp_store": "MEMORY"}
SQLITE_AUTOCOMMIT = {"isolation_level": None}
"""Arguments that stop Python's sqlite3 from beginning transactions of its own."""


def parse_url(url: str) -> URL:
    """Return the URL with Easel's driver. Raises UnsupportedUrlError for any other database."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise UnsupportedUrlError(
            "the database's URL is not one: write sqlite:///<file>"
        ) from error
    backend = parsed.get_backend_name()
    driver = _DRIVERS.get(backend)
    if driver is None or parsed.drivername not in {backend, driver}:
        raise UnsupportedUrlError(
            f"{parsed.drivername}: write sqlite:///<file> or postgresql://<user>@<host>/<name>"
        )
    if backend == "sqlite" and parsed.database in {None, "", ":memory:"}:
        raise UnsupportedUrlError("SQLite needs a file: reader and writer must see the same data")
    return parsed.set(drivername=driver)


def prepare_sqlite(engine: Engine, *, begin: str, pragmas: Pragmas) -> None:
    """Tell each new connection its pragmas, and begin each transaction with `begin`."""

    def set_pragmas(dbapi_connection: Any, _record: object) -> None:
        cursor = dbapi_connection.cursor()
        for name, value in pragmas.items():
            cursor.execute(f"PRAGMA {name}={value}")
        cursor.close()

    def begin_transaction(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", set_pragmas)
    event.listen(engine, "begin", begin_transaction)


@contextmanager
def loss_named() -> Iterator[None]:
    """Raise DatabaseLostError for a connection that broke or could not be made."""
    try:
        yield
    except DBAPIError as error:
        # Without a statement, it was the connecting that failed.
        if error.connection_invalidated or error.statement is None:
            raise DatabaseLostError(str(error.orig)) from error
        raise


def create_engines(url: URL) -> tuple[AsyncEngine, AsyncEngine]:
    """Return the engine that writes and the one that only reads."""
    if url.get_backend_name() == "postgresql":
        writer = create_async_engine(url, pool_pre_ping=True)
        return writer, writer.execution_options(postgresql_readonly=True)
    writer = create_async_engine(url, connect_args=SQLITE_AUTOCOMMIT, pool_size=1, max_overflow=0)
    prepare_sqlite(writer.sync_engine, begin="BEGIN IMMEDIATE", pragmas=SQLITE_WRITER)
    reader = create_async_engine(url, connect_args=SQLITE_AUTOCOMMIT, pool_size=4, max_overflow=0)
    prepare_sqlite(reader.sync_engine, begin="BEGIN", pragmas=SQLITE_READER)
    return writer, reader
