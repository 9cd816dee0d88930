"""The deliverer: what is finished is shown exactly once, however often the bot falls over.

A delivery is a row that was written in the same transaction as the job's end. Showing it edits the
message that the job already has, so doing it twice shows it once.
"""

from __future__ import annotations

import asyncio
import io
import logging
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import assert_never

import discord
from PIL import Image

from bot import messages
from bot.dispatch.messenger import TRANSIENT, Message, Messenger, Picture, UndeliverableError
from bot.dispatch.progress import ProgressBoard
from engine.images import make_grid
from storage import (
    BlobError,
    Blobs,
    Deliveries,
    DeliveryRecord,
    JobRecord,
    Jobs,
    JobState,
    Pictures,
)

logger = logging.getLogger(__name__)

BATCH = 8
MAX_ATTEMPTS = 10
IDLE_SECONDS = 5.0
FILE_LIMIT_BYTES = 10 * 1024 * 1024
"""What every server accepts for one file."""

MakeView = Callable[[int, int], discord.ui.View]
"""Builds the buttons under a grid, from the job's id and its number of pictures."""


class Deliverer:
    """Shows how jobs ended."""

    def __init__(
        self,
        *,
        jobs: Jobs,
        pictures: Pictures,
        deliveries: Deliveries,
        blobs: Blobs,
        messenger: Messenger,
        progress: ProgressBoard,
        make_view: MakeView,
    ) -> None:
        self._jobs = jobs
        self._pictures = pictures
        self._deliveries = deliveries
        self._blobs = blobs
        self._messenger = messenger
        self._progress = progress
        self._make_view = make_view
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look at the outbox now."""
        self._woken.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            self._woken.clear()
            due = await self._deliveries.due(datetime.now(UTC), limit=BATCH)
            async with asyncio.TaskGroup() as tasks:
                for delivery in due:
                    tasks.create_task(self._deliver(delivery))
            if len(due) == BATCH:
                continue
            try:
                async with asyncio.timeout(IDLE_SECONDS):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def _deliver(self, delivery: DeliveryRecord) -> None:
        job = await self._jobs.get(delivery.job_id)
        if job is None:
            await self._deliveries.give_up(delivery.job_id, "the job is gone")
            return
        await self._progress.close(job.id)
        try:
            message = replace(await self._message(job), nonce=delivery.nonce)
            message_id = await self._messenger.deliver(job, message)
        except (UndeliverableError, BlobError) as error:
            logger.warning("gave up job_id=%d: %s", job.id, error)
            await self._deliveries.give_up(job.id, str(error))
        except (discord.HTTPException, *TRANSIENT) as error:
            await self._later(delivery, error)
        else:
            await self._deliveries.mark_sent(job.id, message_id=message_id)
            logger.info("delivered job_id=%d", job.id)

    async def _later(self, delivery: DeliveryRecord, error: Exception) -> None:
        logger.warning("not delivered job_id=%d: %s", delivery.job_id, error)
        if delivery.attempts + 1 >= MAX_ATTEMPTS:
            await self._deliveries.give_up(delivery.job_id, str(error))
            return
        # Full jitter keeps many deliveries from coming back at the same moment after an outage.
        pause = random.uniform(0.5, 1.0) * min(300, 2 ** (delivery.attempts + 1))
        await self._deliveries.retry_later(
            delivery.job_id, str(error), datetime.now(UTC) + timedelta(seconds=pause)
        )

    async def _message(self, job: JobRecord) -> Message:
        match job.state:
            case JobState.DONE:
                return await self._grid(job)
            case JobState.CANCELLED:
                return Message(content=messages.cancelled(job))
            case JobState.FAILED:
                return Message(content=messages.failed(job))
            case JobState.QUEUED | JobState.RUNNING:
                raise ValueError(f"job {job.id} is {job.state}, but has a delivery")
            case _:
                assert_never(job.state)

    async def _grid(self, job: JobRecord) -> Message:
        pictures = await self._pictures.of_job(job.id)
        pngs = [await self._blobs.get(picture.sha256) for picture in pictures]
        picture = await asyncio.to_thread(_grid_file, pngs, f"easel-{job.id}")
        return Message(
            content=messages.done(job),
            picture=picture,
            view=lambda: self._make_view(job.id, len(pictures)),
        )


def _grid_file(pngs: list[bytes], stem: str) -> Picture:
    return fit(make_grid(pngs), stem)


def fit(png: bytes, stem: str, *, limit_bytes: int = FILE_LIMIT_BYTES) -> Picture:
    """Return the picture as a file that Discord accepts: PNG, then WebP, then smaller WebP."""
    if len(png) <= limit_bytes:
        return Picture(data=png, filename=f"{stem}.png")
    image = Image.open(io.BytesIO(png)).convert("RGB")
    while True:
        out = io.BytesIO()
        image.save(out, "WEBP", quality=92, method=4)
        if out.tell() <= limit_bytes:
            return Picture(data=out.getvalue(), filename=f"{stem}.webp")
        image = image.resize(
            (image.width * 3 // 4, image.height * 3 // 4), Image.Resampling.LANCZOS
        )
