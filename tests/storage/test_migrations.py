from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import migrations
from storage import Database, Jobs
from storage.schema import REVISION

if TYPE_CHECKING:
    from tests.storage.conftest import MakeJob

ROOT = Path(__file__).parents[2]


def test_the_program_wants_the_newest_revision() -> None:
    assert migrations.head() == REVISION


def test_up_without_drift_and_down_again(empty_url: str) -> None:
    assert migrations.current(empty_url) is None
    migrations.upgrade(empty_url)
    assert migrations.current(empty_url) == migrations.head()
    migrations.check(empty_url)
    migrations.downgrade(empty_url, "base")
    assert migrations.current(empty_url) is None
    migrations.upgrade(empty_url)


async def test_an_upgrade_that_has_nothing_to_do_keeps_the_data(
    url: str, make_job: MakeJob
) -> None:
    async with Database.open(url) as db:
        job = (await Jobs(db).submit(make_job())).job
        await asyncio.to_thread(migrations.upgrade, url)
        assert await Jobs(db).get(job.id) == job


def test_migrations_are_found_from_any_folder(
    empty_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    migrations.upgrade(empty_url)
    assert migrations.current(empty_url) == REVISION


async def test_two_bots_that_start_together_upgrade_once(empty_url: str) -> None:
    code = "import sys, migrations; migrations.upgrade(sys.argv[1])"
    started = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", code, empty_url, cwd=ROOT)
        for _ in range(2)
    ]
    assert [await process.wait() for process in started] == [0, 0]
    migrations.check(empty_url)
