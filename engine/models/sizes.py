"""How much memory a model will take, before any of it is loaded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import safe_open

from engine.models.card import ModelCard, ModelKind
from engine.models.layout import refiner_folder, unclip_folder


def parts_of(card: ModelCard, folder: Path) -> list[Path]:
    """Return the folders of what is loaded with a model from the beginning."""
    names = ("text_encoder", "text_encoder_2", "unet", "vae")
    parts = [folder / name for name in names]
    return [*parts, refiner_folder(folder) / "unet"] if card.has_refiner else parts


def image_parts_of(
    card: ModelCard, folder: Path, adapter: tuple[ModelCard, Path] | None
) -> list[Path]:
    """Return the folders and files of what makes a model draw from pictures."""
    if card.kind is ModelKind.UNCLIP:
        return [folder / "image_encoder"]
    if card.has_unclip:
        return [unclip_folder(folder)]
    if adapter is None:
        return []
    adapter_card, adapter_folder = adapter
    names = (*adapter_card.weight_names, adapter_card.image_encoder_folder)
    return [adapter_folder / name for name in names]


def weights_bytes(parts: Sequence[Path], dtype: torch.dtype) -> int:
    """Return what folders or files will take in memory, as the files' headers have it."""
    files = {
        file
        for part in parts
        for file in ([part] if part.suffix == ".safetensors" else part.glob("**/*.safetensors"))
    }
    return sum(map(_count_weights, files)) * dtype.itemsize


def _count_weights(file: Path) -> int:
    with safe_open(file, framework="pt") as tensors:
        return sum(math.prod(tensors.get_slice(key).get_shape()) for key in tensors.keys())  # noqa: SIM118
