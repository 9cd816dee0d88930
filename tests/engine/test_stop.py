"""A drawing that ends early shows what its last step predicts."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.api import Sampler
from engine.models.loading import LoadedModel
from engine.pipelines.decode import decode
from engine.pipelines.stopwatch import Stopwatch
from engine.pipelines.text_to_image import text_to_image
from tests.engine.test_parity import draw, draw_from, gradient, request, variation


def predictions(model: LoadedModel, *, steps: int) -> list[torch.Tensor]:
    seen: list[torch.Tensor] = []
    text_to_image(
        model,
        request(num_inference_steps=steps),
        seeds=[7, 8],
        on_step=lambda _step, _total, predicted: seen.append(predicted.clone()),
        stopwatch=Stopwatch(model.device),
    )
    return seen


@pytest.mark.parametrize(("stop_at", "drawn"), [(0.01, 1), (0.1, 1), (0.4, 4), (0.8, 8), (1, 10)])
def test_the_prediction_at_that_step_is_the_picture(
    tiny_model: LoadedModel, stop_at: float, drawn: int
) -> None:
    # Base and refiner share ten steps: six and four.
    predicted = predictions(tiny_model, steps=10)[drawn - 1]
    with torch.inference_mode():
        expected = decode(tiny_model.vae, predicted).permute(0, 2, 3, 1).numpy()
    picture = draw(tiny_model, request(num_inference_steps=10, stop_at=stop_at))
    assert np.abs(picture - expected).max() < 1e-5


def test_it_takes_no_more_steps_than_are_shown(tiny_model: LoadedModel) -> None:
    steps: list[tuple[int, int]] = []
    text_to_image(
        tiny_model,
        request(num_inference_steps=10, stop_at=0.7),
        seeds=[7],
        on_step=lambda step, total, _: steps.append((step, total)),
        stopwatch=Stopwatch(tiny_model.device),
    )
    assert steps == [(step, 7) for step in range(1, 8)]


@pytest.mark.parametrize("sampler", list(Sampler), ids=lambda sampler: sampler.name)
def test_every_sampler_can_stop(tiny_model: LoadedModel, sampler: Sampler) -> None:
    asked = request(sampler=sampler, stop_at=0.5)
    picture = draw(tiny_model, asked)
    assert np.isfinite(picture).all()
    alone = draw(tiny_model, asked, [asked.seed_of(1)])
    assert np.abs(picture[1] - alone[0]).max() < 1e-5


def test_a_variation_stops_at_the_share_of_its_own_steps(tiny_model: LoadedModel) -> None:
    whole = draw_from(tiny_model, variation(strength=0.5), gradient())
    stopped = draw_from(tiny_model, variation(strength=0.5, stop_at=0.4), gradient())
    assert np.abs(whole - stopped).max() > 1e-3
