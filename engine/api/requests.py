"""What may be asked of the engine. Every request checks itself when it is made."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from engine.api.checks import RequestError, check_image, check_model, check_prompt, check_range
from engine.api.conditions import MAX_LORAS, ImageCondition, LoraWeight

REQUEST_VERSION = 1
"""Stored beside every request. Raise it when a field changes its meaning, and convert on read."""

MAX_SEED = 2**32 - 1
MAX_IMAGES = 16
MAX_CANDIDATES = 8
MAX_SIDE = 4096
SIDE_STEP = 8
MAX_LCM_STEPS = 50
"""Steps of the teacher's schedule that LCM picks its own from."""
MAX_CLIP_SKIP = 2
"""Layers that any text encoder of this family can do without."""


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
    """0 to 2**32 - 1. Picture i is drawn from `(seed + i) % 2**32`, whatever the batch; its further
    candidates from the seeds that lie 16, 32, ... beyond."""
    same_seed: bool = False
    """Every picture is drawn from `seed` itself."""
    num_images: int = 4
    num_candidates: int = 1
    """Pictures drawn for each that is kept: the one that is most like all those that it blends."""
    num_inference_steps: int = 30
    """Steps of the whole schedule, shared out between base and refiner by `denoising_end`."""
    guidance_scale: float = 5.0
    """w of equation 2 of the Imagen paper; 1 switches guidance off."""
    guidance_rescale: float = 0.0
    """phi of arXiv 2305.08891, section 3.4, 0 to 1. 0: none."""
    mimic_scale: float = 0.0
    """Dynamic thresholding: the guidance scale whose range is not left. 0: none."""
    clip_skip: int = 0
    """Layers of the text encoders that are left out, beside the last one."""
    denoising_end: float = 1.0
    """Share of the schedule that the base model draws; the refiner draws the rest. 1: none."""
    aesthetic_score: float = 6.0
    """The refiner's condition, 0 to 10 (SDXL paper, section 2.5)."""
    negative_aesthetic_score: float = 2.5
    condition_noise: float = 0.0
    """Strength of the annealed noise on the condition, 0 to 1 (CADS, arXiv 2310.17347). 0: none."""
    condition_rotation: float = 0.0
    """Angle by which the condition is turned toward a random direction, 0 to 1 (a right angle)."""
    stop_at: float = 1.0
    """Share of the steps that are drawn, above 0; what they predict is decoded. 1: all of them."""
    circular_padding: bool = False
    """Opposite edges meet, so that the picture can be laid beside itself without a seam."""
    sampler: Sampler = Sampler.EULER
    image_prompt: ImageCondition | None = None
    """Pictures whose contents are to be seen."""
    style_reference: ImageCondition | None = None
    """Pictures whose style is to be seen, and not what they show."""
    character_reference: ImageCondition | None = None
    """Pictures of somebody who is to be seen."""
    loras: tuple[LoraWeight, ...] = ()
    """Added to the base model and its text encoders; a refiner has none. Names differ."""

    def __post_init__(self) -> None:
        check_model(self.model)
        for field, text in (("prompt", self.prompt), ("negative_prompt", self.negative_prompt)):
            check_prompt(field, text)
        for field, side in (("height", self.height), ("width", self.width)):
            check_range(field, side, SIDE_STEP, MAX_SIDE)
            if side % SIDE_STEP:
                raise RequestError(field, f"{side} is not a multiple of {SIDE_STEP}")
        check_range("seed", self.seed, 0, MAX_SEED)
        check_range("num_images", self.num_images, 1, MAX_IMAGES)
        check_range("num_candidates", self.num_candidates, 1, MAX_CANDIDATES)
        is_blend = self.image_prompt is not None and self.image_prompt.is_blend
        if self.num_candidates > 1 and not is_blend:
            raise RequestError(
                "num_candidates", "chooses among blends; give two pictures, or ask 1"
            )
        check_range("num_inference_steps", self.num_inference_steps, 1, 200)
        check_range("guidance_scale", self.guidance_scale, 1, 30)
        check_range("guidance_rescale", self.guidance_rescale, 0, 1)
        check_range("mimic_scale", self.mimic_scale, 0, 30)
        check_range("clip_skip", self.clip_skip, 0, MAX_CLIP_SKIP)
        check_range("denoising_end", self.denoising_end, 0.05, 1)
        check_range("aesthetic_score", self.aesthetic_score, 0, 10)
        check_range("negative_aesthetic_score", self.negative_aesthetic_score, 0, 10)
        check_range("condition_noise", self.condition_noise, 0, 1)
        check_range("condition_rotation", self.condition_rotation, 0, 1)
        check_range("stop_at", self.stop_at, 0.01, 1)
        check_range("loras", len(self.loras), 0, MAX_LORAS)
        if len({lora.name for lora in self.loras}) < len(self.loras):
            raise RequestError("loras", "names one twice")
        if self.sampler is Sampler.LCM:
            check_range("num_inference_steps", self.num_inference_steps, 1, MAX_LCM_STEPS)

    @property
    def num_drawn(self) -> int:
        """Return how many pictures are drawn; fewer are kept where there are candidates."""
        return self.num_images * self.num_candidates

    def seed_of(self, image_index: int, candidate: int = 0) -> int:
        """Return the seed of a candidate for picture `image_index`, both from 0."""
        return self.condition_seed_of(0 if self.same_seed else image_index, candidate)

    def condition_seed_of(self, image_index: int, candidate: int = 0) -> int:
        """Return the seed of what pulls it its own way, `same_seed` or not."""
        return (self.seed + candidate * MAX_IMAGES + image_index) % (MAX_SEED + 1)

    def image_names(self) -> frozenset[str]:
        """Return the sha256 of every picture that the request needs."""
        conditions = (self.image_prompt, self.style_reference, self.character_reference)
        return frozenset(
            weighted.image for some in conditions if some is not None for weighted in some.images
        )


class TextToImage(_Drawing, frozen=True, kw_only=True, tag="text_to_image"):
    """Draw pictures from words and from pictures as prompts, starting at noise.

    Base model, then refiner, as an ensemble of experts.
    """


class ImageToImage(_Drawing, frozen=True, kw_only=True, tag="image_to_image"):
    """Draw pictures in the same way, starting at a noised picture (SDEdit, arXiv 2108.01073)."""

    image: str
    """sha256 of the picture to start from, in hexadecimal; its bytes travel in `WorkItem.blobs`."""
    strength: float = 0.6
    """Share of the schedule that is drawn anew: 0 returns the picture, 1 forgets it."""
    source_seed: int | None = None
    """The seed that the picture was drawn from, if that is known and its noise is to be kept."""
    noise_interpolation: float = 1.0
    """From the noise of `source_seed` (0) to noise of its own (1), on the sphere between them."""

    def __post_init__(self) -> None:
        # A slotted struct is made anew by its decorator, so `super()` without arguments fails here.
        _Drawing.__post_init__(self)
        check_range("strength", self.strength, 0.01, 1)
        check_image("image", self.image)
        check_range("source_seed", self.source_seed or 0, 0, MAX_SEED)
        check_range("noise_interpolation", self.noise_interpolation, 0, 1)
        if math.floor(self.num_inference_steps * self.strength) < 1:
            raise RequestError(
                "strength",
                f"{self.strength} of {self.num_inference_steps} steps is less than one step",
            )

    def image_names(self) -> frozenset[str]:
        """Return the sha256 of every picture that the request needs."""
        return _Drawing.image_names(self) | {self.image}


class Describe(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="describe"
):
    """Find words for a picture. Answered with `Described`."""

    model: str
    """A name in the catalog: one that writes captions, or one that knows its own vocabulary."""
    image: str
    """sha256 of the picture, in hexadecimal; its bytes travel in `WorkItem.blobs`."""
    seed: int = 0
    """0 to 2**32 - 1. Another seed finds other words."""

    def __post_init__(self) -> None:
        check_model(self.model)
        check_image("image", self.image)
        check_range("seed", self.seed, 0, MAX_SEED)

    def image_names(self) -> frozenset[str]:
        """Return the sha256 of every picture that the request needs."""
        return frozenset({self.image})


class Shorten(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="shorten"):
    """Find the words that matter in a prompt. Answered with `Shortened`."""

    model: str
    """A name in the catalog: whose understanding of the prompt counts."""
    prompt: str

    def __post_init__(self) -> None:
        check_model(self.model)
        check_prompt("prompt", self.prompt)
        if not self.prompt.strip():
            raise RequestError("prompt", "is empty; there is nothing to shorten")

    def image_names(self) -> frozenset[str]:
        """Return the sha256 of every picture that the request needs: none."""
        return frozenset()


DrawingRequest = TextToImage | ImageToImage
"""What is answered with pictures."""
Request = DrawingRequest | Describe | Shorten


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


_OF_A_PICTURE = frozenset({"prompt", "negative_prompt", "seed", "same_seed", "num_images"})


def batch_key(request: Request) -> str | None:
    """Return what requests must share to be drawn as one batch; None: it is drawn alone.

    All but what each picture has for itself: a field that is added is shared until said otherwise.
    """
    if not isinstance(request, TextToImage):
        return None
    fields = request_to_json(request)
    shared = {name: value for name, value in fields.items() if name not in _OF_A_PICTURE}
    return hashlib.sha256(json.dumps(shared, sort_keys=True).encode()).hexdigest()
