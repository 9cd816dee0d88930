"""A model's card: where it comes from, what it can do, and the settings that it does it best with.

Torch-free. Everything is checked here, at the door: a card that exists can be used.
"""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Literal

import msgspec

from engine.api import MAX_CANDIDATES, MAX_LCM_STEPS, MAX_SIDE, SIDE_STEP, Sampler

MAX_VERSION = 100
DISTILLED_SAMPLERS = frozenset({Sampler.LCM})
"""What only a model that was distilled to it draws anything with."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_REPO_ID = re.compile(r"[\w.-]+/[\w.-]+")


class ModelKind(StrEnum):
    """What a model is, and so of which parts it is made."""

    SDXL = "sdxl"
    """Draws from words: two text encoders, a UNet, an autoencoder, perhaps a refiner."""
    UNCLIP = "unclip"
    """Draws from pictures, with or without words: Stable unCLIP."""
    IP_ADAPTER = "ip_adapter"
    """Makes a model of kind `sdxl` draw from pictures too (arXiv 2308.06721)."""
    CAPTIONER = "captioner"
    """Writes what a picture shows: BLIP."""
    LORA = "lora"
    """Changes how a model of kind `sdxl` draws (arXiv 2106.09685)."""


class ImageUse(StrEnum):
    """What pictures in a prompt are for."""

    PROMPT = "prompt"
    """What they show is to be seen."""
    STYLE = "style"
    """Their style is to be seen."""
    CHARACTER = "character"
    """Whoever they show is to be seen."""


class Draft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a model draws a sketch: in few steps."""

    num_inference_steps: int
    guidance_scale: float
    sampler: Sampler = Sampler.EULER
    lora: str = ""
    """The card of the LoRA that distils the model to few steps; empty: it draws them as it is."""

    def __post_init__(self) -> None:
        _check_range("num_inference_steps", self.num_inference_steps, 1, MAX_LCM_STEPS)
        _check_range("guidance_scale", self.guidance_scale, 1, 30)


class ModelCard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model: where it comes from, and the settings that it draws best with."""

    name: str
    title: str
    kind: ModelKind = ModelKind.SDXL
    license: str
    """Shown before a download and in the model's card."""
    license_url: str = ""
    source: Literal["builtin", "hub", "folder"]
    """Comes with the package, is pulled from the hub, or lies in a folder of the operator's."""
    base: str = ""
    """The hub's repository id of the base model (`hub`), or the folder (`folder`)."""
    refiner: str = ""
    """The hub's repository id of the refiner; empty: none to pull."""
    revision: str = "main"
    """The hub's branch, tag or commit of the base model."""
    refiner_revision: str = "main"
    variant: str = ""
    """The hub's name for the weights' precision in file names, such as `fp16`."""
    sizes: tuple[tuple[int, int], ...] = ()
    """Sizes that the model was trained at, (width, height) in pixels; the first is the default."""
    num_inference_steps: int = 30
    guidance_scale: float = 5.0
    denoising_end: float = 1.0
    """Share of the schedule that the base model draws; below 1 only with a refiner."""
    has_refiner: bool = False
    has_unclip: bool = False
    """An unCLIP decoder of its own makes it draw from pictures."""
    blend_candidates: int = 1
    """Pictures drawn of a blend for each that is kept: the one that is most like all its parents.
    It takes as many times as long."""
    image_models: tuple[str, ...] = ()
    """Cards that draw from pictures for this model, or make it do so; the first on disk serves."""
    weight_name: str = ""
    """The file of an IP-Adapter or a LoRA."""
    character_weight_name: str = ""
    """The file of the IP-Adapter that was trained on faces, if there is one."""
    image_encoder_folder: str = ""
    """The folder of an IP-Adapter's CLIP image encoder."""
    max_prompt_tokens: int = 75
    """Tokens that the model reads at once; longer prompts are read in several pieces."""
    display_scale: int = 1
    """Finished pictures are enlarged this many times (Lanczos); for models of few pixels."""
    needs_accelerator: bool = False
    """Too slow to be the default without a GPU."""
    style_words: tuple[str, ...] = ()
    """What --stylize adds to a prompt, the most telling first."""
    version: float | None = None
    """Its number among the general models."""
    niji: float | None = None
    """Its number among the anime models."""
    samplers: tuple[Sampler, ...] = ()
    """Those of `DISTILLED_SAMPLERS` that it was made for, or, of a LoRA, makes a model fit for."""
    draft: Draft | None = None
    """None: it has no way to sketch."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(
                f"name: {self.name!r} is not lower-case letters, digits, '.', '_', '-'"
            )
        _check_source(self)
        _check_kind(self)
        for index, size in enumerate(self.sizes):
            for side in size:
                if not SIDE_STEP <= side <= MAX_SIDE or side % SIDE_STEP:
                    raise ValueError(
                        f"sizes[{index}]: {side} is not a multiple of {SIDE_STEP} up to {MAX_SIDE}"
                    )
        _check_range("num_inference_steps", self.num_inference_steps, 1, 200)
        _check_range("guidance_scale", self.guidance_scale, 1, 30)
        _check_range("denoising_end", self.denoising_end, 0.05, 1)
        _check_range("blend_candidates", self.blend_candidates, 1, MAX_CANDIDATES)
        _check_range("max_prompt_tokens", self.max_prompt_tokens, 1, 1000)
        _check_range("display_scale", self.display_scale, 1, 8)
        for field, number in (("version", self.version), ("niji", self.niji)):
            _check_range(field, number or 0, 0, MAX_VERSION)
        if self.denoising_end < 1 and not self.has_refiner:
            raise ValueError("denoising_end: is below 1, but has_refiner is not set")

    @property
    def draws(self) -> bool:
        """Whether pictures come out of it by itself."""
        return self.kind in {ModelKind.SDXL, ModelKind.UNCLIP}

    @property
    def weight_names(self) -> tuple[str, ...]:
        """The files of an IP-Adapter or a LoRA."""
        return tuple(name for name in (self.weight_name, self.character_weight_name) if name)

    @property
    def default_size(self) -> tuple[int, int]:
        """Width and height of a picture when nothing else is asked for."""
        return self.sizes[0]


_FIELDS_OF_KINDS = {
    "weight_name": (ModelKind.IP_ADAPTER, ModelKind.LORA),
    "image_encoder_folder": (ModelKind.IP_ADAPTER,),
}


def _check_range(field: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ValueError(f"{field}: {value} is outside {low:g} to {high:g}")


def _check_kind(card: ModelCard) -> None:
    if card.draws and not card.sizes:
        raise ValueError("sizes: is empty; give at least one [width, height]")
    for field, kinds in _FIELDS_OF_KINDS.items():
        if bool(getattr(card, field)) != (card.kind in kinds):
            names = " and ".join(kinds)
            raise ValueError(f"{field}: belongs to models of kind {names}, and to all of them")
    if card.kind is ModelKind.LORA and not card.weight_name.endswith(".safetensors"):
        raise ValueError(f"weight_name: {card.weight_name!r} is not a .safetensors")
    for field in ("weight_name", "character_weight_name", "image_encoder_folder"):
        path = PurePosixPath(getattr(card, field))
        if path.is_absolute() or ".." in path.parts:
            raise ValueError(f"{field}: {str(path)!r} is not a path inside the model's folder")
    if card.kind is not ModelKind.SDXL and (card.has_unclip or card.image_models):
        raise ValueError("has_unclip and image_models: belong to models of kind sdxl only")


def _check_source(card: ModelCard) -> None:
    match card.source:
        case "hub":
            for field in ("base", "refiner"):
                repo_id = getattr(card, field)
                if not _REPO_ID.fullmatch(repo_id) and (repo_id or field == "base"):
                    raise ValueError(f"{field}: {repo_id!r} is not a repository such as org/name")
            if card.has_refiner != bool(card.refiner):
                raise ValueError(
                    "has_refiner: must be set if and only if refiner names a repository"
                )
        case "folder":
            if not Path(card.base).is_absolute():
                raise ValueError(f"base: {card.base!r} is not the absolute path of a folder")
        case "builtin":
            if card.base:
                raise ValueError("base: a built-in model has its own folder; leave it out")
