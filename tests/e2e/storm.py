"""Jobs arrive while the bot and its workers are killed; then the accounts are checked."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.playground import Human, HumanError, Message
from storage import Database, Deliveries, JobRecord, Jobs, JobState
from tests.e2e.channel import GRID_BUTTONS
from tests.e2e.process import BotProcess

PATIENCE_SECONDS = 60.0
MAX_WORKER_DEATHS = 4
ENDED = frozenset({JobState.DONE, JobState.FAILED, JobState.CANCELLED})


@dataclass(slots=True)
class Report:
    """What came of a storm."""

    bot_kills: int = 0
    worker_kills: int = 0
    asked: int = 0
    """Commands that people typed."""
    states: Counter[str] = field(default_factory=Counter)
    """How the jobs that were accepted stand."""
    attempts: Counter[int] = field(default_factory=Counter)
    undelivered: int = 0
    shown_twice: int = 0
    not_shown: int = 0
    last_seen: dict[str, list[list[str]]] = field(default_factory=dict)
    """What the messages of a job that was not shown said, one after the other, by its prompt."""

    @property
    def kills(self) -> int:
        return self.bot_kills + self.worker_kills

    @property
    def is_whole(self) -> bool:
        """Whether every accepted job ended and was shown, once."""
        ended = set(self.states) <= {state.value for state in ENDED}
        return ended and not (self.undelivered or self.shown_twice or self.not_shown)


def shows_an_end(message: Message) -> bool:
    """Whether a message says how a job ended."""
    return message.labels == GRID_BUTTONS or "(Failed)" in message.content


def end_of(prompt: str) -> Callable[[Message], bool]:
    """Return what knows the message that says how the job of this whole prompt ended."""
    return lambda seen: f"**{prompt}**" in seen.content and shows_an_end(seen)


async def storm(
    bot: BotProcess,
    ada: Human,
    database_url: str,
    *,
    kills: int,
    chance: random.Random,
    bot_share: float,
) -> Report:
    """Kill `kills` times at random moments, let the bot finish in peace, and count."""
    report, deaths = Report(), 0
    await bot.start()
    await ada.wait_until_online(timeout_seconds=PATIENCE_SECONDS)
    async with asyncio.TaskGroup() as tasks:
        arrivals = tasks.create_task(_arrive(ada, report, chance))
        while report.kills < kills:
            await asyncio.sleep(chance.uniform(0.0, 0.8))
            # A worker that dies five times is given up for good, as it should be.
            if chance.random() < bot_share or deaths == MAX_WORKER_DEATHS:
                await _kill_bot(bot, ada)
                report.bot_kills += 1
                deaths = 0
            elif pids := bot.worker_pids():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(chance.choice(pids), signal.SIGKILL)
                    report.worker_kills += 1
                    deaths += 1
        arrivals.cancel()
    await _account(ada, database_url, report)
    return report


async def _arrive(ada: Human, report: Report, chance: random.Random) -> None:
    """Type one command after the other, whether or not anybody answers."""
    while True:
        await asyncio.sleep(chance.uniform(0.1, 0.6))
        report.asked += 1
        if not ada.is_bot_online:
            continue
        with contextlib.suppress(HumanError):
            await ada.slash("imagine", prompt=f"cat number {report.asked} --seed 1")


async def _kill_bot(bot: BotProcess, ada: Human) -> None:
    await bot.kill()
    if ada.is_bot_online:
        await ada.wait_for_event("BOT_STATUS", lambda data: not data["online"])
    await bot.start()
    await ada.wait_until_online(timeout_seconds=PATIENCE_SECONDS)


async def _account(ada: Human, database_url: str, report: Report) -> None:
    async with Database.open(database_url) as database:
        jobs, deliveries = Jobs(database), Deliveries(database)
        user_id = int(await _user_id(ada))
        accepted: dict[int, JobRecord] = {}
        # The last command may be accepted while the others are waited for. Oldest first, as they
        # are drawn: patience is for one job, not for a whole queue.
        while new := [
            job
            for job in reversed(await jobs.history(user_id, limit=10_000))
            if job.id not in accepted
        ]:
            for job in new:
                await ada.wait_for(end_of(job.prompt), timeout_seconds=PATIENCE_SECONDS)
                accepted[job.id] = job
        shown = [version[-1] for version in ada.versions.values() if version]
        for job in await jobs.history(user_id, limit=10_000):
            report.states[job.state.value] += 1
            report.attempts[job.attempts] += 1
            ends = [one for one in shown if end_of(job.prompt)(one)]
            if not ends:
                report.not_shown += 1
                report.last_seen[job.prompt] = [
                    [seen.content for seen in versions]
                    for versions in ada.versions.values()
                    if any(f"**{job.prompt}**" in seen.content for seen in versions)
                ]
            report.shown_twice += len(ends) > 1
        report.undelivered = len(await deliveries.untold(user_id, limit=100))


async def _user_id(ada: Human) -> str:
    hello = next(data for name, data in ada.events if name == "HELLO")
    return str(hello["me"]["id"])
