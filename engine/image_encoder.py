"""Pictures to embeddings: one CLIP image encoder, and a memory of what it saw.

A picture that was looked at once is not looked at again: embeddings are kept by the sha256 of the
pixels, so the same picture in another file is the same picture. Whatever draws from pictures reads
them here: unCLIP's decoder, IP-Adapter, and the search for words.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

PENULTIMATE = -2
"""The layer that IP-Adapter's "plus" models look at."""
KEPT = 128
"""Pictures whose embeddings are kept; a large encoder's hidden states take 1.3 MB each."""

_OPENAI_MEAN = (0.48145466, 0.4578275, 0.40821073)
_OPENAI_STD = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessing:
    """How an encoder wants its pictures, as CLIPImageProcessor would prepare them.

    It is not used itself because without torchvision it warns at every start.
    """

    size: int
    """Pixels of the square that is seen: the shorter side is brought to it, the longer one cut."""
    mean: tuple[float, ...] = _OPENAI_MEAN
    std: tuple[float, ...] = _OPENAI_STD
    resample: Image.Resampling = Image.Resampling.BICUBIC

    @classmethod
    def read(cls, file: Path, *, image_size: int) -> Preprocessing:
        """Read a `preprocessor_config.json`; where there is none, CLIP's own with `image_size`."""
        if not file.exists():
            return cls(size=image_size)
        config = json.loads(file.read_text(encoding="utf-8"))
        return cls(
            size=image_size,
            mean=tuple(config.get("image_mean", _OPENAI_MEAN)),
            std=tuple(config.get("image_std", _OPENAI_STD)),
            resample=Image.Resampling(config.get("resample", Image.Resampling.BICUBIC)),
        )

    def __call__(self, image: Image.Image) -> torch.Tensor:
        """Return the picture as (1, 3, size, size), float32, normalised."""
        shorter, longer = sorted(image.size)
        long_side = int(self.size * longer / shorter)
        width, height = (
            (self.size, long_side) if image.width <= image.height else (long_side, self.size)
        )
        image = image.convert("RGB").resize((width, height), self.resample)
        left, top = (width - self.size) // 2, (height - self.size) // 2
        square = image.crop((left, top, left + self.size, top + self.size))
        values = np.asarray(square, dtype=np.float32) / 255
        values = (values - np.asarray(self.mean, np.float32)) / np.asarray(self.std, np.float32)
        return torch.from_numpy(values.astype(np.float32)).permute(2, 0, 1).unsqueeze(0)


class ImageEncoder:
    """A CLIPVisionModelWithProjection that looks at every picture once."""

    def __init__(self, model: Any, preprocessing: Preprocessing) -> None:
        self.model = model
        self._preprocessing = preprocessing
        self._kept: OrderedDict[tuple[str, str], torch.Tensor] = OrderedDict()
        self._nothing: torch.Tensor | None = None

    def image_embeds(self, image: Image.Image) -> torch.Tensor:
        """Return the projected embedding of a picture: (1, D), float32, on the CPU."""
        return self._remember("embeds", image, lambda pixels: self.model(pixels).image_embeds)

    def hidden_states(self, image: Image.Image) -> torch.Tensor:
        """Return the hidden states before the last layer: (1, tokens, W), float32, on the CPU."""
        return self._remember("hidden", image, self._penultimate)

    @torch.inference_mode()
    def hidden_states_of_nothing(self) -> torch.Tensor:
        """Return the hidden states of zeros in place of a picture, as IP-Adapter was trained."""
        if self._nothing is None:
            size = self._preprocessing.size
            self._nothing = self._look(torch.zeros(1, 3, size, size), self._penultimate)
        return self._nothing

    def _penultimate(self, pixels: torch.Tensor) -> torch.Tensor:
        states: torch.Tensor = self.model(pixels, output_hidden_states=True).hidden_states[
            PENULTIMATE
        ]
        return states

    @torch.inference_mode()
    def _remember(
        self, kind: str, image: Image.Image, read: Callable[[torch.Tensor], torch.Tensor]
    ) -> torch.Tensor:
        key = (kind, pixels_sha256(image))
        if key not in self._kept:
            self._kept[key] = self._look(self._preprocessing(image), read)
        self._kept.move_to_end(key)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return self._kept[key]

    def _look(
        self, pixels: torch.Tensor, read: Callable[[torch.Tensor], torch.Tensor]
    ) -> torch.Tensor:
        embeds: torch.Tensor = read(pixels.to(self.model.device, self.model.dtype))
        return embeds.float().cpu()


def pixels_sha256(image: Image.Image) -> str:
    """Return what two pictures have in common if and only if they look the same."""
    rgb = image.convert("RGB")
    return hashlib.sha256(f"{rgb.width}x{rgb.height}:".encode() + rgb.tobytes()).hexdigest()


def blend(embeds: torch.Tensor, weights: list[float]) -> torch.Tensor:
    """Return what lies between several embeddings (N, ..., D) by their weights: (1, ..., D).

    A mean of directions that keeps the mean length. A plain mean is shorter than its parts, and
    what draws from a short embedding draws it grey.
    """
    shares = torch.tensor(weights, dtype=embeds.dtype) / sum(weights)
    shares = shares.view(-1, *[1] * (embeds.ndim - 1))
    lengths = embeds.norm(dim=-1, keepdim=True)
    directions = embeds / lengths.clamp_min(1e-12)
    mean = (shares * directions).sum(0, keepdim=True)
    length = (shares * lengths).sum(0, keepdim=True)
    between: torch.Tensor = mean / mean.norm(dim=-1, keepdim=True).clamp_min(1e-12) * length
    return between
