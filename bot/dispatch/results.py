"""What a job's message is when the job has ended: a grid, words, or why there is none."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from typing import assert_never

import discord
from PIL import Image

from bot import messages
from bot.dispatch.messenger import Message, Picture
from bot.dispatch.stored import answer_of, request_of
from engine.api import Answer
from engine.images import make_grid
from storage import Blobs, JobRecord, JobState, Pictures

FILE_LIMIT_BYTES = 10 * 1024 * 1024
"""What every server accepts for one file."""

MakeView = Callable[[int, int], discord.ui.View]
"""Builds the buttons under a grid, from the job's id and its number of pictures."""
MakeAnswerView = Callable[[int, Answer], discord.ui.View]
"""Builds the buttons under an answer in words, from the job's id and the answer."""


class Results:
    """Renders how jobs ended."""

    def __init__(
        self,
        *,
        pictures: Pictures,
        blobs: Blobs,
        make_view: MakeView,
        make_answer_view: MakeAnswerView,
    ) -> None:
        self._pictures = pictures
        self._blobs = blobs
        self._make_view = make_view
        self._make_answer_view = make_answer_view

    async def message(self, job: JobRecord, *, limit_bytes: int) -> Message:
        """Return the last message of a job. Raises BlobError where its pictures are lost."""
        match job.state:
            case JobState.DONE:
                answer = answer_of(job)
                if answer is None:
                    return await self._grid(job, limit_bytes)
                return await self._words(job, answer, limit_bytes)
            case JobState.CANCELLED:
                return Message(content=messages.cancelled(job))
            case JobState.FAILED:
                return Message(content=messages.failed(job))
            case JobState.QUEUED | JobState.RUNNING:
                raise ValueError(f"job {job.id} is {job.state}, but has a delivery")
            case _:
                assert_never(job.state)

    async def _grid(self, job: JobRecord, limit_bytes: int) -> Message:
        pictures = await self._pictures.of_job(job.id)
        pngs = [await self._blobs.get(picture.sha256) for picture in pictures]
        return Message(
            content=messages.done(job),
            picture=await asyncio.to_thread(_grid_file, pngs, f"easel-{job.id}", limit_bytes),
            view=lambda: self._make_view(job.id, len(pictures)),
        )

    async def _words(self, job: JobRecord, answer: Answer, limit_bytes: int) -> Message:
        """Show the words, and what they are about where that is a picture."""
        pngs = [await self._blobs.get(sha256) for sha256 in request_of(job).image_names()]
        picture = None
        if pngs:
            picture = await asyncio.to_thread(
                fit, pngs[0], f"easel-{job.id}", limit_bytes=limit_bytes
            )
        return Message(
            content=messages.answered(job, answer),
            picture=picture,
            view=lambda: self._make_answer_view(job.id, answer),
        )


def _grid_file(pngs: list[bytes], stem: str, limit_bytes: int) -> Picture:
    return fit(make_grid(pngs), stem, limit_bytes=limit_bytes)


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
