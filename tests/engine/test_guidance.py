"""Guidance, and what keeps a strong one within bounds."""

from __future__ import annotations

import math

import pytest
import torch
from diffusers import EulerDiscreteScheduler

from engine.pipelines.guidance import Guidance
from tests.engine import tiny


def scheduler(prediction_type: str) -> EulerDiscreteScheduler:
    return EulerDiscreteScheduler.from_config(
        tiny.build_scheduler().config, prediction_type=prediction_type
    )


def combine(
    guidance: Guidance, prediction: torch.Tensor, noisy: torch.Tensor, *, kind: str = "epsilon"
) -> torch.Tensor:
    return guidance.combine(prediction, noisy, 500.0, scheduler(kind))


def predictions(*, batch: int = 2, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    noisy = torch.randn(batch, 4, 8, 8, generator=generator)
    return torch.randn(2 * batch, 4, 8, 8, generator=generator), noisy


def clean(prediction: torch.Tensor, noisy: torch.Tensor, *, kind: str) -> torch.Tensor:
    alpha = float(scheduler(kind).alphas_cumprod[500])
    signal, noise = math.sqrt(alpha), math.sqrt(1 - alpha)
    if kind == "epsilon":
        return (noisy - noise * prediction) / signal
    return signal * noisy - noise * prediction


def test_guidance_is_equation_2() -> None:
    prediction, noisy = predictions()
    plain = Guidance(scale=7.0, rescale=0, mimic_scale=0)
    expected = prediction[:2] + 7 * (prediction[2:] - prediction[:2])
    assert torch.equal(combine(plain, prediction, noisy), expected)


def test_a_full_rescale_has_the_deviation_of_the_conditional_prediction() -> None:
    prediction, noisy = predictions()
    combined = combine(Guidance(scale=7.0, rescale=1, mimic_scale=0), prediction, noisy)
    assert torch.allclose(combined.std((1, 2, 3)), prediction[2:].std((1, 2, 3)))


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_thresholding_keeps_each_channel_to_the_range_of_the_scale_that_it_mimics(
    kind: str,
) -> None:
    prediction, noisy = predictions()
    burning, bounded, mimicked = (
        clean(combine(guidance, prediction, noisy, kind=kind), noisy, kind=kind)
        for guidance in (
            Guidance(scale=20.0, rescale=0, mimic_scale=0),
            Guidance(scale=20.0, rescale=0, mimic_scale=5.0),
            Guidance(scale=5.0, rescale=0, mimic_scale=0),
        )
    )
    assert (bounded.amax((2, 3)) <= mimicked.amax((2, 3)) + 1e-4).all()
    assert (bounded.amin((2, 3)) >= mimicked.amin((2, 3)) - 1e-4).all()
    within = (burning > bounded.amin((2, 3), keepdim=True)) & (
        burning < bounded.amax((2, 3), keepdim=True)
    )
    assert torch.allclose(bounded[within], burning[within], atol=1e-3)


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_a_scale_that_mimics_itself_changes_only_what_is_beyond_most_values(kind: str) -> None:
    prediction, noisy = predictions()
    plain = combine(Guidance(scale=5.0, rescale=0, mimic_scale=0), prediction, noisy, kind=kind)
    bounded = combine(Guidance(scale=5.0, rescale=0, mimic_scale=5.0), prediction, noisy, kind=kind)
    changed = (plain - bounded).abs() > 1e-3
    assert 0 < changed.float().mean() < 0.05


def test_each_picture_of_a_batch_has_a_bound_of_its_own() -> None:
    prediction, noisy = predictions()
    guidance = Guidance(scale=15.0, rescale=0.5, mimic_scale=5.0)
    together = combine(guidance, prediction, noisy)
    alone = combine(guidance, prediction[1::2], noisy[1:])
    assert torch.allclose(together[1:], alone, atol=1e-6)
