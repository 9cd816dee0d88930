"""Several jobs that are drawn as one: rows that share a model, and what each job sees of it.

A row is one picture of one job, or one of the candidates for it. Each has a seed and a prompt of
its own, so nobody can tell from the result who else was in the batch.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import assert_never

import torch
from PIL import Image

from engine.api import DrawingRequest, ImageToImage, RequestError, TextToImage, WorkItem
from engine.devices import is_out_of_memory
from engine.images import encode_preview, open_image
from engine.models.loading import LoadedModel
from engine.pipelines.decode import to_images
from engine.pipelines.image_to_image import image_to_image
from engine.pipelines.stopwatch import Stopwatch
from engine.pipelines.text_to_image import text_to_image

PREVIEW_SECONDS = 0.4
"""A preview costs a wait for the device, and nobody sees more of them."""

Report = Callable[[WorkItem, int, int, bytes | None], None]
"""Called after each step: the job, its steps done, its steps in all, perhaps a preview."""


@dataclass(slots=True, eq=False)
class Job:
    """One request while it is being drawn."""

    item: WorkItem
    request: DrawingRequest
    opened: Mapping[str, Image.Image]
    """The pictures that it names, by sha256."""
    is_stopped: bool = False
    groups_done: int = 0
    images: dict[Row, Image.Image] = field(default_factory=dict)
    """What is finished."""
    previews: dict[int, Image.Image] = field(default_factory=dict)
    shown: bytes | None = None

    @classmethod
    def of(cls, item: WorkItem) -> Job:
        """Begin a job. Raises RequestError, ImageRefusedError."""
        if not isinstance(item.request, DrawingRequest):
            raise RequestError("request", "asks for words; a painter draws pictures")
        return cls(item=item, request=item.request, opened=_open_images(item))

    @property
    def is_drawn(self) -> bool:
        """Whether every row is finished."""
        return len(self.images) == self.request.num_drawn

    def rows(self) -> list[Row]:
        """Return the first candidates for all pictures of the job, then the second ones."""
        return [
            Row(job=self, image_index=index, candidate=candidate)
            for candidate in range(self.request.num_candidates)
            for index in range(self.request.num_images)
        ]

    def encode_shown(self) -> None:
        """Make the grid as it looks now from the previews."""
        size = (self.request.width, self.request.height)
        blank = Image.new("RGB", size, "#2b2d31")
        indices = range(self.request.num_images)
        self.shown = encode_preview(
            [self.previews.get(index, blank).resize(size) for index in indices]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One candidate for one picture of one job."""

    job: Job
    image_index: int
    candidate: int = 0

    @property
    def seed(self) -> int:
        """What it is drawn from."""
        return self.job.request.seed_of(self.image_index, self.candidate)

    @property
    def condition_seed(self) -> int:
        """What the noise on its condition is drawn from."""
        return self.job.request.condition_seed_of(self.image_index, self.candidate)

    @property
    def text(self) -> tuple[str, str | None]:
        """What it is to show, and what not."""
        return self.job.request.prompt, self.job.request.negative_prompt or None

    def show(self, image: Image.Image) -> None:
        """Let it be seen in the grid, if it is the candidate that is."""
        if self.candidate == 0:
            self.job.previews[self.image_index] = image


class _NobodyWaits(Exception):  # noqa: N818 - it is asked for, not an error
    """Every job of a group was stopped."""


class Batch:
    """Draws groups of rows."""

    def __init__(
        self,
        *,
        model: LoadedModel,
        stopwatch: Stopwatch,
        report: Report,
        is_stopped: Callable[[WorkItem], bool],
        on_stop: Callable[[WorkItem], None],
    ) -> None:
        self._model = model
        self._stopwatch = stopwatch
        self._report = report
        self._is_stopped = is_stopped
        self._on_stop = on_stop
        self._next_preview = 0.0

    def draw(self, group: Sequence[Row], *, waiting: Iterable[Sequence[Row]]) -> bool:
        """Draw these rows, before those that wait; return False when memory ended.

        A job that is stopped is told so at once; its rows are drawn along for the others' sake.
        """
        jobs = list(dict.fromkeys(row.job for row in group))
        groups = {job: job.groups_done + 1 + _groups_with(job, waiting) for job in jobs}

        def on_step(step: int, total: int, predicted: torch.Tensor) -> None:
            self.drop_stopped(jobs)
            self._preview(group, predicted)
            for job in jobs:
                if not job.is_stopped:
                    done = job.groups_done * total + step
                    self._report(job.item, done, groups[job] * total, job.shown)

        try:
            self.drop_stopped(jobs)
            pixels = self._run(group, on_step)
        except _NobodyWaits:
            return True
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            return False
        for row, image in zip(group, to_images(pixels), strict=True):
            row.job.images[row] = image
            row.show(image)
        for job in jobs:
            job.groups_done += 1
        return True

    def drop_stopped(self, jobs: Sequence[Job]) -> None:
        """Let go of the jobs that were asked to stop; raise when none is left."""
        for job in jobs:
            if not job.is_stopped and self._is_stopped(job.item):
                job.is_stopped = True
                self._on_stop(job.item)
        if all(job.is_stopped for job in jobs):
            raise _NobodyWaits

    def _run(
        self, group: Sequence[Row], on_step: Callable[[int, int, torch.Tensor], None]
    ) -> torch.Tensor:
        """Draw the rows: (B, 3, H, W), float32, 0 to 1. What they share is read from the first."""
        first = group[0].job
        seeds = [row.seed for row in group]
        condition_seeds = [row.condition_seed for row in group]
        match first.request:
            case TextToImage() as request:
                return text_to_image(
                    self._model,
                    request,
                    texts=[row.text for row in group],
                    images=first.opened,
                    seeds=seeds,
                    condition_seeds=condition_seeds,
                    on_step=on_step,
                    stopwatch=self._stopwatch,
                )
            case ImageToImage() as request:
                return image_to_image(
                    self._model,
                    request,
                    first.opened[request.image],
                    images=first.opened,
                    seeds=seeds,
                    condition_seeds=condition_seeds,
                    on_step=on_step,
                    stopwatch=self._stopwatch,
                )
            case _:
                assert_never(first.request)

    def _preview(self, group: Sequence[Row], predicted: torch.Tensor) -> None:
        """Renew what is shown of each job, now and then: all its pictures as they look now.

        Progress may be dropped on its way, so each one carries the whole of what is to be seen.
        """
        now = time.monotonic()
        if now < self._next_preview:
            return
        self._next_preview = now + PREVIEW_SECONDS
        for row, image in zip(group, self._model.preview.to_images(predicted), strict=True):
            row.show(image)
        for job in {row.job for row in group if not row.job.is_stopped}:
            job.encode_shown()


def _groups_with(job: Job, groups: Iterable[Sequence[Row]]) -> int:
    return sum(any(row.job is job for row in group) for group in groups)


def _open_images(item: WorkItem) -> dict[str, Image.Image]:
    """Return the pictures that the request names. Raises RequestError, ImageRefusedError."""
    images = {}
    for sha256 in item.request.image_names():
        data = item.blobs.get(sha256)
        if data is None or hashlib.sha256(data).hexdigest() != sha256:
            raise RequestError("image", "did not come with the request, or came damaged")
        images[sha256] = open_image(data)
    return images
