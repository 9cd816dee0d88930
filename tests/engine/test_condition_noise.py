"""--chaos in the engine's words: noise on the condition, annealed (CADS)."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.pipelines.condition_noise import FULL_NOISE_FROM, NO_NOISE_BELOW, ConditionNoise
from tests.engine.test_parity import draw, request
from tests.engine.tiny import load


def spread(pictures: np.ndarray) -> float:
    """Return the mean pairwise distance of pictures (B, H, W, 3)."""
    count = len(pictures)
    pairs = [(one, other) for one in range(count) for other in range(one)]
    return float(np.mean([np.abs(pictures[one] - pictures[other]).mean() for one, other in pairs]))


def test_no_strength_is_exactly_no_noise() -> None:
    noise = ConditionNoise([1], strength=0)
    embeds = torch.randn(1, 7, 16)
    assert noise.mix(embeds, noise.share(999)) is embeds


def test_late_steps_are_clean() -> None:
    noise = ConditionNoise([1], strength=1)
    assert noise.share(1000 * NO_NOISE_BELOW) == 0
    assert noise.share(1000 * FULL_NOISE_FROM) == 1


def test_mixing_keeps_mean_and_deviation() -> None:
    embeds = torch.randn(2, 7, 256) * 3 + 1
    mixed = ConditionNoise([1, 2], strength=1).mix(embeds, 0.5)
    assert torch.allclose(mixed.mean(-1), embeds.mean(-1), atol=1e-4)
    assert torch.allclose(mixed.std(-1), embeds.std(-1), rtol=1e-3)


@pytest.mark.parametrize("rotation", [0.25, 0.5, 1.0])
def test_a_turn_is_by_its_angle_and_keeps_mean_and_deviation(rotation: float) -> None:
    embeds = torch.randn(2, 7, 2048) * 3 + 1
    turned = ConditionNoise([1, 2], strength=0, rotation=rotation).turn(embeds)
    assert torch.allclose(turned.mean(-1), embeds.mean(-1), atol=1e-4)
    assert torch.allclose(turned.std(-1), embeds.std(-1), rtol=1e-3)
    before, after = (some - some.mean(-1, keepdim=True) for some in (embeds, turned))
    cosine = torch.cosine_similarity(before, after, dim=-1)
    # A random direction is at a right angle to any other, but for a little.
    assert (cosine - math.cos(rotation * math.pi / 2)).abs().max() < 0.1


def test_no_turn_is_exactly_none() -> None:
    embeds = torch.randn(1, 7, 16)
    assert ConditionNoise([1], strength=1).turn(embeds) is embeds


def test_a_picture_has_its_own_noise_in_any_batch() -> None:
    embeds = torch.randn(1, 7, 16)
    together = ConditionNoise([5, 6], strength=1).mix(embeds.repeat(2, 1, 1), 0.5)
    alone = ConditionNoise([6], strength=1).mix(embeds, 0.5)
    assert torch.equal(together[1:], alone)


@pytest.mark.parametrize("strength", [0.3, 1.0])
def test_a_noisy_batch_equals_its_single_pictures(tiny_folder: Path, strength: float) -> None:
    model = load(tiny_folder)
    asked = request(num_images=2, condition_noise=strength)
    singles = [draw(model, asked, [asked.seed_of(index)]) for index in range(2)]
    assert np.abs(draw(model, asked) - np.concatenate(singles)).max() < 1e-5


def test_noise_changes_the_pictures(tiny_folder: Path) -> None:
    model = load(tiny_folder)
    plain, noisy = (draw(model, request(condition_noise=strength)) for strength in (0.0, 1.0))
    assert np.abs(plain - noisy).max() > 1e-3
    assert spread(noisy) > 0
