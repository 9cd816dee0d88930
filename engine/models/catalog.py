"""The catalog: every model that a request may name, as plain values.

Torch-free, because the bot reads it too. The built-in entries are `catalog.toml` beside this
module; an operator's own TOML file adds entries or overrides fields of these. Everything is
checked here, at the door: a card that exists can be used.

Errors::

    CatalogError            a file that cannot be used: names the file, the model and the field
    UnknownModelError       a name that is not in the catalog: says which one may have been meant
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from engine.api import MAX_SIDE, SIDE_STEP

BUILTIN = Path(__file__).with_name("catalog.toml")
POCKET_WEIGHTS = Path(__file__).parent.parent / "pocket" / "weights"

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_REPO_ID = re.compile(r"[\w.-]+/[\w.-]+")
_LOADED_FOLDERS = ("text_encoder", "text_encoder_2", "unet", "vae")
_LOADED_FILES = ("scheduler/scheduler_config.json", "tokenizer", "tokenizer_2", "model_index.json")


class CatalogError(ValueError):
    """A catalog file that cannot be used."""


class UnknownModelError(LookupError):
    """A name that is not in the catalog."""

    def __str__(self) -> str:
        return str(self.args[0])


class ModelCard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model: where it comes from, and the settings that it draws best with."""

    name: str
    title: str
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
    sizes: tuple[tuple[int, int], ...]
    """Sizes that the model was trained at, (width, height) in pixels; the first is the default."""
    num_inference_steps: int = 30
    guidance_scale: float = 5.0
    denoising_end: float = 1.0
    """Share of the schedule that the base model draws; below 1 only with a refiner."""
    has_refiner: bool = False
    max_prompt_tokens: int = 75
    """Tokens that the model reads at once; longer prompts are read in several pieces."""
    display_scale: int = 1
    """Finished pictures are enlarged this many times (Lanczos); for models of few pixels."""
    needs_accelerator: bool = False
    """Too slow to be the default without a GPU."""
    style_words: tuple[str, ...] = ()
    """What --stylize adds to a prompt, the most telling first."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(
                f"name: {self.name!r} is not lower-case letters, digits, '.', '_', '-'"
            )
        _check_source(self)
        if not self.sizes:
            raise ValueError("sizes: is empty; give at least one [width, height]")
        for index, size in enumerate(self.sizes):
            for side in size:
                if not SIDE_STEP <= side <= MAX_SIDE or side % SIDE_STEP:
                    raise ValueError(
                        f"sizes[{index}]: {side} is not a multiple of {SIDE_STEP} up to {MAX_SIDE}"
                    )
        _check_range("num_inference_steps", self.num_inference_steps, 1, 200)
        _check_range("guidance_scale", self.guidance_scale, 1, 30)
        _check_range("denoising_end", self.denoising_end, 0.05, 1)
        _check_range("max_prompt_tokens", self.max_prompt_tokens, 1, 1000)
        _check_range("display_scale", self.display_scale, 1, 8)
        if self.denoising_end < 1 and not self.has_refiner:
            raise ValueError("denoising_end: is below 1, but has_refiner is not set")

    @property
    def default_size(self) -> tuple[int, int]:
        """Width and height of a picture when nothing else is asked for."""
        return self.sizes[0]


def _check_range(field: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ValueError(f"{field}: {value} is outside {low:g} to {high:g}")


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


class Catalog(Mapping[str, ModelCard]):
    """Cards by name. `catalog[name]` raises UnknownModelError."""

    def __init__(self, cards: Sequence[ModelCard]) -> None:
        self._cards = {card.name: card for card in cards}

    @classmethod
    def load(cls, extra: Path | None = None) -> Catalog:
        """Read the built-in entries and the operator's. Raises CatalogError."""
        tables = _read(BUILTIN)
        for name, table in (_read(extra) if extra else {}).items():
            tables[name] = tables.get(name, {}) | table
        return cls([_card(name, table, extra or BUILTIN) for name, table in tables.items()])

    def __getitem__(self, name: str) -> ModelCard:
        if name in self._cards:
            return self._cards[name]
        close = difflib.get_close_matches(name, self._cards, n=1)
        hint = f"Did you mean {close[0]!r}?" if close else f"There are: {', '.join(self._cards)}."
        raise UnknownModelError(f"There is no model {name!r}. {hint}")

    def __iter__(self) -> Iterator[str]:
        return iter(self._cards)

    def __len__(self) -> int:
        return len(self._cards)

    def __contains__(self, name: object) -> bool:
        return name in self._cards

    def available(self, models_dir: Path) -> frozenset[str]:
        """Return the names of the models that are on disk, complete."""
        return frozenset(
            name for name, card in self._cards.items() if locate(card, models_dir) is not None
        )

    def default(self, devices: Sequence[str], models_dir: Path) -> ModelCard:
        """Return the model for prompts that name none.

        With an accelerator among `devices` (torch's names), the first model on disk that wants
        one; else the first on disk that does not.
        """
        has_accelerator = any(device.partition(":")[0] != "cpu" for device in devices)
        available = self.available(models_dir)
        on_disk = [card for name, card in self._cards.items() if name in available]
        for needs_accelerator in (True, False) if has_accelerator else (False,):
            for card in on_disk:
                if card.needs_accelerator == needs_accelerator:
                    return card
        raise UnknownModelError("No model is on this machine, not even the built-in one.")


def locate(card: ModelCard, models_dir: Path) -> Path | None:
    """Return the folder of the model's base pipeline, or None when it is not complete on disk.

    Pulled models lie in `<models_dir>/<name>/base`, with `refiner` beside it; a model that comes as
    one folder may have its refiner in `refiner` within.
    """
    match card.source:
        case "builtin":
            folder = POCKET_WEIGHTS
        case "hub":
            folder = models_dir / card.name / "base"
        case "folder":
            folder = Path(card.base)
    parts = [folder / name for name in _LOADED_FOLDERS]
    if card.has_refiner:
        parts.append(refiner_folder(folder) / "unet")
    is_complete = all(has_weights(part) for part in parts) and all(
        (folder / name).exists() for name in _LOADED_FILES
    )
    return folder if is_complete else None


def refiner_folder(base: Path) -> Path:
    """Return where the refiner of the pipeline in `base` lies, whether or not it is there."""
    return base.with_name("refiner") if base.name == "base" else base / "refiner"


def has_weights(folder: Path) -> bool:
    """Return whether a component's folder holds a configuration and safetensors."""
    return (folder / "config.json").exists() and any(folder.glob("*.safetensors"))


def _read(file: Path) -> dict[str, dict[str, Any]]:
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CatalogError(f"{file}: {error}") from error
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise CatalogError(f"{file}: {name!r} is not a table; write [{name}] above its fields")
    return tables


def _card(name: str, table: dict[str, Any], file: Path) -> ModelCard:
    try:
        return msgspec.convert({**table, "name": name}, ModelCard)
    except msgspec.ValidationError as error:
        raise CatalogError(f"{file}: [{name}]: {error}") from error
