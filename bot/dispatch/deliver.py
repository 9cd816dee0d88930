"""The deliverer: what is finished is shown exactly once, however often the bot falls over.

A delivery is a row that was written in the same transaction as the job's end. Showing it edits the
message that the job already has, so doing it twice shows it once. Only the leader delivers. Whom no
way leads to is told by the next thing that they do.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import discord

from bot import messages
from bot.dispatch.breaker import Breaker
from bot.dispatch.checkpoints import Checkpoint, Passing, pass_by
from bot.dispatch.leadership import Leadership
from bot.dispatch.messenger import Message, Messenger, UndeliverableError
from bot.dispatch.progress import ProgressBoard
from bot.dispatch.results import FILE_LIMIT_BYTES, Results
from bot.dispatch.retry import TRANSIENT
from storage import (
    BlobError,
    BlobStoreError,
    Deliveries,
    DeliveryRecord,
    JobRecord,
    Jobs,
)

logger = logging.getLogger(__name__)

AT_ONCE = 16
MAX_ATTEMPTS = 10
TOO_LARGE = 413
IDLE_SECONDS = 5.0
REQUEST_LIMIT_BYTES = 25 * 1024 * 1024 - 64 * 1024
"""What Discord accepts for a whole request, less what is not the file."""
LEAST_LIMIT_BYTES = 16 * 1024
"""A picture this small that is still too large is refused for another reason."""
MISSED_AT_ONCE = 3
"""How many results a user is told of at once that did not reach them."""


class Deliverer:
    """Shows how jobs ended."""

    def __init__(
        self,
        *,
        jobs: Jobs,
        deliveries: Deliveries,
        results: Results,
        messenger: Messenger,
        progress: ProgressBoard,
        leadership: Leadership,
        breaker: Breaker,
        passing: Passing = pass_by,
    ) -> None:
        self._jobs = jobs
        self._deliveries = deliveries
        self._results = results
        self._messenger = messenger
        self._progress = progress
        self._leadership = leadership
        self._breaker = breaker
        self._passing = passing
        self._woken = asyncio.Event()
        self._is_settled = asyncio.Event()
        self._in_flight: set[int] = set()

    def wake(self) -> None:
        """Look at the outbox now."""
        self._woken.set()

    async def run(self) -> None:
        """Deliver until cancelled. Raises LeaseLostError when another process took over."""
        await self._leadership.taken()
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._woken.clear()
                for delivery in await self._due():
                    self._in_flight.add(delivery.job_id)
                    tasks.create_task(self._try(delivery), name=f"deliver-{delivery.job_id}")
                if not self._in_flight:
                    self._is_settled.set()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(IDLE_SECONDS):
                        await self._woken.wait()

    async def _due(self) -> list[DeliveryRecord]:
        """Return what may be begun now: a slow delivery holds up no other."""
        room = AT_ONCE - len(self._in_flight)
        if room <= 0 or self._breaker.is_open:
            return []
        due = await self._deliveries.due(datetime.now(UTC), limit=AT_ONCE)
        return [one for one in due if one.job_id not in self._in_flight][:room]

    async def _try(self, delivery: DeliveryRecord) -> None:
        try:
            await self._deliver(delivery)
        finally:
            self._in_flight.discard(delivery.job_id)
            self.wake()

    async def settle(self, seconds: float) -> None:
        """Wait until nothing is due, but no longer than this."""
        self._is_settled.clear()
        self.wake()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._is_settled.wait()

    async def tell_missed(self, user_id: int, tell: Callable[[Message], Awaitable[object]]) -> None:
        """Tell a user of what no way led to when it was finished."""
        for delivery in await self._deliveries.untold(user_id, limit=MISSED_AT_ONCE):
            job = await self._jobs.get(delivery.job_id)
            if job is None or not await self._deliveries.take_untold(job.id):
                continue
            try:
                await tell(await self._missed_message(job))
            except (discord.HTTPException, *TRANSIENT) as error:
                logger.warning("not told job_id=%d: %s", job.id, error)
                await self._deliveries.put_back_untold(job.id)
            else:
                logger.info("told job_id=%d", job.id)

    async def _missed_message(self, job: JobRecord) -> Message:
        try:
            message = await self._results.message(job, limit_bytes=FILE_LIMIT_BYTES)
        except BlobError as error:
            logger.warning("its pictures are gone job_id=%d: %s", job.id, error)
            message = Message(content=messages.gone(job))
        return replace(message, content=messages.missed(message.content))

    async def _deliver(self, delivery: DeliveryRecord) -> None:
        job = await self._jobs.get(delivery.job_id)
        if job is None:
            await self._deliveries.give_up(delivery.job_id, "the job is gone")
            return
        await self._progress.close(job.id)
        try:
            message_id = await self._show(job, delivery)
        except BlobStoreError as error:
            await self._later(delivery, error)
        except (UndeliverableError, BlobError) as error:
            logger.warning("gave up job_id=%d: %s", job.id, error)
            await self._deliveries.give_up(job.id, str(error))
        except (discord.HTTPException, *TRANSIENT) as error:
            await self._later(delivery, error)
        else:
            self._passing(Checkpoint.SENT)
            await self._deliveries.mark_sent(job.id, message_id=message_id)

    async def _show(self, job: JobRecord, delivery: DeliveryRecord) -> int:
        """Show how a job ended, in files that Discord takes; return the message's id."""
        limit_bytes = min(job.file_limit_bytes or FILE_LIMIT_BYTES, REQUEST_LIMIT_BYTES)
        while True:
            message = replace(
                await self._results.message(job, limit_bytes=limit_bytes), nonce=delivery.nonce
            )
            await self._leadership.check()
            try:
                return await self._messenger.deliver(job, message)
            except discord.HTTPException as error:
                size = len(message.picture.data) if message.picture else 0
                if error.status != TOO_LARGE or size <= LEAST_LIMIT_BYTES:
                    raise
                limit_bytes = size // 2
                logger.info("%d bytes are too many job_id=%d", size, job.id)

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
