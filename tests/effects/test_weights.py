"""Weights in the words: what is said to count more is read and drawn more."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch

from tests.effects.easel import Easel
from tests.effects.measures import distance, greenness

WEIGHTS = (0.2, 0.6, 1.0, 1.4)


def test_a_weight_moves_the_embedding_toward_its_word(easel: Easel) -> None:
    encoder = easel.model.prompt_encoder

    def states(text: str) -> torch.Tensor:
        return encoder.encode(text).base.prompt_embeds.float()

    dog, nothing = states("a dog"), states("a (dog:0)")
    along = (dog - nothing).flatten()
    measured = [
        float((states(f"a (dog:{weight})") - nothing).flatten() @ along / (along @ along))
        for weight in WEIGHTS
    ]
    print("\nshare of the way to dog", measured, end="")
    assert np.allclose(measured, WEIGHTS, atol=1e-3)
    assert torch.equal(states("a (dog:1)"), dog)


def test_a_weight_moves_the_picture_toward_its_word(easel: Easel) -> None:
    """The nearer to its full weight, the nearer to the picture of a dog."""
    dog = easel.draw("a dog on a white background")
    measured = [
        distance(easel.draw(f"a (dog:{weight}) on a white background"), dog)
        for weight in (0, *WEIGHTS[:3])
    ]
    print("\ndistance from a dog by its weight", measured, end="")
    assert all(one > other for one, other in pairwise(measured))
    assert measured[-1] == 0


def test_a_colour_of_more_weight_is_seen_more(easel: Easel) -> None:
    measured = [
        greenness(easel.draw(f"a (green:{weight}) car on a white background"))
        for weight in (0.5, 1, 1.5)
    ]
    print("\nshare of green by its weight", measured, end="")
    assert all(one < other for one, other in pairwise(measured))


def test_a_part_of_more_weight_is_seen_more(easel: Easel) -> None:
    measured = [
        greenness(easel.draw(f"green::{weight} car on a white background::1"))
        for weight in (0.1, 1, 3)
    ]
    print("\nshare of green by its part's weight", measured, end="")
    assert measured[0] < measured[-1]
