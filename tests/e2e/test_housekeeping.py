"""What nobody will ask for is cleared away by the bot that leads, and by no other."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import migrations
from bot.dispatch.housekeeping import Housekeeper
from bot.dispatch.leadership import LEASE, Leadership
from storage import BlobNames, Blobs, Database, Leases, Orphans, Wishes
from tests.e2e.channel import open_channel, settings_in
from tests.light.executor import LightExecutor

PATIENCE_SECONDS = 30.0


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not is_so():  # noqa: ASYNC110 - a file of another task's
            await asyncio.sleep(0.02)


async def old_orphan(pictures: Path) -> Path:
    """Store a blob that is a month old; return its file."""
    sha256 = await Blobs.open(pictures).put(b"a", "image/png")
    file = pictures / "img" / sha256[:2] / f"{sha256}.png"
    month_ago = (datetime.now(UTC) - timedelta(days=30)).timestamp()
    os.utime(file, (month_ago, month_ago))
    return file


async def test_a_running_bot_clears_away_old_wishes_and_orphans(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bot.dispatch.housekeeping")
    settings = settings_in(tmp_path)
    await asyncio.to_thread(migrations.upgrade, settings.resolved_database_url)
    async with Database.open(settings.resolved_database_url) as database:
        long_ago = Wishes(database, clock=lambda: datetime.now(UTC) - timedelta(days=2))
        old = await long_ago.add(user_id=1, prompt="a")
        new = await Wishes(database).add(user_id=1, prompt="b")
        file = await old_orphan(Path(settings.resolved_blobs_url))
        async with LightExecutor.open(seconds=0.1) as executor, open_channel(tmp_path, executor):
            await until(lambda: "blobs" in caplog.text)
            async with asyncio.timeout(PATIENCE_SECONDS):
                while await Wishes(database).get(old.id):  # noqa: ASYNC110 - the bot's row
                    await asyncio.sleep(0.02)
        assert await Wishes(database).get(new.id) == new
    assert not file.exists()
    assert "0 deleted, 1 set aside, 0 put back" in caplog.text


async def test_a_bot_that_waits_for_the_lease_clears_nothing_away(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'easel.db'}"
    await asyncio.to_thread(migrations.upgrade, url)
    file = await old_orphan(tmp_path / "pictures")
    async with Database.open(url) as database:
        leases = Leases(database)
        fence = await leases.acquire(LEASE, "another bot", 600)
        assert fence is not None
        leadership = Leadership(leases, seconds=2)
        housekeeper = Housekeeper(
            wishes=Wishes(database),
            orphans=Orphans(blobs=Blobs.open(tmp_path / "pictures"), names=BlobNames(database)),
            leadership=leadership,
        )
        keeping = asyncio.create_task(housekeeper.run())
        taking = asyncio.create_task(leadership.take())
        # Twice as long as the lease is asked for again.
        await asyncio.wait([taking], timeout=1.0)
        assert file.exists()
        await leases.release(LEASE, fence)
        await until(lambda: not file.exists())
        keeping.cancel()
        await asyncio.wait([keeping])
