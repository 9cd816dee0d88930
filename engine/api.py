"""The engine's face: what may be asked of it, what it answers, and who can carry that out.

Torch-free on purpose: the bot imports this module, and a bot process never loads torch. Requests
and events are frozen `msgspec` structs of plain values, so the same classes are the arguments of a
call, the frames between two processes and the JSON that is stored with a job and drawn again on a
re-roll years later.

Errors::

    RequestError        a request that no engine could draw: names the field, the value, the range
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol

import msgspec

REQUEST_VERSION = 1
"""Stored beside every request. Raise it when a field changes its meaning, and convert on read."""

MAX_SEED = 2**32 - 1
MAX_IMAGES = 16
MAX_SIDE = 4096
SIDE_STEP = 8
MAX_PROMPT_CHARACTERS = 8000
MAX_LCM_STEPS = 50
"""Steps of the teacher's schedule that LCM picks its own from."""


class Sampler(StrEnum):
    """How the noise is taken out, step by step. Names as AUTOMATIC1111's web UI has them."""

    EULER = "Euler"
    """EulerDiscreteScheduler: algorithm 2 of Karras et al., arXiv 2206.00364, without churn."""
    EULER_A = "Euler a"
    """EulerAncestralDiscreteScheduler: new noise at every step."""
    HEUN = "Heun"
    """HeunDiscreteScheduler: two looks at every step but the last, so twice the time."""
    LMS = "LMS"
    """LMSDiscreteScheduler: linear multistep of order 4."""
    DDIM = "DDIM"
    """DDIMScheduler: arXiv 2010.02502, eta 0."""
    DPM_2M = "DPM++ 2M"
    """DPMSolverMultistepScheduler: arXiv 2211.01095, order 2."""
    DPM_2M_KARRAS = "DPM++ 2M Karras"
    """The same on the noise levels of Karras et al., equation 5."""
    DPM_SDE_KARRAS = "DPM++ SDE Karras"
    """DPMSolverSDEScheduler: new noise at every step, and two looks at all but the last."""
    UNIPC = "UniPC"
    """UniPCMultistepScheduler: arXiv 2302.04867."""
    LCM = "LCM"
    """LCMScheduler: arXiv 2310.04378; for models distilled to it, in at most 50 steps."""


class RequestError(ValueError):
    """A request that no engine could draw.

    `field` is the name of the field, `reason` a sentence that gives the value and the range.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


def _check_range(field: str, value: float, low: float, high: float) -> None:
    # NaN compares false with everything, so the test is written to refuse it.
    if not (low <= value <= high):
        raise RequestError(field, f"{value} is outside {low:g} to {high:g}")


class _Drawing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields that every way of drawing shares. Names and meanings are those of diffusers."""

    model: str
    """A name in the catalog."""
    prompt: str
    negative_prompt: str = ""
    height: int
    """Pixels, a multiple of 8, up to 4096."""
    width: int
    """Pixels, a multiple of 8, up to 4096."""
    seed: int
    """0 to 2**32 - 1. Picture i is drawn from `(seed + i) % 2**32`, whatever the batch."""
    same_seed: bool = False
    """Every picture is drawn from `seed` itself."""
    num_images: int = 4
    num_inference_steps: int = 30
    """Steps of the whole schedule, shared out between base and refiner by `denoising_end`."""
    guidance_scale: float = 5.0
    """w of equation 2 of the Imagen paper; 1 switches guidance off."""
    denoising_end: float = 1.0
    """Share of the schedule that the base model draws; the refiner draws the rest. 1: none."""
    aesthetic_score: float = 6.0
    """The refiner's condition, 0 to 10 (SDXL paper, section 2.5)."""
    negative_aesthetic_score: float = 2.5
    condition_noise: float = 0.0
    """Strength of the annealed noise on the condition, 0 to 1 (CADS, arXiv 2310.17347). 0: none."""
    sampler: Sampler = Sampler.EULER

    def __post_init__(self) -> None:
        if not self.model:
            raise RequestError("model", "is empty; give a name from the catalog")
        for field, text in (("prompt", self.prompt), ("negative_prompt", self.negative_prompt)):
            if len(text) > MAX_PROMPT_CHARACTERS:
                raise RequestError(field, f"has {len(text)} characters, the limit is 8000")
        for field, side in (("height", self.height), ("width", self.width)):
            _check_range(field, side, SIDE_STEP, MAX_SIDE)
            if side % SIDE_STEP:
                raise RequestError(field, f"{side} is not a multiple of {SIDE_STEP}")
        _check_range("seed", self.seed, 0, MAX_SEED)
        _check_range("num_images", self.num_images, 1, MAX_IMAGES)
        _check_range("num_inference_steps", self.num_inference_steps, 1, 200)
        _check_range("guidance_scale", self.guidance_scale, 1, 30)
        _check_range("denoising_end", self.denoising_end, 0.05, 1)
        _check_range("aesthetic_score", self.aesthetic_score, 0, 10)
        _check_range("negative_aesthetic_score", self.negative_aesthetic_score, 0, 10)
        _check_range("condition_noise", self.condition_noise, 0, 1)
        if self.sampler is Sampler.LCM:
            _check_range("num_inference_steps", self.num_inference_steps, 1, MAX_LCM_STEPS)

    def seed_of(self, image_index: int) -> int:
        """Return the seed that picture `image_index` (from 0) is drawn from."""
        return self.seed if self.same_seed else (self.seed + image_index) % (MAX_SEED + 1)


class TextToImage(_Drawing, frozen=True, kw_only=True, tag="text_to_image"):
    """Draw pictures from words: base model, then refiner, as an ensemble of experts."""


class ImageToImage(_Drawing, frozen=True, kw_only=True, tag="image_to_image"):
    """Draw pictures from words, starting at a noised picture (SDEdit, arXiv 2108.01073)."""

    image: str
    """sha256 of the picture to start from, in hexadecimal; its bytes travel in `WorkItem.blobs`."""
    strength: float = 0.6
    """Share of the schedule that is drawn anew: 0 returns the picture, 1 forgets it."""

    def __post_init__(self) -> None:
        # A slotted struct is made anew by its decorator, so `super()` without arguments fails here.
        _Drawing.__post_init__(self)
        _check_range("strength", self.strength, 0.01, 1)
        if len(self.image) != 64 or not set(self.image) <= set("0123456789abcdef"):
            raise RequestError("image", f"{self.image[:80]!r} is not a sha256 in hexadecimal")
        if math.floor(self.num_inference_steps * self.strength) < 1:
            raise RequestError(
                "strength",
                f"{self.strength} of {self.num_inference_steps} steps is less than one step",
            )


Request = TextToImage | ImageToImage


def request_to_json(request: Request) -> dict[str, Any]:
    """Return the request as plain JSON values, with its version and its kind."""
    fields: dict[str, Any] = msgspec.to_builtins(request)
    return {"version": REQUEST_VERSION, **fields}


def request_from_json(value: Mapping[str, Any]) -> Request:
    """Read back what `request_to_json` wrote. Raises RequestError for anything else."""
    fields = dict(value)
    version = fields.pop("version", None)
    if version != REQUEST_VERSION:
        raise RequestError("version", f"{version!r} is not {REQUEST_VERSION}")
    try:
        request: Request = msgspec.convert(fields, Request)
    except msgspec.ValidationError as error:
        raise RequestError("request", str(error)) from error
    return request


class WorkItem(msgspec.Struct, frozen=True, kw_only=True):
    """A request on its way to a worker, under the name of its job and the fence of its claim."""

    job_id: int
    fence: int
    request: Request
    blobs: dict[str, bytes] = {}
    """The pictures that the request names, by sha256."""


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """One finished picture."""

    png: bytes
    """PNG, RGB, without alpha; its text chunks hold the prompt and the request."""
    seed: int
    width: int
    height: int


class FailureKind(StrEnum):
    """Why a job could not be drawn."""

    OUT_OF_MEMORY = "out_of_memory"
    """Even one picture at a time did not fit the device."""
    INVALID = "invalid"
    """The request names a model that is not there, or asks what that model cannot do."""
    INTERNAL = "internal"
    """Anything else; the log has the traceback."""


class Started(msgspec.Struct, frozen=True, kw_only=True, tag="started"):
    """The worker has begun this job (it may load a model first)."""

    job_id: int
    fence: int


class Progress(msgspec.Struct, frozen=True, kw_only=True, tag="progress"):
    """A step is done. Droppable: only the latest one matters."""

    job_id: int
    fence: int
    step: int
    """Steps done, 1 to `total`, base and refiner counted together."""
    total: int
    preview: bytes | None = None
    """The grid as it looks now: a small WebP, RGB."""


class Finished(msgspec.Struct, frozen=True, kw_only=True, tag="finished"):
    """The job is drawn."""

    job_id: int
    fence: int
    pictures: list[Picture]
    timings: dict[str, float]
    """Seconds by stage: load, encode, base, refiner, decode, png, total."""


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag="failed"):
    """The job cannot be drawn."""

    job_id: int
    fence: int
    kind: FailureKind
    message: str
    """One sentence for the user, with what to do instead where that is known."""


class Cancelled(msgspec.Struct, frozen=True, kw_only=True, tag="cancelled"):
    """The job was stopped because `Executor.cancel` asked for it."""

    job_id: int
    fence: int


class Lost(msgspec.Struct, frozen=True, kw_only=True, tag="lost"):
    """The worker died under this job; nothing of it is left. It may be drawn again."""

    job_id: int
    fence: int
    reason: str


Event = Started | Progress | Finished | Failed | Cancelled | Lost


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """One device that draws one job at a time."""

    id: str
    device: str
    """torch's name: `cpu`, `cuda:0`, `mps`."""
    device_name: str
    memory_bytes: int
    """Memory of the device (for `cpu`: of the machine)."""
    ready: bool
    """Alive and free to take a job."""
    loaded: frozenset[str]
    """Models in the device's memory now."""
    job_id: int | None
    """The job being drawn."""


class Executor(Protocol):
    """Whoever draws: child processes on this machine, or actors on many. Owns nothing durable."""

    async def start(self) -> None:
        """Start the workers; return when at least one can take a job."""

    async def aclose(self) -> None:
        """Stop the workers. Jobs that are being drawn are lost."""

    def slots(self) -> Sequence[Slot]:
        """Return every slot as it is now."""

    async def submit(self, slot_id: str, item: WorkItem) -> None:
        """Hand a job to a slot that is `ready`. Raises LookupError when the slot is not."""

    async def cancel(self, job_id: int, *, grace_seconds: float = 10.0) -> None:
        """Ask for a stop at the next step; after the grace, kill the worker.

        Nothing happens for a job that is not being drawn.
        """

    def events(self) -> AsyncIterator[Event]:
        """Yield what happens, in order for each job, until the executor is closed. One reader."""
