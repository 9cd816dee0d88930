"""Circular padding: for one drawing only, and nobody else's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import Conv2d

from engine.images import enlarge
from engine.models.loading import LoadedModel
from engine.pipelines import circular
from engine.pipelines.decode import decode
from tests.engine.test_parity import draw, draw_from, gradient, request, variation


def modes(model: LoadedModel) -> set[str]:
    assert model.refiner is not None
    modules = (model.base.unet, model.refiner.unet, model.vae)
    parts = (part for module in modules for part in module.modules())
    return {part.padding_mode for part in parts if isinstance(part, Conv2d)}


def test_a_circular_convolution_commutes_with_a_shift() -> None:
    convolution = Conv2d(4, 4, 3, padding=1)
    values = torch.randn(1, 4, 8, 8)
    with circular.padding(convolution, is_circular=True):
        shifted = convolution(values.roll(3, -1)).roll(-3, -1)
        assert torch.allclose(shifted, convolution(values), atol=1e-6)
    assert not torch.allclose(convolution(values.roll(3, -1)).roll(-3, -1), convolution(values))


def test_a_decoded_tile_shifted_is_the_shifted_tile_decoded(tiny_model: LoadedModel) -> None:
    latents = torch.randn(1, 4, 8, 8)
    with torch.inference_mode():
        whole = decode(tiny_model.vae, latents, is_circular=True)
        shifted = decode(tiny_model.vae, latents.roll(4, -1), is_circular=True)
    assert (shifted.roll(-32, -1) - whole).abs().max() < 1e-5


def test_a_tile_leaves_the_model_as_it_was(tiny_model: LoadedModel) -> None:
    before = draw(tiny_model, request())
    tile = draw(tiny_model, request(circular_padding=True))
    assert np.abs(tile - before).max() > 1e-3
    assert modes(tiny_model) == {"zeros"}
    assert np.array_equal(draw(tiny_model, request()), before)


def test_a_tile_that_is_stopped_leaves_the_model_as_it_was(tiny_model: LoadedModel) -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        circular.padding(tiny_model.base.unet, is_circular=True),
    ):
        raise KeyboardInterrupt
    assert modes(tiny_model) == {"zeros"}


def test_a_batch_of_tiles_is_its_single_pictures(tiny_model: LoadedModel) -> None:
    asked = request(circular_padding=True)
    alone = draw(tiny_model, asked, [asked.seed_of(1)])
    assert np.abs(draw(tiny_model, asked)[1] - alone[0]).max() < 1e-5


def test_a_tile_is_drawn_from_a_picture(tiny_model: LoadedModel) -> None:
    drawn = draw_from(tiny_model, variation(circular_padding=True), gradient())
    assert np.isfinite(drawn).all()
    assert modes(tiny_model) == {"zeros"}


def test_a_tile_stays_one_when_it_is_enlarged() -> None:
    values = np.zeros((8, 8, 3), dtype=np.uint8)
    values[:, 0] = 255
    tile = Image.fromarray(values)
    large = np.asarray(enlarge(tile, 4, is_tile=True)).astype(int)
    # The bright column's light falls across the edge, as it does to its right.
    assert abs(large[:, -1] - large[:, 4]).max() <= 1
    rolled = Image.fromarray(np.roll(values, 4, axis=1))
    assert np.array_equal(np.roll(large, 16, axis=1), np.asarray(enlarge(rolled, 4, is_tile=True)))
