"""`easel queue`: what waits and runs, from the database, whether or not the bot is up."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

import migrations
from bot import messages
from bot.dispatch.forecast import Station, forecast
from bot.dispatch.line import LEARN_FROM, VIEW_LIMIT
from bot.dispatch.pace import Pace
from bot.dispatch.pick import Policy, Seat
from bot.settings import Settings
from storage import Database, JobRecord, Jobs, StorageError

EXIT_REFUSED = 2
MAX_PROMPT = 48


def queue(settings: Settings, options: argparse.Namespace) -> int:
    """Print the running jobs, then the waiting ones in the order of service."""
    del options
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    try:
        migrations.upgrade(settings.resolved_database_url)
        rows = asyncio.run(_rows(settings))
    except StorageError as error:
        print(f"easel: {error}", file=sys.stderr)
        return EXIT_REFUSED
    if not rows:
        print("nothing is being drawn, and nothing waits")
        return 0
    table = Table("place", "job", "user", "lane", "begins", "prompt", box=None)
    for row in rows:
        table.add_row(*row)
    Console().print(table)
    return 0


async def _rows(settings: Settings) -> list[tuple[str, ...]]:
    now = datetime.now(UTC)
    async with Database.open(settings.resolved_database_url) as database:
        jobs = Jobs(database)
        running = await jobs.running()
        waiting = await jobs.queue_view(VIEW_LIMIT)
        pace = Pace(reversed(await jobs.timed(LEARN_FROM)))
        rows = [_row("drawing", job, "") for job in running]
        places = forecast(
            waiting,
            _stations(running, pace, now) or [_IDLE],
            now=now,
            policy=Policy(running_per_user=settings.max_running_per_user),
            seconds=lambda job, device: pace.seconds(job.compat_key, job.cost, device),
        )
        for place in places:
            if job := await jobs.get(place.job_id):
                wait = place.wait_seconds
                begins = "" if wait is None else f"in about {messages.duration(wait)}"
                rows.append(_row(str(place.jobs_ahead + 1), job, begins))
    return rows


def _row(place: str, job: JobRecord, begins: str) -> tuple[str, ...]:
    prompt = job.prompt if len(job.prompt) <= MAX_PROMPT else f"{job.prompt[: MAX_PROMPT - 1]}…"
    return place, str(job.id), str(job.user_id), job.lane, begins, prompt


_IDLE = Station(seat=Seat(slot_id="", loaded=frozenset()), device="")
"""Without a running job, a device is taken to be free."""


def _stations(running: Sequence[JobRecord], pace: Pace, now: datetime) -> list[Station]:
    """Return the devices that draw now; what one of them draws is one batch."""
    batches: dict[str, list[JobRecord]] = {}
    for job in running:
        batches.setdefault(job.worker or "", []).append(job)
    return [_station(slot_id, batch, pace, now) for slot_id, batch in batches.items()]


def _station(slot_id: str, batch: Sequence[JobRecord], pace: Pace, now: datetime) -> Station:
    first = batch[0]
    lasts = pace.seconds(first.compat_key, sum(job.cost for job in batch), first.device)
    begun = first.started_at or now
    return Station(
        seat=Seat(slot_id=slot_id, loaded=frozenset()),
        device=first.device or "",
        user_ids=frozenset(job.user_id for job in batch),
        busy_seconds=None if lasts is None else max(0.0, lasts - (now - begun).total_seconds()),
    )
