"""Variations of a picture whose seed is known: the noise that it was drawn from is kept in part."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from engine.api import ImageToImage
from engine.models.loading import LoadedModel
from engine.pipelines.denoise import new_generators, noise_from
from engine.pipelines.image_to_image import image_to_image, slerp
from engine.pipelines.stopwatch import Stopwatch
from tests.engine import tiny, tiny_images

SOURCE_SEED = 11


def draw(model: LoadedModel, **changes: Any) -> torch.Tensor:
    fields: dict[str, Any] = {
        "model": "tiny",
        "prompt": "a cat",
        "height": tiny.SIZE,
        "width": tiny.SIZE,
        "seed": 1,
        "num_inference_steps": 3,
        "image": "c" * 64,
        "strength": 0.9,
    }
    return image_to_image(
        model,
        ImageToImage(**(fields | changes)),
        tiny_images.noise_image(1),
        seeds=[1, 2],
        on_step=lambda *_: None,
        stopwatch=Stopwatch(model.device),
    )


def test_pictures_differ_the_more_the_less_of_their_sources_noise_is_kept(
    tiny_model: LoadedModel,
) -> None:
    apart = [
        torch.dist(*draw(tiny_model, source_seed=SOURCE_SEED, noise_interpolation=share)).item()
        for share in (0.0, 0.15, 0.35, 1.0)
    ]
    assert apart == sorted(set(apart))


def test_noise_of_its_own_is_what_a_picture_without_a_known_seed_has(
    tiny_model: LoadedModel,
) -> None:
    own = draw(tiny_model, source_seed=SOURCE_SEED, noise_interpolation=1.0)
    assert torch.allclose(own, draw(tiny_model), atol=1e-4)


@pytest.mark.parametrize("share", [0.0, 0.15, 0.5, 1.0])
def test_what_lies_between_two_noises_is_as_strong_as_noise(share: float) -> None:
    old, new = torch.split(noise_from(new_generators([1, 2]), height=512, width=512), 1)
    between = slerp(old, new, share)
    assert between.std().item() == pytest.approx(1, abs=0.02)
    cosine = torch.cosine_similarity(between.flatten(), new.flatten(), dim=0)
    angle = torch.acos(cosine.clamp(-1, 1)).item()
    assert angle == pytest.approx((1 - share) * torch.pi / 2, abs=0.02)
