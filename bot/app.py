"""The composition root: every service of a running bot, made once and handed on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import partial
from typing import Any

import aiohttp

import migrations
from bot import messages
from bot.client import EaselClient
from bot.dispatch.deliver import Deliverer
from bot.dispatch.dispatcher import Dispatcher
from bot.dispatch.messenger import Message, Messenger, Picture
from bot.dispatch.progress import MIN_SECONDS, ProgressBoard
from bot.dispatch.submit import Submitter
from bot.settings import Settings
from bot.studio import Studio
from bot.views import cancel_view, grid_view
from engine.api import Executor, Progress, Started
from engine.models.catalog import Catalog
from storage import Blobs, Database, Deliveries, JobRecord, Jobs, Leases, Pictures, Wishes


@contextlib.asynccontextmanager
async def open_bot(
    settings: Settings,
    *,
    token: str,
    executor: Executor,
    catalog: Catalog,
    default_model: str,
    connector: aiohttp.BaseConnector | None = None,
    guild_ready_timeout: float = 2.0,
    progress_seconds: float = MIN_SECONDS,
) -> AsyncIterator[EaselClient]:
    """Run the bot for as long as the block runs.

    The executor is started already and stays the caller's. The database is created and migrated
    first; leaving the block hands unfinished jobs back to the queue.
    """
    await asyncio.to_thread(settings.data_dir.mkdir, parents=True, exist_ok=True)
    await asyncio.to_thread(migrations.upgrade, settings.resolved_database_url)
    client = EaselClient(
        sync_file=settings.data_dir / "commands.sha256",
        connector=connector,
        guild_ready_timeout=guild_ready_timeout,
    )
    async with Database.open(settings.resolved_database_url) as database, client:
        blobs = Blobs.open(settings.resolved_blobs_url)
        jobs, pictures = Jobs(database), Pictures(database)
        messenger = Messenger(client)
        async with ProgressBoard(min_seconds=progress_seconds) as progress:
            deliverer = Deliverer(
                jobs=jobs,
                pictures=pictures,
                deliveries=Deliveries(database),
                blobs=blobs,
                messenger=messenger,
                progress=progress,
                make_view=grid_view,
            )
            dispatcher = Dispatcher(
                jobs=jobs,
                leases=Leases(database),
                blobs=blobs,
                executor=executor,
                deliverer=deliverer,
                report=_reporter(progress, messenger),
                lease_seconds=settings.lease_seconds,
            )
            submitter = Submitter(
                jobs=jobs,
                pictures=pictures,
                wishes=Wishes(database),
                catalog=catalog,
                default_model=default_model,
                available=catalog.available(settings.resolved_models_dir),
                on_submit=dispatcher.wake,
            )
            client.studio = Studio(
                submitter=submitter, dispatcher=dispatcher, jobs=jobs, blobs=blobs
            )
            await client.login(token)
            async with _background(client.connect(), dispatcher.run(), deliverer.run()):
                yield client


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


def _reporter(
    progress: ProgressBoard, messenger: Messenger
) -> Callable[[JobRecord, Started | Progress], None]:
    """Return what shows a running job: an edit of its message, whenever one may be sent."""

    def report(job: JobRecord, event: Started | Progress) -> None:
        match event:
            case Started():
                message = Message(content=messages.starting(job), view=partial(cancel_view, job.id))
            case Progress():
                preview = event.preview
                message = Message(
                    content=messages.running(job, step=event.step, total=event.total),
                    picture=Picture(data=preview, filename="preview.webp") if preview else None,
                    view=partial(cancel_view, job.id),
                )
        progress.show(job.id, partial(messenger.progress, job, message))

    return report
