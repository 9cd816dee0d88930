"""The painter: one request in, finished pictures out, on one device.

It knows models, pipelines and pictures, and nothing of processes or pipes: any executor's worker
can own one. Pictures that do not fit the device's memory together are drawn in smaller groups;
since each has its own seed, nobody can tell from the result.

Errors::

    Stopped                 the job was asked to stop; raised within one step
    NoMemoryError           even one picture at a time did not fit
    RequestError            asks what the model cannot do
    UnknownModelError       names no model of the catalog
    ModelError              names a model that cannot be loaded
    ImageRefusedError       the picture to start from cannot be decoded
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import assert_never

import torch
from PIL import Image

from engine.api import (
    DrawingRequest,
    ImageToImage,
    Picture,
    RequestError,
    TextToImage,
    WorkItem,
    request_to_json,
)
from engine.devices import Device, is_out_of_memory
from engine.images import encode_png, encode_preview, enlarge, open_image
from engine.models.loading import LoadedModel
from engine.models.store import ModelStore
from engine.pipelines.decode import to_images
from engine.pipelines.image_to_image import image_to_image
from engine.pipelines.stopwatch import Stopwatch
from engine.pipelines.text_to_image import text_to_image

logger = logging.getLogger(__name__)

PREVIEW_SECONDS = 0.4
"""A preview costs a wait for the device, and nobody sees more of them."""
CPU_PIXELS_AT_ONCE = 1024 * 1024
"""A CPU gains nothing from larger batches, and its memory is the machine's."""

Report = Callable[[int, int, bytes | None], None]
"""Called after each step: steps done, steps in all, perhaps a preview."""


class Stopped(Exception):  # noqa: N818 - it is asked for, not an error
    """The job was asked to stop."""


class NoMemoryError(RuntimeError):
    """Even one picture at a time did not fit the device."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """What came of a request."""

    pictures: list[Picture]
    timings: dict[str, float]
    """Seconds by stage: load, encode, base, refiner, decode, png, total."""


class Painter:
    """Draws requests, one at a time."""

    def __init__(self, store: ModelStore) -> None:
        self._store = store
        self._limits: dict[tuple[str, int, int], int] = {}
        """Pictures that fit at once, learned from running out: by model, height and width."""

    @property
    def loaded(self) -> frozenset[str]:
        """Names of the models in memory."""
        return self._store.loaded

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

    def draw(self, item: WorkItem, *, report: Report, is_stopped: Callable[[], bool]) -> Drawing:
        """Draw every picture of the request."""
        started = time.perf_counter()
        request = item.request
        if not isinstance(request, DrawingRequest):
            raise RequestError("request", "asks for words; a painter draws pictures")
        image = _start_image(item)
        stopwatch = Stopwatch(self._store.device)
        with stopwatch("load"):
            model = self._store.get(request.model)
            self._store.apply_loras(model, request.loras)
        job = _Job(
            model=model,
            request=request,
            image=image,
            stopwatch=stopwatch,
            report=report,
            is_stopped=is_stopped,
        )
        images = self._draw_groups(job)
        with stopwatch("png"):
            pictures = _finish(images, request, scale=model.card.display_scale)
        timings = stopwatch.seconds | {"total": time.perf_counter() - started}
        return Drawing(pictures=pictures, timings=timings)

    def _draw_groups(self, job: _Job) -> list[Image.Image]:
        """Draw the pictures in groups, and in ever smaller ones where memory ends."""
        key = (job.request.model, job.request.height, job.request.width)
        limit = self._limits.get(key) or _group_limit(job.request, self._store.device)
        waiting = deque(_split(range(job.request.num_images), limit))
        while waiting:
            group = waiting.popleft()
            if job.draw(group, groups_left=len(waiting) + 1):
                continue
            # Outside of any handler, so that the error's traceback no longer holds the tensors.
            if self._store.evict_others(job.request.model):
                waiting.appendleft(group)
                continue
            if len(group) == 1:
                raise NoMemoryError(_no_memory(job.request, self._store.device))
            limit = self._limits[key] = (len(group) + 1) // 2
            waiting.appendleft(group)
            waiting = deque(part for some in waiting for part in _split(some, limit))
            logger.warning("out of memory with %d pictures; trying %d", len(group), limit)
        return job.images()


class _Job:
    """One request while it is being drawn."""

    def __init__(
        self,
        *,
        model: LoadedModel,
        request: DrawingRequest,
        image: Image.Image | None,
        stopwatch: Stopwatch,
        report: Report,
        is_stopped: Callable[[], bool],
    ) -> None:
        self._model = model
        self._request = request
        self._image = image
        self._stopwatch = stopwatch
        self._report = report
        self._is_stopped = is_stopped
        self._images: list[Image.Image | None] = [None] * request.num_images
        self._previews: dict[int, Image.Image] = {}
        self._groups_done = 0
        self._shown: bytes | None = None
        self._next_preview = 0.0

    @property
    def request(self) -> DrawingRequest:
        """What is being drawn."""
        return self._request

    def images(self) -> list[Image.Image]:
        """Return the finished pictures, in order."""
        return [image for image in self._images if image is not None]

    def draw(self, group: range, *, groups_left: int) -> bool:
        """Draw these pictures; return False when memory ended."""
        if self._is_stopped():
            raise Stopped
        groups = self._groups_done + groups_left

        def on_step(step: int, total: int, predicted: torch.Tensor) -> None:
            if self._is_stopped():
                raise Stopped
            step += self._groups_done * total
            self._report(step, groups * total, self._preview(group, predicted))

        try:
            pixels = self._run(group, on_step)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            return False
        for image_index, image in zip(group, to_images(pixels), strict=True):
            self._images[image_index] = self._previews[image_index] = image
        self._groups_done += 1
        return True

    def _run(self, group: range, on_step: Callable[[int, int, torch.Tensor], None]) -> torch.Tensor:
        seeds = [self._request.seed_of(image_index) for image_index in group]
        condition_seeds = [self._request.condition_seed_of(image_index) for image_index in group]
        match self._request:
            case TextToImage() as request:
                return text_to_image(
                    self._model,
                    request,
                    seeds=seeds,
                    condition_seeds=condition_seeds,
                    on_step=on_step,
                    stopwatch=self._stopwatch,
                )
            case ImageToImage() as request:
                if self._image is None:
                    raise RequestError("image", "did not come with the request")
                return image_to_image(
                    self._model,
                    request,
                    self._image,
                    seeds=seeds,
                    condition_seeds=condition_seeds,
                    on_step=on_step,
                    stopwatch=self._stopwatch,
                )
            case _:
                assert_never(self._request)

    def _preview(self, group: range, predicted: torch.Tensor) -> bytes | None:
        """Return all pictures as they look now, or as they looked a moment ago.

        Progress may be dropped on its way, so each one carries the whole of what is to be seen.
        """
        now = time.monotonic()
        if now < self._next_preview:
            return self._shown
        self._next_preview = now + PREVIEW_SECONDS
        rough = self._model.preview.to_images(predicted)
        self._previews.update(zip(group, rough, strict=True))
        size = (self._request.width, self._request.height)
        blank = Image.new("RGB", size, "#2b2d31")
        shown = [self._previews.get(index, blank) for index in range(self._request.num_images)]
        self._shown = encode_preview([image.resize(size) for image in shown])
        return self._shown


def _start_image(item: WorkItem) -> Image.Image | None:
    """Return the picture that the request starts from. Raises RequestError, ImageRefusedError."""
    if not isinstance(item.request, ImageToImage):
        return None
    data = item.blobs.get(item.request.image)
    if data is None or hashlib.sha256(data).hexdigest() != item.request.image:
        raise RequestError("image", "did not come with the request, or came damaged")
    return open_image(data)


def _group_limit(request: DrawingRequest, device: Device) -> int:
    if device.torch_device.type != "cpu":
        return request.num_images
    return max(1, CPU_PIXELS_AT_ONCE // (request.height * request.width))


def _split(indices: range, limit: int) -> list[range]:
    return [indices[start : start + limit] for start in range(0, len(indices), limit)]


def _no_memory(request: DrawingRequest, device: Device) -> str:
    return (
        f"One picture of {request.width} x {request.height} with {request.model!r} does not fit the"
        f" {device.memory_bytes / 2**30:.0f} GB of {device.name}; try a smaller size."
    )


def _finish(images: Sequence[Image.Image], request: DrawingRequest, *, scale: int) -> list[Picture]:
    """Enlarge and encode the pictures, several at once: compression leaves Python's lock."""
    request_json = json.dumps(request_to_json(request), ensure_ascii=False)

    def finish(image_index: int) -> Picture:
        image = enlarge(images[image_index], scale, is_tile=request.circular_padding)
        seed = request.seed_of(image_index)
        metadata = {
            "Software": "Easel",
            "prompt": request.prompt,
            "model": request.model,
            "seed": str(seed),
            "request": request_json,
        }
        png = encode_png(image, metadata)
        return Picture(png=png, seed=seed, width=image.width, height=image.height)

    with ThreadPoolExecutor(max_workers=4) as pool:
        return list(pool.map(finish, range(len(images))))
