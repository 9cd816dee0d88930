"""The bot in a process group of its own, so that its workers die with it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil

from bot.playground import Playground

ROOT = Path(__file__).parents[2]


class BotProcess:
    """A bot that can be killed, frozen, asked to stop, and started again."""

    def __init__(self, playground: Playground, data_dir: Path, *options: str) -> None:
        self._arguments = (playground.base_url, playground.bot_token, str(data_dir), *options)
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, *options: str, captures: bool = False) -> None:
        """Start it; `captures` keeps what it says on stderr."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.e2e.bot_process",
            *self._arguments,
            *options,
            start_new_session=True,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stderr=asyncio.subprocess.PIPE if captures else None,
        )

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def exited(self) -> int:
        """Wait until it is gone, without taking what it said."""
        assert self._process is not None
        return await self._process.wait()

    async def ended(self) -> tuple[int, str]:
        """Wait until it is gone; return its exit status and what it said."""
        assert self._process is not None
        _, said = await self._process.communicate()
        return await self._process.wait(), (said or b"").decode()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the bot alone, not to its workers."""
        os.kill(self.pid, number)

    def worker_pids(self) -> list[int]:
        """Return its workers."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return [child.pid for child in psutil.Process(self.pid).children()]
        return []

    async def kill(self) -> None:
        """Kill it and its workers."""
        if self._process is not None and self._process.returncode is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()


@contextlib.asynccontextmanager
async def killable(
    playground: Playground, data_dir: Path, *options: str
) -> AsyncIterator[BotProcess]:
    """Yield a bot that is not started yet, and that is gone when the block is left."""
    bot = BotProcess(playground, data_dir, *options)
    try:
        yield bot
    finally:
        await bot.kill()
