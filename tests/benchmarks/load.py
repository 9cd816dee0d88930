"""Many people at once: `python -m tests.benchmarks.load [--seconds 60] [--users 100] [--rate 300]`.

A crowd types /imagine into a local channel; the bot runs in a process of its own, with workers that
draw squares in a fixed time. Prints how soon people are answered, how late the event loop is, what
the queue does in a second, and the memory of the bot.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import signal
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bot.playground import Human, Playground
from bot.playground.acts import Acts
from bot.playground.guild import User
from storage import Database, Jobs, JobState
from tests.e2e.process import BotProcess, killable
from tests.e2e.storm import shows_an_end

PATIENCE_SECONDS = 120.0
MINUTE_SECONDS = 60.0
FIRST_USER_ID = 1_200_000_000_000_000_000
OPERATIONS = 4
"""Writes for each job that ends: submit, claim, finish, delivered."""


@dataclass(slots=True)
class Load:
    """What was measured; times in seconds."""

    acknowledgements: list[float] = field(default_factory=list)
    message_ids: list[str] = field(default_factory=list)
    unanswered: int = 0
    lags: list[float] = field(default_factory=list)
    jobs: int = 0
    done: int = 0
    seconds: float = 0.0
    memory: list[int] = field(default_factory=list)
    """Of the bot, in bytes: at the start, after each minute and at the end."""


async def measure(
    data_dir: Path, *, seconds: float, users: int, per_minute: float, draw_seconds: float
) -> Load:
    """Let a crowd type for so many seconds, and wait until all of it is drawn."""
    lags = data_dir / "lags.json"
    load = Load()
    options = ("--light", str(draw_seconds), "--slots", "2", "--lags", str(lags), "--drain", "60")
    async with (
        Playground() as playground,
        killable(playground, data_dir, *options) as bot,
        playground.human("Ada") as ada,
    ):
        crowd = [_newcomer(playground, number) for number in range(users)]
        await bot.start()
        await ada.wait_until_online(timeout_seconds=PATIENCE_SECONDS)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        watching = asyncio.create_task(_watch_memory(bot, load))
        await _type(playground, crowd, load, seconds=seconds, per_minute=per_minute)
        await _all_shown(ada, load)
        load.seconds = loop.time() - begun
        watching.cancel()
        await _count(data_dir, crowd, load)
        load.memory.append(_memory(bot))
        await _stop(bot)
    load.lags = json.loads(await asyncio.to_thread(lags.read_text))
    return load


def _memory(bot: BotProcess) -> int:
    size: int = psutil.Process(bot.pid).memory_info().rss
    return size


async def _watch_memory(bot: BotProcess, load: Load) -> None:
    while True:
        load.memory.append(_memory(bot))
        await asyncio.sleep(MINUTE_SECONDS)


def _newcomer(playground: Playground, number: int) -> User:
    user = User(id=str(FIRST_USER_ID + number), name=f"Guest{number}")
    playground.world.users[user.id] = user
    return user


async def _type(
    playground: Playground, crowd: Sequence[User], load: Load, *, seconds: float, per_minute: float
) -> None:
    loop, chance = asyncio.get_running_loop(), random.Random(1)
    until = loop.time() + seconds
    async with asyncio.TaskGroup() as tasks:
        number = 0
        while loop.time() < until:
            number += 1
            tasks.create_task(_ask(playground, chance.choice(crowd), number, load))
            await asyncio.sleep(chance.expovariate(per_minute / 60))


async def _ask(playground: Playground, user: User, number: int, load: Load) -> None:
    """Type one command and take the time until Discord would show that the bot thinks."""
    acts = Acts(
        world=playground.world, commands=playground.commands, interactions=playground.interactions
    )
    channel = playground.world.channel("imagine")
    begun = asyncio.get_running_loop().time()
    interaction = acts.slash(user, channel, "imagine", [], {"prompt": f"cat number {number}"})
    outcome = await asyncio.shield(interaction.outcome)
    if outcome.responded:
        load.acknowledgements.append(asyncio.get_running_loop().time() - begun)
        if outcome.message:
            load.message_ids.append(outcome.message.id)
    else:
        load.unanswered += 1


async def _all_shown(ada: Human, load: Load) -> None:
    """Wait until every message that was promised says how its job ended."""
    for message_id in load.message_ids:
        await ada.wait_for(
            lambda seen, wanted=message_id: seen.id == wanted and shows_an_end(seen),  # type: ignore[misc]
            timeout_seconds=PATIENCE_SECONDS,
        )


async def _count(data_dir: Path, crowd: Sequence[User], load: Load) -> None:
    async with Database.open(f"sqlite:///{data_dir / 'easel.db'}") as database:
        for user in crowd:
            for job in await Jobs(database).history(int(user.id), limit=10_000):
                load.jobs += 1
                load.done += job.state is JobState.DONE


async def _stop(bot: BotProcess) -> None:
    bot.signal(signal.SIGTERM)
    await bot.ended()


def percentiles(seconds: Sequence[float]) -> str:
    """Return p50, p95, p99 and the maximum in milliseconds."""
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    values = (cuts[49], cuts[94], cuts[98], max(seconds))
    return "".join(f"{1000 * value:9.1f}" for value in values)


def main() -> int:
    """Print the table; return 1 where somebody was not answered or not served."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--users", type=int, default=100)
    parser.add_argument("--rate", type=float, default=300.0, help="commands a minute")
    parser.add_argument("--draw-seconds", type=float, default=0.25)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        load = asyncio.run(
            measure(
                Path(folder),
                seconds=options.seconds,
                users=options.users,
                per_minute=options.rate,
                draw_seconds=options.draw_seconds,
            )
        )
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(
        f"{len(load.acknowledgements)} of {len(load.acknowledgements) + load.unanswered} answered"
    )
    print(f"{load.done} of {load.jobs} jobs drawn in {load.seconds:.0f} s")
    print(f"{OPERATIONS * load.jobs / load.seconds:.1f} queue operations a second")
    print("ms                     p50      p95      p99      max")
    print(f"acknowledgement {percentiles(load.acknowledgements)}")
    print(f"event-loop lag  {percentiles(load.lags)}")
    sizes = " ".join(f"{size / 2**20:.0f}" for size in load.memory)
    print(f"memory of the bot in MiB, at the start, each minute and at the end: {sizes}")
    return 0 if not load.unanswered and load.done == load.jobs else 1


if __name__ == "__main__":
    sys.exit(main())
