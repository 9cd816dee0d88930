"""Requests that are drawn from pictures, and the drawing of them."""

from __future__ import annotations

from typing import Any

import torch

from engine.api import ImageCondition, TextToImage, WeightedImage
from engine.models.loading import LoadedModel
from engine.pipelines.stopwatch import Stopwatch
from engine.pipelines.text_to_image import text_to_image
from tests.engine import tiny, tiny_images

CAT, DOG = "c" * 64, "d" * 64
IMAGES = {CAT: tiny_images.noise_image(1), DOG: tiny_images.noise_image(2, 40, 60)}


def condition(*images: str, scale: float = 1.0) -> ImageCondition:
    return ImageCondition(images=tuple(WeightedImage(image=image) for image in images), scale=scale)


def make_request(**changes: Any) -> TextToImage:
    fields: dict[str, Any] = {
        "model": "tiny",
        "prompt": "a cat",
        "height": tiny.SIZE,
        "width": tiny.SIZE,
        "seed": 7,
        "num_inference_steps": 3,
    }
    return TextToImage(**(fields | changes))


def draw(model: LoadedModel, request: TextToImage, *seeds: int) -> torch.Tensor:
    """Return pictures (B, 3, H, W), float32, 0 to 1."""
    return text_to_image(
        model,
        request,
        images=IMAGES,
        seeds=seeds or [request.seed],
        on_step=lambda *_: None,
        stopwatch=Stopwatch(model.device),
    )
