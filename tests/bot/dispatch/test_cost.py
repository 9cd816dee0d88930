"""What a request takes of the queue and of a batch."""

from __future__ import annotations

import msgspec
import pytest

from bot.dispatch.cost import cost_of, pixels_of
from engine.api import ImageCondition, TextToImage, WeightedImage
from engine.models.catalog import Catalog

BLEND = TextToImage(
    model="pocket",
    prompt="",
    height=128,
    width=128,
    seed=1,
    num_inference_steps=20,
    image_prompt=ImageCondition(
        images=(WeightedImage(image="a" * 64), WeightedImage(image="b" * 64))
    ),
)


def test_the_models_usual_grid_costs_one() -> None:
    assert cost_of(BLEND, Catalog.load()["pocket"]) == pytest.approx(1)


def test_pictures_that_are_only_chosen_among_cost_what_those_cost_that_are_kept() -> None:
    card = Catalog.load()["pocket"]
    chosen = msgspec.structs.replace(BLEND, num_candidates=4)
    assert cost_of(chosen, card) == pytest.approx(4 * cost_of(BLEND, card))
    assert pixels_of(chosen) == 4 * pixels_of(BLEND)
