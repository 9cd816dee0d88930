"""From a prompt to the pixels that it draws, without a bot, a queue or a process."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import torch

from bot import recipe
from bot.prompt import Vocabulary, parse
from engine.api import TextToImage
from engine.devices import find_device
from engine.models.catalog import Catalog
from engine.models.loading import LoadedModel
from engine.models.store import ModelStore
from engine.pipelines.decode import decode
from engine.pipelines.denoise import new_generators, noise_from
from engine.pipelines.stopwatch import Stopwatch
from engine.pipelines.text_to_image import text_to_image

STEPS = 8
"""Fewer than usual: what a parameter does is seen as well."""
PROMPTS = (
    "a red apple on a blue background",
    "a green car on a yellow background",
    "a purple heart on a white background",
)


class Easel:
    """The built-in model, and the way from a prompt to it."""

    def __init__(self, *, models_dir: Path) -> None:
        self.models_dir = models_dir
        self._drawn: dict[TextToImage, np.ndarray] = {}
        self.store = ModelStore(
            catalog=Catalog.load(),
            models_dir=models_dir,
            device=find_device(cpu_only=True),
            budget_bytes=2**33,
        )

    @property
    def model(self) -> LoadedModel:
        """The built-in model as it is in memory."""
        return self.store.get("pocket")

    def request(self, text: str, *, count: int = 2, seed: int = 1) -> TextToImage:
        """Return what the recipe makes of a prompt, with fewer pictures and fewer steps."""
        loras = tuple(sorted(self.store.catalog.loras(self.models_dir)))
        vocabulary = Vocabulary(models=("pocket",), versions=(0,), loras=loras)
        prompt = parse(text, vocabulary)
        asked = recipe.text_to_image(prompt, card=self.model.card, seed=seed)
        if any(flag in text for flag in ("--quality", "--steps", "--draft")):
            return msgspec.structs.replace(asked, num_images=count)
        return msgspec.structs.replace(asked, num_images=count, num_inference_steps=STEPS)

    def draw(self, text: str, *, count: int = 2, seed: int = 1) -> np.ndarray:
        """Return pictures (B, H, W, 3), float32, 0 to 1; the same ones if asked again."""
        asked = self.request(text, count=count, seed=seed)
        if asked not in self._drawn:
            self._drawn[asked] = self.carry_out(asked)
        return self._drawn[asked]

    def draw_whole(self, text: str, *, count: int) -> np.ndarray:
        """Return pictures as they are usually drawn, in all their steps."""
        steps = self.model.card.num_inference_steps
        asked = self.request(text, count=count)
        is_short = asked.num_inference_steps == STEPS
        whole = msgspec.structs.replace(asked, num_inference_steps=steps) if is_short else asked
        return self.carry_out(whole)

    def draw_again(self, text: str, *, count: int = 2, seed: int = 1) -> np.ndarray:
        """Return what is drawn now, whatever was before."""
        return self.carry_out(self.request(text, count=count, seed=seed))

    def noisy(self, text: str) -> np.ndarray:
        """Return what the noise looks like that the pictures begin with."""
        asked = self.request(text)
        start = noise_from(
            new_generators([asked.seed_of(index) for index in range(asked.num_images)]),
            height=asked.height,
            width=asked.width,
        )
        with torch.inference_mode():
            return np.asarray(decode(self.model.vae, start).permute(0, 2, 3, 1))

    def carry_out(self, asked: TextToImage) -> np.ndarray:
        """Return a request's pictures (B, H, W, 3), float32, 0 to 1."""
        self.store.apply_loras(self.model, asked.loras)
        indices = range(asked.num_images)
        pixels = text_to_image(
            self.model,
            asked,
            seeds=[asked.seed_of(index) for index in indices],
            condition_seeds=[asked.condition_seed_of(index) for index in indices],
            on_step=lambda *_: None,
            stopwatch=Stopwatch(self.model.device),
        )
        return np.asarray(pixels.permute(0, 2, 3, 1))
