"""What the drives share: one real worker for all of them, and an opened channel for each."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from engine.executors.local import LocalExecutor
from tests.e2e.channel import Channel, open_channel


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def executor(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalExecutor]:
    """A real worker process with the built-in model, warm."""
    models = tmp_path_factory.mktemp("models")
    executor = LocalExecutor(models_dir=models, threads=1)
    await executor.start()
    await executor.load("pocket")
    yield executor
    await executor.aclose()


@pytest_asyncio.fixture(loop_scope="session")
async def channel(executor: LocalExecutor, tmp_path: Path) -> AsyncIterator[Channel]:
    """The real bot, online in a local channel of its own, with an empty database."""
    async with contextlib.AsyncExitStack() as stack:
        yield await stack.enter_async_context(open_channel(tmp_path, executor))
