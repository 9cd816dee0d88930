"""A model that comes to the machine while the bot runs draws without a restart."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from engine.executors.local import LocalExecutor
from tests.e2e.channel import PATIENCE_SECONDS, open_channel
from tests.engine import tiny


@pytest.mark.slow
async def test_a_running_bot_and_its_worker_take_a_model_that_comes_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bot.dispatch.drafts")
    base = await asyncio.to_thread(tiny.write_model, tmp_path / "away")
    catalog = tiny.write_catalog(tmp_path / "catalog.toml", tmp_path / "tiny" / base.name)
    executor = LocalExecutor(models_dir=tmp_path, catalog=catalog, device="cpu", threads=1)
    await executor.start()
    try:
        async with open_channel(tmp_path, executor, catalog=catalog) as channel:
            await channel.ada.slash("imagine", prompt="a --model tiny --steps 4")
            refused = await channel.ada.wait_for(lambda seen: "tiny" in seen.content)
            assert refused.is_ephemeral
            (tmp_path / "away").rename(tmp_path / "tiny")
            async with asyncio.timeout(PATIENCE_SECONDS):
                while "'tiny'" not in caplog.text:  # noqa: ASYNC110 - the bot looks in its own time
                    await asyncio.sleep(0.1)
            grid = await channel.imagine("a --model tiny --steps 4")
            assert "--model tiny" in grid.content
    finally:
        await executor.aclose()
