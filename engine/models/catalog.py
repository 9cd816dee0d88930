"""The catalog: every model that a request may name, and who serves whom.

Torch-free, because the bot reads it too. The built-in entries are `catalog.toml` beside this
module; an operator's own TOML file adds entries or overrides fields of these.

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
from typing import Any, assert_never

import msgspec

from engine.models.card import ImageUse, ModelCard, ModelKind
from engine.models.layout import locate

BUILTIN = Path(__file__).with_name("catalog.toml")

LORA_FOLDER = "loras"
"""Of the models' folder: what lies there as <name>.safetensors needs no card."""

_LORA_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")

_NOT_DRAWN = {
    ImageUse.PROMPT: "{title} does not draw from pictures on this machine.",
    ImageUse.STYLE: "{title} does not take a style from pictures on this machine.",
    ImageUse.CHARACTER: "{title} does not take a character from pictures on this machine.",
}


class CatalogError(ValueError):
    """A catalog file that cannot be used."""


class UnknownModelError(LookupError):
    """A name that is not in the catalog."""

    def __str__(self) -> str:
        return str(self.args[0])


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
        catalog = cls([_card(name, table, extra or BUILTIN) for name, table in tables.items()])
        catalog._check_image_models(extra or BUILTIN)
        catalog._check_drafts(extra or BUILTIN)
        return catalog

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
        """Return the names of the models that draw from words and are on disk, complete."""
        return frozenset(
            name
            for name, card in self._cards.items()
            if card.kind is ModelKind.SDXL and locate(card, models_dir) is not None
        )

    def loras(self, models_dir: Path) -> frozenset[str]:
        """Return the names of the LoRAs that are on disk, with a card or without."""
        names = [file.stem for file in (models_dir / LORA_FOLDER).glob("*.safetensors")]
        names += self._cards
        return frozenset(name for name in names if self.locate_lora(name, models_dir) is not None)

    def locate_lora(self, name: str, models_dir: Path) -> Path | None:
        """Return the file of a LoRA, or None when it is not on disk."""
        card = self._cards.get(name)
        if card is not None and card.kind is ModelKind.LORA:
            folder = locate(card, models_dir)
            return folder / card.weight_name if folder else None
        file = models_dir / LORA_FOLDER / f"{name}.safetensors"
        return file if _LORA_NAME.fullmatch(name) and file.is_file() else None

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

    def draws_from_images(
        self, card: ModelCard, use: ImageUse, models_dir: Path
    ) -> ModelCard | None:
        """Return the model to name in a request with pictures, for those who chose `card`.

        None: there is none on this machine; `no_images` says what to do.
        """
        if use is ImageUse.PROMPT and (card.has_unclip or card.kind is ModelKind.UNCLIP):
            return card
        for other in self._image_models(card, use):
            if locate(other, models_dir) is not None:
                return card if other.kind is ModelKind.IP_ADAPTER else other
        return None

    def ip_adapter(self, card: ModelCard, models_dir: Path) -> ModelCard | None:
        """Return the adapter on disk that makes `card` draw from pictures."""
        for name in card.image_models:
            other = self[name]
            if other.kind is ModelKind.IP_ADAPTER and locate(other, models_dir) is not None:
                return other
        return None

    def no_images(self, card: ModelCard, use: ImageUse) -> str:
        """Return a sentence for those whose model has nothing that draws from pictures."""
        what = _NOT_DRAWN[use].format(title=card.title)
        names = [other.name for other in self._image_models(card, use)]
        if not names:
            return f"{what} Say it in words instead."
        pulls = " or ".join(f"`easel models pull {name}`" for name in names)
        return f"{what} The bot's owner can run {pulls}, or say it in words."

    def captioner(self, models_dir: Path) -> ModelCard | None:
        """Return the model on disk that writes what a picture shows."""
        for card in self._cards.values():
            if card.kind is ModelKind.CAPTIONER and locate(card, models_dir) is not None:
                return card
        return None

    def describer(self, models_dir: Path) -> ModelCard:
        """Return the model to name when words are to be found for a picture.

        Without a captioner on disk, the built-in model looks among its own words.
        """
        return self.captioner(models_dir) or self["pocket"]

    def _image_models(self, card: ModelCard, use: ImageUse) -> list[ModelCard]:
        """Return the cards that serve `card` for a use, on disk or not."""
        others = [self[name] for name in card.image_models]
        match use:
            case ImageUse.PROMPT:
                return others
            case ImageUse.STYLE:
                return [other for other in others if other.kind is ModelKind.IP_ADAPTER]
            case ImageUse.CHARACTER:
                return [other for other in others if other.character_weight_name]
            case _:
                assert_never(use)

    def _check_drafts(self, file: Path) -> None:
        for card in self._cards.values():
            lora = card.draft.lora if card.draft else ""
            if lora and (lora not in self or self[lora].kind is not ModelKind.LORA):
                raise CatalogError(
                    f"{file}: [{card.name}]: draft: {lora!r} is not a model of kind lora"
                )

    def _check_image_models(self, file: Path) -> None:
        for card in self._cards.values():
            for name in card.image_models:
                other = self._cards.get(name)
                if other is None or other.kind not in {ModelKind.IP_ADAPTER, ModelKind.UNCLIP}:
                    raise CatalogError(
                        f"{file}: [{card.name}]: image_models: {name!r} is not a model of kind"
                        " ip_adapter or unclip"
                    )


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
