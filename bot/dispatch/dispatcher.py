"""The async dispatcher: it moves jobs from the queue to the executor and its answers back.

The jobs table is the truth. What this class holds in memory (which fence a running job has) can be
lost at any moment: the row says `running`, its lease runs out, and whoever dispatches next queues
it again. Only the leader dispatches, so a second bot on the same database waits its turn, and each
claim names the leader's lease, so a bot that was deposed in its sleep claims nothing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime
from typing import assert_never

from bot.dispatch.checkpoints import Checkpoint, Passing, pass_by
from bot.dispatch.deliver import Deliverer
from bot.dispatch.leadership import Leadership
from bot.dispatch.line import Drawing, Line
from bot.dispatch.outcomes import Outcomes, Report
from bot.dispatch.pick import Assignment, charge_of, pick
from bot.dispatch.shield import to_the_end
from bot.dispatch.stored import request_of
from engine.api import (
    Executor,
    FailureKind,
    Progress,
    RequestError,
    Started,
    WorkItem,
)
from storage import BlobError, Blobs, CancelOutcome, Claimed, Jobs, QueuedJob

logger = logging.getLogger(__name__)

IDLE_SECONDS = 5.0
"""The queue is looked at this often even when nothing said that it changed."""
CANCELS_SECONDS = 1.0
"""While something is drawn, the database is asked this often what is to be stopped."""


class Dispatcher:
    """Claims jobs and hands them to slots; `Outcomes` writes down how they ended."""

    def __init__(
        self,
        *,
        jobs: Jobs,
        leadership: Leadership,
        blobs: Blobs,
        executor: Executor,
        deliverer: Deliverer,
        line: Line,
        report: Report,
        passing: Passing = pass_by,
    ) -> None:
        self._jobs = jobs
        self._leadership = leadership
        self._blobs = blobs
        self._executor = executor
        self._deliverer = deliverer
        self._line = line
        self._running = line.drawing
        self._passing = passing
        self._outcomes = Outcomes(
            jobs=jobs,
            leadership=leadership,
            blobs=blobs,
            line=line,
            report=report,
            on_settled=self._on_settled,
            passing=passing,
        )
        self._woken = asyncio.Event()
        self._idle = asyncio.Event()
        self._is_draining = False

    def wake(self) -> None:
        """Look at the queue now: a job came or a slot is free."""
        self._woken.set()
        self._line.moved()

    async def run(self) -> None:
        """Dispatch until cancelled. Raises LeaseLostError when another process took over."""
        try:
            await self._leadership.take()
            # Executors own nothing durable: whatever is marked running was lost with its bot.
            for job in await self._jobs.running():
                await self._outcomes.requeue(
                    job.id, job.fence, "the bot was restarted", counts_as_attempt=False
                )
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._renew(), name="dispatcher-renew")
                tasks.create_task(self._listen(), name="dispatcher-listen")
                tasks.create_task(self._assign(), name="dispatcher-assign")
                tasks.create_task(self._obey_cancels(), name="dispatcher-cancels")
        finally:
            await to_the_end(self._hand_back())

    async def drain(self, seconds: float) -> None:
        """Begin nothing new, and give what is being drawn this long to end."""
        self._is_draining = True
        self._on_settled()
        try:
            async with asyncio.timeout(seconds):
                await self._idle.wait()
        except TimeoutError:
            logger.info("%d jobs are not done in time and go back to the queue", len(self._running))

    def _on_settled(self) -> None:
        """See what is to be told and what can be begun, after something has ended."""
        self._deliverer.wake()
        self.wake()
        if self._is_draining and not self._running:
            self._idle.set()

    async def cancel(self, job_id: int, *, by: int) -> CancelOutcome:
        """Stop a queued job at once, or a running one at its next step."""
        outcome = await self._jobs.request_cancel(job_id, by=by)
        match outcome:
            case CancelOutcome.CANCELLED:
                self._deliverer.wake()
                self._line.moved()
            case CancelOutcome.REQUESTED:
                await self._executor.cancel(job_id)
            case CancelOutcome.TOO_LATE:
                pass
            case _:
                assert_never(outcome)
        return outcome

    # --- who dispatches -------------------------------------------------------------------------

    async def _renew(self) -> None:
        seconds = self._leadership.seconds
        while True:
            await asyncio.sleep(seconds / 3)
            await self._leadership.renew()
            held = [(drawing.job.id, drawing.job.fence) for drawing in self._running.values()]
            kept = await self._jobs.renew(held, lease_seconds=seconds)
            for job_id, _ in set(held) - set(kept):
                self._running.pop(job_id, None)
                await self._executor.cancel(job_id)
            for job_id, fence in await self._jobs.expired(datetime.now(UTC)):
                await self._outcomes.requeue(
                    job_id, fence, "its lease ran out", counts_as_attempt=False
                )

    async def _obey_cancels(self) -> None:
        """Stop what is to be stopped: it was asked of another bot, or before a worker had it."""
        while True:
            await asyncio.sleep(CANCELS_SECONDS)
            if self._running:
                for job_id in await self._jobs.to_be_stopped():
                    await self._executor.cancel(job_id)

    async def _hand_back(self) -> None:
        """Queue what was being drawn again and let another process dispatch at once."""
        # The leader's rows, not this memory: a claim may have been cut off before it came back.
        for job in await self._jobs.running() if self._leadership.is_current else ():
            await self._jobs.requeue(
                job.id, job.fence, "the bot was stopped", counts_as_attempt=False
            )
        await self._leadership.release()

    # --- from the queue to the slots --------------------------------------------------------------

    async def _assign(self) -> None:
        while True:
            self._woken.clear()
            slots = self._executor.slots()
            if any(slot.ready for slot in slots) and not self._is_draining:
                queue = await self._line.queue()
                for assignment in pick(
                    queue,
                    slots,
                    running=self._line.running,
                    now=datetime.now(UTC),
                    policy=self._line.policy,
                ):
                    await self._start(assignment)
            try:
                async with asyncio.timeout(IDLE_SECONDS):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def _start(self, assignment: Assignment) -> None:
        if self._is_draining:
            return
        slot_id = assignment.slot_id
        batch = [one for job in assignment.jobs if (one := await self._claim(job, slot_id))]
        for claimed in batch:
            self._running[claimed.job.id] = Drawing(
                job=claimed.job,
                slot_id=slot_id,
                begun_at=time.monotonic(),
                batch_cost=sum(one.job.cost for one in batch),
            )
        items = [item for claimed in batch if (item := await self._work_item(claimed))]
        try:
            if items:
                await self._executor.submit(slot_id, items)
        except LookupError as error:
            for item in items:
                await self._outcomes.requeue(
                    item.job_id, item.fence, str(error), counts_as_attempt=False
                )
        self._line.moved()

    async def _claim(self, job: QueuedJob, slot_id: str) -> Claimed | None:
        device = next(slot.device_name for slot in self._executor.slots() if slot.id == slot_id)
        claimed = await self._jobs.claim(
            job.id,
            worker=slot_id,
            lease_seconds=self._leadership.seconds,
            device=device,
            charge=charge_of(job),
            leader=self._leadership.leader,
        )
        if claimed is not None:
            self._passing(Checkpoint.CLAIMED)
        return claimed

    async def _work_item(self, claimed: Claimed) -> WorkItem | None:
        """Return what the worker needs of a job; one that cannot be read has failed."""
        job = claimed.job
        try:
            request = request_of(job)
            blobs = {sha256: await self._blobs.get(sha256) for sha256 in request.image_names()}
        except (RequestError, BlobError) as error:
            await self._outcomes.fail(job.id, claimed.fence, FailureKind.INVALID, str(error))
            return None
        return WorkItem(job_id=job.id, fence=claimed.fence, request=request, blobs=blobs)

    # --- from the executor back -------------------------------------------------------------------

    async def _listen(self) -> None:
        async for event in self._executor.events():
            # Cut off, a drawn grid would be drawn again.
            await to_the_end(self._outcomes.take(event))
            if not isinstance(event, Started | Progress):
                self.wake()
