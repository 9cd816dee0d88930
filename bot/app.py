"""The composition root: every service of a running bot, made once and handed on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any

import aiohttp

import migrations
from bot.client import EaselClient
from bot.dispatch.breaker import Breaker
from bot.dispatch.checkpoints import Passing, pass_by
from bot.dispatch.deliver import Deliverer
from bot.dispatch.dispatcher import Dispatcher
from bot.dispatch.drafts import Drafts
from bot.dispatch.housekeeping import Housekeeper
from bot.dispatch.leadership import Leadership, LeaseLostError
from bot.dispatch.line import Line
from bot.dispatch.messenger import Messenger
from bot.dispatch.pick import Policy
from bot.dispatch.progress import MIN_SECONDS, ProgressBoard
from bot.dispatch.promises import PromiseKeeper
from bot.dispatch.results import Results
from bot.dispatch.submit import Submitter
from bot.notices import Notices
from bot.pictures.addresses import PUBLIC, Reach
from bot.pictures.decode import Decoder
from bot.pictures.fetch import Fetcher
from bot.pictures.intake import Intake
from bot.settings import Settings
from bot.studio import Studio
from bot.views import answer_view, grid_view
from bot.watchdog import Watchdog
from engine.api import Executor
from engine.models.catalog import Catalog
from storage import (
    BlobNames,
    Blobs,
    Database,
    DatabaseLostError,
    Deliveries,
    Jobs,
    Leases,
    Orphans,
    Pictures,
    Promises,
    QueueLimits,
    Wishes,
)

SETTLE_SECONDS = 5.0
"""How long a stop waits for the last results to be shown."""


@contextlib.asynccontextmanager
async def open_bot(
    settings: Settings,
    *,
    token: str,
    executor: Executor,
    catalog: Catalog,
    default_model: str,
    connector: aiohttp.BaseConnector | None = None,
    reach: Reach = PUBLIC,
    guild_ready_timeout: float = 2.0,
    progress_seconds: float = MIN_SECONDS,
    passing: Passing = pass_by,
) -> AsyncIterator[EaselClient]:
    """Run the bot for as long as the block runs.

    The executor is started already and stays the caller's; `reach` is where links may lead. The
    database is created and migrated first; leaving the block waits a while for what is being drawn,
    and hands the rest back to the queue. Raises LeaseLostError where another bot took over, and
    DatabaseLostError.
    """
    await asyncio.to_thread(settings.data_dir.mkdir, parents=True, exist_ok=True)
    await asyncio.to_thread(migrations.upgrade, settings.resolved_database_url)
    breaker = Breaker()
    client = EaselClient(
        sync_file=settings.data_dir / "commands.sha256",
        connector=connector,
        guild_ready_timeout=guild_ready_timeout,
        http_trace=breaker.trace(),
    )
    with _loss_alone(), Watchdog().watching():
        async with (
            Database.open(settings.resolved_database_url) as database,
            client,
            ProgressBoard(min_seconds=progress_seconds) as progress,
            Fetcher(reach=reach) as fetcher,
            contextlib.aclosing(Decoder()) as decoder,
        ):
            client.studio = studio = _wire(
                settings,
                client=client,
                database=database,
                progress=progress,
                fetcher=fetcher,
                decoder=decoder,
                breaker=breaker,
                executor=executor,
                catalog=catalog,
                default_model=default_model,
                progress_seconds=progress_seconds,
                passing=passing,
            )
            await client.login(token)
            async with _background(
                client.connect(),
                studio.dispatcher.run(),
                studio.deliverer.run(),
                studio.line.run(),
                studio.promises.run(),
                studio.housekeeper.run(),
                studio.drafts.watch(),
            ):
                yield client
                await studio.dispatcher.drain(settings.drain_seconds)
                await studio.deliverer.settle(SETTLE_SECONDS)


def _wire(
    settings: Settings,
    *,
    client: EaselClient,
    database: Database,
    progress: ProgressBoard,
    fetcher: Fetcher,
    decoder: Decoder,
    breaker: Breaker,
    executor: Executor,
    catalog: Catalog,
    default_model: str,
    progress_seconds: float,
    passing: Passing,
) -> Studio:
    """Make every service once, each from those that it needs. Starts nothing."""
    blobs = Blobs.open(settings.resolved_blobs_url)
    jobs, pictures, wishes = Jobs(database), Pictures(database), Wishes(database)
    leadership = Leadership(Leases(database), seconds=settings.lease_seconds)
    messenger = Messenger(client, breaker=breaker)
    notices = Notices(progress=progress, messenger=messenger)

    # What draws and shows what was asked for.
    deliverer = Deliverer(
        jobs=jobs,
        deliveries=Deliveries(database),
        results=Results(
            pictures=pictures, blobs=blobs, make_view=grid_view, make_answer_view=answer_view
        ),
        messenger=messenger,
        progress=progress,
        leadership=leadership,
        breaker=breaker,
        passing=passing,
    )
    line = Line(
        jobs=jobs,
        executor=executor,
        policy=Policy(running_per_user=settings.max_running_per_user),
        show=notices.show_place,
        min_seconds=progress_seconds,
    )
    dispatcher = Dispatcher(
        jobs=jobs,
        leadership=leadership,
        blobs=blobs,
        executor=executor,
        deliverer=deliverer,
        line=line,
        report=notices.show_progress,
        passing=passing,
    )
    promises = PromiseKeeper(
        promises=Promises(database), leadership=leadership, messenger=messenger
    )
    housekeeper = Housekeeper(
        wishes=wishes,
        orphans=Orphans(blobs=blobs, names=BlobNames(database)),
        leadership=leadership,
    )

    # What takes in what is asked for.
    drafts = Drafts(
        catalog=catalog, default_model=default_model, models_dir=settings.resolved_models_dir
    )
    submitter = Submitter(
        jobs=jobs,
        pictures=pictures,
        wishes=wishes,
        drafts=drafts,
        catalog=catalog,
        limits=_limits(settings),
        on_submit=dispatcher.wake,
        passing=passing,
    )
    return Studio(
        drafts=drafts,
        intake=Intake(fetcher=fetcher, decoder=decoder, blobs=blobs),
        submitter=submitter,
        dispatcher=dispatcher,
        deliverer=deliverer,
        line=line,
        progress=progress,
        promises=promises,
        housekeeper=housekeeper,
        blobs=blobs,
    )


def _limits(settings: Settings) -> QueueLimits:
    return QueueLimits(
        per_user=settings.max_waiting_per_user,
        per_guild=settings.max_waiting_per_server,
        total=settings.max_waiting,
    )


@contextlib.contextmanager
def _loss_alone() -> Iterator[None]:
    """Let a loss out of the task groups that it ended, where nothing else failed."""
    try:
        yield
    except BaseExceptionGroup as group:
        losses, others = group.split((LeaseLostError, DatabaseLostError))
        if losses is None or others is not None:
            raise
        raise _first(losses) from None


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


@contextlib.asynccontextmanager
async def _background(*services: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run the services beside the block; the first that fails ends the block with its error."""
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(service) for service in services]
        try:
            yield
        finally:
            for task in running:
                task.cancel()
