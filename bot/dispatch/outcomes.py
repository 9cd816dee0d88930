"""What becomes of the jobs that are being drawn: an executor's events, shown or written down."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import assert_never

from bot.dispatch.checkpoints import Checkpoint, Passing
from bot.dispatch.leadership import Leadership
from bot.dispatch.line import Line
from bot.dispatch.stored import request_of
from engine.api import (
    Cancelled,
    Event,
    Failed,
    FailureKind,
    Finished,
    Idle,
    Lost,
    Progress,
    Started,
    answer_to_json,
)
from engine.api import Picture as DrawnPicture
from storage import BlobError, Blobs, JobRecord, Jobs, NewPicture

logger = logging.getLogger(__name__)

NOT_STORED = "It was drawn, but could not be stored. The owner finds the reason in the log."

Report = Callable[[JobRecord, Started | Progress], None]
"""Shows a running job's state; must return at once."""


class Outcomes:
    """Takes what executors report. A job that has ended is no longer in the line's `drawing`."""

    def __init__(
        self,
        *,
        jobs: Jobs,
        leadership: Leadership,
        blobs: Blobs,
        line: Line,
        report: Report,
        on_settled: Callable[[], None],
        passing: Passing,
    ) -> None:
        self._jobs = jobs
        self._leadership = leadership
        self._blobs = blobs
        self._line = line
        self._report = report
        self._on_settled = on_settled
        self._passing = passing

    async def take(self, event: Event) -> None:
        """Show progress; write down an end."""
        match event:
            case Started() | Progress():
                self._show(event)
            case Finished():
                await self._finish(event)
            case Failed():
                logger.warning(
                    "not drawn job_id=%d %s: %s", event.job_id, event.kind, event.message
                )
                await self.fail(event.job_id, event.fence, event.kind, event.message)
            case Cancelled():
                await self._jobs.cancelled(event.job_id, event.fence)
                self._settle(event.job_id)
            case Lost():
                await self.requeue(
                    event.job_id,
                    event.fence,
                    event.reason,
                    counts_as_attempt=event.is_suspect,
                )
            case Idle():
                pass
            case _:
                assert_never(event)

    async def fail(self, job_id: int, fence: int, kind: FailureKind, message: str) -> None:
        """Give a job up; `message` is for its user."""
        await self._jobs.fail(job_id, fence, kind=kind.value, message=message)
        self._settle(job_id)

    async def requeue(
        self, job_id: int, fence: int, reason: str, *, counts_as_attempt: bool
    ) -> None:
        """Let a lost job wait again, unless it has been lost too often."""
        await self._jobs.requeue(job_id, fence, reason, counts_as_attempt=counts_as_attempt)
        self._settle(job_id)

    def _show(self, event: Started | Progress) -> None:
        drawing = self._line.drawing.get(event.job_id)
        # After a long sleep another bot may be showing this job already.
        if drawing is None or not self._leadership.is_current:
            return
        if isinstance(event, Progress):
            drawing.share_done = event.step / event.total
        self._report(drawing.job, event)

    async def _finish(self, event: Finished) -> None:
        drawing = self._line.drawing.get(event.job_id)
        if drawing is None:
            return
        self._passing(Checkpoint.DRAWN)
        job = drawing.job
        model = request_of(job).model
        try:
            pictures = [
                await self._store(picture, image_index=image_index, model=model)
                for image_index, picture in enumerate(event.pictures)
            ]
        except BlobError as error:
            logger.error("not stored job_id=%d: %s", job.id, error)  # noqa: TRY400 - expected
            await self.fail(job.id, event.fence, FailureKind.INTERNAL, NOT_STORED)
            return
        answer = None if event.answer is None else answer_to_json(event.answer)
        if await self._jobs.finish(
            event.job_id, event.fence, pictures, event.timings, answer=answer
        ):
            self._line.learn(job, event.timings)
        self._passing(Checkpoint.FINISHED)
        self._settle(event.job_id)

    async def _store(self, picture: DrawnPicture, *, image_index: int, model: str) -> NewPicture:
        return NewPicture(
            image_index=image_index,
            sha256=await self._blobs.put(picture.png, media_type="image/png"),
            seed=picture.seed,
            width=picture.width,
            height=picture.height,
            model=model,
            media_type="image/png",
            size_bytes=len(picture.png),
        )

    def _settle(self, job_id: int) -> None:
        self._line.drawing.pop(job_id, None)
        self._on_settled()
