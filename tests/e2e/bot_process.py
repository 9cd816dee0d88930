"""The bot as a process of its own, to be killed: `python -m tests.e2e.bot_process --help`.

The same composition as `easel`, pointed at a local channel that outlives it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from bot.app import open_bot
from bot.cli.start import open_executor
from bot.cli.stop import EXIT_STOPPED, StoppedAtOnceError, stopping
from bot.dispatch.checkpoints import Checkpoint, Passing, pass_by
from bot.dispatch.leadership import LeaseLostError
from bot.playground import point_discord_at
from bot.settings import Settings
from engine.api import Executor
from engine.models.catalog import Catalog
from tests.e2e.channel import settings_in
from tests.light.executor import LightExecutor

EXIT_LEASE_LOST = 3
LAG_SAMPLE_SECONDS = 0.02


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base_url")
    parser.add_argument("token")
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--database-url")
    parser.add_argument("--light", type=float, help="draw squares, each job in so many seconds")
    parser.add_argument("--slots", type=int, default=1)
    parser.add_argument("--drain", type=float, default=0.0)
    parser.add_argument("--lags", type=Path, help="file for the event loop's lags, in seconds")
    parser.add_argument("--die-at", type=Checkpoint, help="be killed there")
    return parser.parse_args()


def dying_at(place: Checkpoint) -> Passing:
    """Return what kills this process, as the system would, at a checkpoint."""

    def passing(checkpoint: Checkpoint) -> None:
        if checkpoint is place:
            os.killpg(os.getpgid(0), signal.SIGKILL)

    return passing


@contextlib.asynccontextmanager
async def workers(given: argparse.Namespace, settings: Settings) -> AsyncIterator[Executor]:
    """Start the workers that were asked for."""
    if given.light is not None:
        async with LightExecutor.open(seconds=given.light, slots=given.slots) as executor:
            yield executor
    else:
        async with open_executor(settings) as started:
            yield started.executor


async def serve(given: argparse.Namespace) -> None:
    """Run until killed, or until asked to stop."""
    settings = settings_in(
        given.data_dir,
        database_url=given.database_url,
        drain_seconds=given.drain,
        max_waiting_per_user=1000,
        max_waiting_per_server=1000,
        max_waiting=1000,
    )
    with point_discord_at(given.base_url):
        async with (
            stopping() as stop,
            workers(given, settings) as executor,
            open_bot(
                settings,
                token=given.token,
                executor=executor,
                catalog=Catalog.load(),
                default_model="pocket",
                guild_ready_timeout=0.1,
                progress_seconds=0.2,
                passing=dying_at(given.die_at) if given.die_at else pass_by,
            ),
        ):
            if given.lags is None:
                await stop.wait()
            else:
                lags = await lags_until(stop)
                await asyncio.to_thread(given.lags.write_text, json.dumps(lags))


async def lags_until(stop: asyncio.Event) -> list[float]:
    """Measure how late the event loop is, fifty times a second, until stopped."""
    loop, lags = asyncio.get_running_loop(), []
    while not stop.is_set():
        due = loop.time() + LAG_SAMPLE_SECONDS
        await asyncio.sleep(LAG_SAMPLE_SECONDS)
        lags.append(loop.time() - due)
    return lags


if __name__ == "__main__":
    try:
        asyncio.run(serve(options()))
    except LeaseLostError as error:
        print(error, file=sys.stderr)  # noqa: T201
        sys.exit(EXIT_LEASE_LOST)
    except StoppedAtOnceError:
        sys.exit(EXIT_STOPPED)
