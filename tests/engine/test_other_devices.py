"""What a machine without a GPU can prove about one: nothing is left on the wrong device, and half
precision draws the same picture.

The meta device computes shapes only, but like a GPU it refuses to meet a tensor of the CPU.
"""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from engine.api import ImageToImage, TextToImage
from engine.devices import find_device
from engine.models.loading import LoadedModel, load_model
from engine.pipelines.image_to_image import image_to_image
from engine.pipelines.stopwatch import Stopwatch
from engine.pipelines.text_to_image import text_to_image
from tests.engine import tiny

FIELDS: dict[str, Any] = {
    "model": "tiny",
    "prompt": "a (red:1.3) cat BREAK a dog",
    "negative_prompt": "a tree",
    "height": 64,
    "width": 48,
    "seed": 7,
    "num_inference_steps": 5,
    "denoising_end": 0.6,
}


def draw(model: LoadedModel, **changes: Any) -> torch.Tensor:
    return text_to_image(
        model,
        TextToImage(**FIELDS | changes),
        seeds=[7, 8],
        on_step=lambda *_: None,
        stopwatch=Stopwatch(tiny.cpu()),
    )


def draw_from_picture(model: LoadedModel) -> torch.Tensor:
    return image_to_image(
        model,
        ImageToImage(**FIELDS, image="0" * 64, strength=0.8),
        Image.new("RGB", (100, 100), "red"),
        seeds=[7, 8],
        on_step=lambda *_: None,
        stopwatch=Stopwatch(tiny.cpu()),
    )


@pytest.fixture(scope="module")
def meta_model(tiny_model: LoadedModel, tiny_folder: Path) -> LoadedModel:
    # Loading the other one has written the preview map, which cannot be fitted here.
    assert (tiny_folder / "preview.json").exists()
    device = dataclasses.replace(tiny_model.device, torch_device=torch.device("meta"))
    return load_model(tiny.make_card(tiny_folder), tiny_folder, device)


@pytest.mark.parametrize("guidance_scale", [1.0, 4.0])
@pytest.mark.parametrize("condition_noise", [0.0, 0.5])
def test_everything_of_a_drawing_is_on_the_models_device(
    meta_model: LoadedModel, guidance_scale: float, condition_noise: float
) -> None:
    pixels = draw(meta_model, guidance_scale=guidance_scale, condition_noise=condition_noise)
    assert (pixels.device.type, pixels.shape) == ("meta", (2, 3, 64, 48))


def test_everything_of_a_drawing_from_a_picture_is_on_the_models_device(
    meta_model: LoadedModel,
) -> None:
    pixels = draw_from_picture(meta_model)
    assert (pixels.device.type, pixels.shape) == ("meta", (2, 3, 64, 48))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_half_precision_draws_nearly_the_same(
    tiny_model: LoadedModel, tiny_folder: Path, dtype: torch.dtype
) -> None:
    device = dataclasses.replace(tiny_model.device, dtype=dtype)
    model = load_model(tiny.make_card(tiny_folder), tiny_folder, device)
    assert model.base.unet.dtype == dtype
    for asked in (draw, draw_from_picture):
        difference = (asked(model) - asked(tiny_model)).abs()
        assert difference.mean() < 0.02


def test_an_autoencoder_that_overflows_in_float16_stays_in_float32(tiny_folder: Path) -> None:
    half = dataclasses.replace(tiny.cpu(), dtype=torch.float16)
    assert load_model(tiny.make_card(tiny_folder), tiny_folder, half).vae.dtype == torch.float32
    brain = dataclasses.replace(tiny.cpu(), dtype=torch.bfloat16)
    assert load_model(tiny.make_card(tiny_folder), tiny_folder, brain).vae.dtype == torch.bfloat16


def test_an_offloaded_model_comes_to_the_device_and_leaves_it(
    tiny_model: LoadedModel, tiny_folder: Path
) -> None:
    device = dataclasses.replace(tiny_model.device, torch_device=torch.device("meta"))
    model = load_model(tiny.make_card(tiny_folder), tiny_folder, device, is_offloaded=True)
    vae = model.vae
    seen = [vae.device.type]
    # Weights do not come back from the meta device, which is what is suppressed here.
    with contextlib.suppress(NotImplementedError), torch.inference_mode(), model.at_work(vae):
        seen.append(vae.device.type)
        assert not next(vae.parameters()).is_inference()
    assert seen == ["cpu", "meta"]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("is_offloaded", [False, True])
def test_a_gpu_draws_nearly_the_same(
    tiny_model: LoadedModel, tiny_folder: Path, is_offloaded: bool
) -> None:
    card = tiny.make_card(tiny_folder)
    model = load_model(card, tiny_folder, find_device(), is_offloaded=is_offloaded)
    for asked in (draw, draw_from_picture):
        difference = (asked(model).cpu() - asked(tiny_model)).abs()
        assert difference.mean() < 0.02
