"""The painter: requests in, finished pictures out, on one device.

It knows models and pictures, and nothing of processes or pipes: any executor's worker can own one.
Pictures that do not fit the device's memory together are drawn in smaller groups; since each has
its own seed, nobody can tell from the result.

Errors::

    Stopped                 the job was asked to stop; raised within one step
    NoMemoryError           even one picture at a time did not fit
    RequestError            asks what the model cannot do
    UnknownModelError       names no model of the catalog
    ModelError              names a model that cannot be loaded
    ImageRefusedError       the picture to start from cannot be decoded
"""

from __future__ import annotations

import json
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from engine.api import DrawingRequest, Picture, TextToImage, WorkItem, request_to_json
from engine.batch import Batch, Job, Report, Row
from engine.candidates import keep_best
from engine.devices import Device
from engine.images import encode_png, enlarge
from engine.models.loading import LoadedModel
from engine.models.store import ModelStore
from engine.pipelines.image_conditions import check_images, wants_images
from engine.pipelines.stopwatch import Stopwatch

logger = logging.getLogger(__name__)

CPU_PIXELS_AT_ONCE = 1024 * 1024
"""A CPU gains nothing from larger batches, and its memory is the machine's."""

IsStopped = Callable[[WorkItem], bool]


class Stopped(Exception):  # noqa: N818 - it is asked for, not an error
    """The job was asked to stop."""


class NoMemoryError(RuntimeError):
    """Even one picture at a time did not fit the device."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """What came of a request."""

    pictures: list[Picture]
    timings: dict[str, float]
    """Seconds by stage: load, encode, base, refiner, decode, png, total. Of what was drawn together
    with other requests it is its share."""


End = Callable[[WorkItem, Drawing | None], None]
"""Called when a job ends; None: it was stopped."""


class Painter:
    """Draws requests, one batch at a time."""

    def __init__(self, store: ModelStore) -> None:
        self._store = store
        self._limits: dict[tuple[str, int, int], int] = {}
        """Pictures that fit at once, learned from running out: by model, height and width."""

    @property
    def loaded(self) -> frozenset[str]:
        """Names of the models in memory."""
        return self._store.loaded

    @property
    def capacity_pixels(self) -> int:
        """How large a batch is worth drawing: less, once memory has ended."""
        learned = (limit * height * width for (_, height, width), limit in self._limits.items())
        return min([self._store.device.capacity_pixels, *learned])

    def warm_up(self, name: str) -> None:
        """Load a model and draw a picture in two steps, so that the first user need not wait."""
        card = self._store.catalog[name]
        width, height = card.default_size
        request = TextToImage(
            model=name,
            prompt="",
            height=height,
            width=width,
            seed=0,
            num_images=1,
            num_inference_steps=2,
            guidance_scale=card.guidance_scale,
            denoising_end=0.5 if card.has_refiner else 1.0,
        )
        item = WorkItem(job_id=0, fence=0, request=request)
        self.draw(item, report=lambda *_: None, is_stopped=lambda: False)

    def draw(
        self,
        item: WorkItem,
        *,
        report: Callable[[int, int, bytes | None], None],
        is_stopped: Callable[[], bool],
    ) -> Drawing:
        """Draw one request alone. Raises Stopped."""
        drawings: list[Drawing | None] = []
        self.draw_batch(
            [item],
            report=lambda _item, *step: report(*step),
            is_stopped=lambda _item: is_stopped(),
            end=lambda _item, drawing: drawings.append(drawing),
        )
        if drawings[0] is None:
            raise Stopped
        return drawings[0]

    def draw_batch(
        self, items: Sequence[WorkItem], *, report: Report, is_stopped: IsStopped, end: End
    ) -> None:
        """Draw requests that share a batch key, as far as they fit together.

        Each job ends by itself, when its pictures are finished or when it is asked to stop. What is
        raised is about all that have not ended.
        """
        started = time.perf_counter()
        jobs = [Job.of(item) for item in items]
        request = jobs[0].request
        stopwatch = Stopwatch(self._store.device)
        with stopwatch("load"):
            model = self._store.get(request.model, images=wants_images(request))
            check_images(model, request)
            self._store.apply_loras(model, request.loras)
        batch = Batch(
            model=model,
            stopwatch=stopwatch,
            report=report,
            is_stopped=is_stopped,
            on_stop=lambda item: end(item, None),
        )
        drawn = 0
        for group in self._groups(batch, model, jobs):
            drawn += len(group)
            for job in dict.fromkeys(row.job for row in group):
                if not job.is_drawn or job.is_stopped:
                    continue
                with stopwatch("encode"):
                    kept = keep_best(model, job)
                share = len(job.images) / drawn
                timings = {stage: seconds * share for stage, seconds in stopwatch.seconds.items()}
                timings["total"] = (time.perf_counter() - started) * share
                own = Stopwatch(self._store.device)
                with own("png"):
                    pictures = _finish(job, kept, scale=model.card.display_scale)
                timings["png"] = own.seconds["png"]
                timings["total"] += timings["png"]
                end(job.item, Drawing(pictures=pictures, timings=timings))

    def _groups(
        self, batch: Batch, model: LoadedModel, jobs: Sequence[Job]
    ) -> Iterator[Sequence[Row]]:
        """Draw the rows in groups, in ever smaller ones where memory ends; yield each when done."""
        request = jobs[0].request
        key = (request.model, request.height, request.width)
        limit = self._limits.get(key) or _rows_at_once(request, self._store.device)
        waiting = deque(
            group for alike in _alike(jobs, model) for group in _split(alike, limit or len(alike))
        )
        while waiting:
            group = [row for row in waiting.popleft() if not row.job.is_stopped]
            if not group:
                continue
            if batch.draw(group, waiting=waiting):
                yield group
                continue
            # Outside of any handler, so that the error's traceback no longer holds the tensors.
            if self._store.evict_others(request.model):
                waiting.appendleft(group)
                continue
            if len(group) == 1:
                raise NoMemoryError(_no_memory(request, self._store.device))
            limit = self._limits[key] = (len(group) + 1) // 2
            waiting.appendleft(group)
            waiting = deque(part for some in waiting for part in _split(some, limit))
            logger.warning("out of memory with %d pictures; trying %d", len(group), limit)


def _alike(jobs: Sequence[Job], model: LoadedModel) -> list[list[Row]]:
    """Return the rows of all jobs, those together whose prompts are equally long.

    A prompt that is lengthened to another one's length is another prompt to the UNet.
    """
    rows: dict[int, list[Row]] = {}
    for job in jobs:
        for row in job.rows():
            rows.setdefault(model.prompt_encoder.count_chunks(*row.text), []).append(row)
    return list(rows.values())


def _rows_at_once(request: DrawingRequest, device: Device) -> int | None:
    """Return how many pictures are drawn at once; None: as many as there are."""
    if device.torch_device.type != "cpu":
        return None
    return max(1, CPU_PIXELS_AT_ONCE // (request.height * request.width))


def _split(rows: Sequence[Row], limit: int) -> list[Sequence[Row]]:
    return [rows[start : start + limit] for start in range(0, len(rows), limit)]


def _no_memory(request: DrawingRequest, device: Device) -> str:
    return (
        f"One picture of {request.width} x {request.height} with {request.model!r} does not fit the"
        f" {device.memory_bytes / 2**30:.0f} GB of {device.name}; try a smaller size."
    )


def _finish(job: Job, kept: Sequence[Row], *, scale: int) -> list[Picture]:
    """Enlarge and encode the pictures, several at once: compression leaves Python's lock."""
    request = job.request
    request_json = json.dumps(request_to_json(request), ensure_ascii=False)

    def finish(row: Row) -> Picture:
        image = enlarge(job.images[row], scale, is_tile=request.circular_padding)
        metadata = {
            "Software": "Easel",
            "prompt": request.prompt,
            "model": request.model,
            "seed": str(row.seed),
            "request": request_json,
        }
        png = encode_png(image, metadata)
        return Picture(png=png, seed=row.seed, width=image.width, height=image.height)

    with ThreadPoolExecutor(max_workers=4) as pool:
        return list(pool.map(finish, kept))
