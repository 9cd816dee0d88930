from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError

import migrations
from storage import Database, DatabaseLostError, Leases, RevisionError, UnsupportedUrlError
from storage.engines import parse_url
from storage.schema import leases as table


async def test_the_reading_side_cannot_write(db: Database) -> None:
    with pytest.raises(DBAPIError, match=r"read-?only"):
        async with db.read() as connection:
            await connection.execute(update(table).values(owner="me"))
    async with db.write() as connection:
        await connection.execute(update(table).values(owner="me"))


async def test_an_exception_rolls_everything_back(db: Database) -> None:
    await Leases(db).acquire("dispatcher", "a", 30)

    async def write_and_fail() -> None:
        async with db.write() as connection:
            await connection.execute(update(table).values(owner="b"))
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        await write_and_fail()
    assert await owner(db) == "a"


async def test_a_cancelled_task_rolls_back_and_frees_the_writer(db: Database) -> None:
    await Leases(db).acquire("dispatcher", "a", 30)
    wrote = asyncio.Event()

    async def write_and_hang() -> None:
        async with db.write() as connection:
            await connection.execute(update(table).values(owner="b"))
            wrote.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write_and_hang())
    await wrote.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await owner(db) == "a"
    async with asyncio.timeout(5), db.write() as connection:
        await connection.execute(update(table).values(owner="c"))
    assert await owner(db) == "c"


async def test_a_read_sees_one_state_while_a_writer_commits_on_sqlite(sqlite_url: str) -> None:
    async with Database.open(sqlite_url) as db:
        await Leases(db).acquire("dispatcher", "a", 30)
        async with db.read() as connection:
            before = await connection.scalar(select(table.c.owner))
            async with db.write() as writer:
                await writer.execute(update(table).values(owner="b"))
            assert await connection.scalar(select(table.c.owner)) == before
        assert await owner(db) == "b"


async def test_read_then_write_loses_nothing_on_sqlite(sqlite_url: str) -> None:
    async def count_up(database: Database) -> None:
        for _ in range(10):
            async with database.write() as connection:
                fence = (await connection.execute(select(table.c.fence))).scalar_one()
                await connection.execute(update(table).values(fence=fence + 1))

    async with Database.open(sqlite_url) as ours, Database.open(sqlite_url) as theirs:
        await Leases(ours).acquire("counter", "a", 30)
        await asyncio.gather(*(count_up(database) for database in [ours, theirs] * 2))
        async with ours.read() as connection:
            assert await connection.scalar(select(table.c.fence)) == 41


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 30_000)],
)
async def test_sqlite_is_told_what_a_queue_needs(
    sqlite_url: str, pragma: str, value: str | int
) -> None:
    async with Database.open(sqlite_url) as db, db.write() as connection:
        assert await connection.scalar(text(f"PRAGMA {pragma}")) == value


async def test_a_database_without_tables_is_refused(empty_url: str) -> None:
    with pytest.raises(RevisionError, match=r"no tables yet.*easel db upgrade"):
        async with Database.open(empty_url):
            pass


async def test_a_database_of_another_revision_is_refused(sqlite_url: str) -> None:
    async with Database.open(sqlite_url) as db, db.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(RevisionError, match=f"revision 9999.*{migrations.head()}"):
        async with Database.open(sqlite_url):
            pass


@pytest.mark.parametrize(
    "url",
    [
        "",
        "easel.db",
        "mysql://host/db",
        "postgresql+asyncpg://host/db",
        "sqlite://",
        "sqlite+aiosqlite:///:memory:",
    ],
)
def test_a_database_we_cannot_use_is_refused(url: str) -> None:
    with pytest.raises(UnsupportedUrlError):
        parse_url(url)


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("sqlite:///easel.db", "sqlite+aiosqlite"),
        ("sqlite+aiosqlite:///easel.db", "sqlite+aiosqlite"),
        ("postgresql://host/db", "postgresql+psycopg"),
        ("postgresql+psycopg://host/db", "postgresql+psycopg"),
    ],
)
def test_a_url_gets_our_driver(url: str, driver: str) -> None:
    assert parse_url(url).drivername == driver


async def test_closing_leaves_one_file_behind(sqlite_url: str, tmp_path: Path) -> None:
    async with Database.open(sqlite_url) as db:
        await Leases(db).acquire("dispatcher", "a", 30)
    assert os.listdir(tmp_path) == ["easel.db"]  # noqa: PTH208


async def owner(db: Database) -> str | None:
    async with db.read() as connection:
        found: str | None = await connection.scalar(select(table.c.owner))
        return found


async def test_a_connection_that_breaks_is_named_and_the_next_one_works(postgres_url: str) -> None:
    async with Database.open(postgres_url) as database:
        with pytest.raises(DatabaseLostError, match="does not answer"):
            async with database.write() as connection:
                await connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        async with database.read() as connection:
            assert await connection.scalar(text("SELECT 1")) == 1


async def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(DatabaseLostError, match="does not answer"):
        async with Database.open("postgresql://nobody@127.0.0.1:1/easel"):
            pass
