"""Our path against the stock pipelines: same weights, same seeds, same pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionXLImg2ImgPipeline, StableDiffusionXLPipeline
from PIL import Image

from engine.api import ImageToImage, RequestError, TextToImage
from engine.models.loading import LoadedModel, load_model
from engine.pipelines.image_to_image import image_to_image
from engine.pipelines.stopwatch import Stopwatch
from engine.pipelines.text_to_image import text_to_image
from tests.engine import tiny

PROMPT = "a red cat"
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def stock(tiny_folder: Path) -> StableDiffusionXLPipeline:
    pipeline = StableDiffusionXLPipeline.from_pretrained(tiny_folder, add_watermarker=False)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@pytest.fixture(scope="module")
def stock_refiner(tiny_folder: Path) -> StableDiffusionXLImg2ImgPipeline:
    pipeline = StableDiffusionXLImg2ImgPipeline.from_pretrained(
        tiny_folder.with_name("refiner"), add_watermarker=False
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def request(**changes: Any) -> TextToImage:
    fields: dict[str, Any] = {
        "model": "tiny",
        "prompt": PROMPT,
        "height": tiny.SIZE,
        "width": tiny.SIZE,
        "seed": 7,
        "num_images": 2,
        "num_inference_steps": 6,
        "guidance_scale": 4.0,
        "denoising_end": 0.6,
    }
    return TextToImage(**(fields | changes))


def variation(**changes: Any) -> ImageToImage:
    fields = {name: getattr(request(), name) for name in request().__struct_fields__}
    return ImageToImage(**(fields | {"image": "0" * 64, "strength": 0.7} | changes))


def generators(count: int, seed: int = 7) -> list[torch.Generator]:
    return [torch.Generator("cpu").manual_seed(seed + index) for index in range(count)]


def draw(model: LoadedModel, asked: TextToImage, seeds: list[int] | None = None) -> np.ndarray:
    pixels = text_to_image(
        model,
        asked,
        seeds=seeds or [asked.seed_of(index) for index in range(asked.num_images)],
        on_step=lambda *_: None,
        stopwatch=Stopwatch(model.device),
    )
    return np.asarray(pixels.permute(0, 2, 3, 1))


def draw_from(model: LoadedModel, asked: ImageToImage, image: Image.Image) -> np.ndarray:
    pixels = image_to_image(
        model,
        asked,
        image,
        seeds=[asked.seed_of(index) for index in range(asked.num_images)],
        on_step=lambda *_: None,
        stopwatch=Stopwatch(model.device),
    )
    return np.asarray(pixels.permute(0, 2, 3, 1))


def gradient() -> Image.Image:
    ramp = np.linspace(0, 255, tiny.SIZE * tiny.SIZE * 3).reshape(tiny.SIZE, tiny.SIZE, 3)
    return Image.fromarray(ramp.astype(np.uint8))


@pytest.mark.parametrize(
    ("changes", "extra"),
    [
        pytest.param({}, {}, id="no-negative-prompt"),
        pytest.param(
            {"negative_prompt": "a dog"}, {"negative_prompt": ["a dog"] * 2}, id="negative"
        ),
        pytest.param({"guidance_scale": 1.0}, {}, id="no-guidance"),
        pytest.param({"height": 48, "width": 80}, {}, id="not-square"),
    ],
)
@pytest.mark.parametrize("denoising_end", [0.6, 0.3, 0.9])
def test_base_and_refiner_draw_what_the_stock_pipelines_draw(
    tiny_model: LoadedModel,
    stock: StableDiffusionXLPipeline,
    stock_refiner: StableDiffusionXLImg2ImgPipeline,
    changes: dict[str, Any],
    extra: dict[str, Any],
    denoising_end: float,
) -> None:
    asked = request(**changes, denoising_end=denoising_end)
    shared: dict[str, Any] = {
        "num_inference_steps": asked.num_inference_steps,
        "guidance_scale": asked.guidance_scale,
        **extra,
    }
    latents = stock(
        [PROMPT] * 2,
        height=asked.height,
        width=asked.width,
        denoising_end=denoising_end,
        output_type="latent",
        generator=generators(2),
        **shared,
    ).images
    expected = stock_refiner(
        [PROMPT] * 2, image=latents, denoising_start=denoising_end, output_type="np", **shared
    ).images
    assert np.abs(draw(tiny_model, asked) - expected).max() < TOLERANCE


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"guidance_rescale": 0.7}, id="guidance-rescale"),
        pytest.param({"clip_skip": 1}, id="clip-skip-1"),
        pytest.param({"clip_skip": 2}, id="clip-skip-2"),
    ],
)
def test_what_the_stock_pipeline_knows_by_the_same_name_does_the_same(
    tiny_model: LoadedModel, stock: StableDiffusionXLPipeline, changes: dict[str, Any]
) -> None:
    expected = stock(
        [PROMPT] * 2,
        height=tiny.SIZE,
        width=tiny.SIZE,
        num_inference_steps=6,
        guidance_scale=4.0,
        output_type="np",
        generator=generators(2),
        **changes,
    ).images
    drawn = draw(tiny_model, request(denoising_end=1.0, **changes))
    assert np.abs(drawn - expected).max() < TOLERANCE
    assert np.abs(drawn - draw(tiny_model, request(denoising_end=1.0))).max() > 1e-4


def test_the_base_alone_draws_what_the_stock_pipeline_draws(
    tiny_model: LoadedModel, stock: StableDiffusionXLPipeline
) -> None:
    expected = stock(
        [PROMPT] * 2,
        height=tiny.SIZE,
        width=tiny.SIZE,
        num_inference_steps=6,
        guidance_scale=4.0,
        output_type="np",
        generator=generators(2),
    ).images
    drawn = draw(tiny_model, request(denoising_end=1.0))
    assert np.abs(drawn - expected).max() < TOLERANCE


@pytest.mark.parametrize("strength", [1.0, 0.7, 0.5])
def test_image_to_image_draws_what_the_stock_pipelines_draw(
    tiny_model: LoadedModel,
    stock: StableDiffusionXLPipeline,
    stock_refiner: StableDiffusionXLImg2ImgPipeline,
    strength: float,
) -> None:
    stock_base = StableDiffusionXLImg2ImgPipeline(**stock.components, add_watermarker=False)
    stock_base.set_progress_bar_config(disable=True)
    shared: dict[str, Any] = {"num_inference_steps": 6, "guidance_scale": 4.0}
    latents = stock_base(
        [PROMPT] * 2,
        image=gradient(),
        strength=strength,
        denoising_end=0.6,
        output_type="latent",
        generator=generators(2),
        **shared,
    ).images
    expected = stock_refiner(
        [PROMPT] * 2, image=latents, denoising_start=0.6, output_type="np", **shared
    ).images
    drawn = draw_from(tiny_model, variation(strength=strength), gradient())
    assert np.abs(drawn - expected).max() < TOLERANCE


def test_image_to_image_without_refiner_draws_what_the_stock_pipeline_draws(
    tiny_model: LoadedModel, stock: StableDiffusionXLPipeline
) -> None:
    stock_base = StableDiffusionXLImg2ImgPipeline(**stock.components, add_watermarker=False)
    stock_base.set_progress_bar_config(disable=True)
    expected = stock_base(
        [PROMPT] * 2,
        image=gradient(),
        strength=0.7,
        num_inference_steps=6,
        guidance_scale=4.0,
        output_type="np",
        generator=generators(2),
    ).images
    drawn = draw_from(tiny_model, variation(denoising_end=1.0), gradient())
    assert np.abs(drawn - expected).max() < TOLERANCE


def test_a_strength_below_the_refiners_share_is_drawn_by_the_refiner_alone(
    tiny_model: LoadedModel,
) -> None:
    steps: list[tuple[int, int]] = []
    asked = variation(strength=0.2, num_inference_steps=10, num_images=1)
    pixels = image_to_image(
        tiny_model,
        asked,
        gradient(),
        seeds=[1],
        on_step=lambda step, total, _: steps.append((step, total)),
        stopwatch=Stopwatch(tiny_model.device),
    )
    assert steps == [(1, 2), (2, 2)]
    assert torch.isfinite(pixels).all()


def test_a_batch_of_four_is_its_four_single_pictures(tiny_model: LoadedModel) -> None:
    asked = request(num_images=4)
    together = draw(tiny_model, asked)
    for index in range(4):
        alone = draw(tiny_model, asked, [asked.seed_of(index)])
        assert np.abs(together[index] - alone[0]).max() < TOLERANCE


def test_a_seed_means_the_same_picture_again_and_another_seed_another(
    tiny_model: LoadedModel,
) -> None:
    first, again = draw(tiny_model, request()), draw(tiny_model, request())
    assert np.array_equal(first, again)
    assert np.abs(first[0] - first[1]).max() > 0.01
    assert np.abs(first - draw(tiny_model, request(seed=8), [8, 7])[::-1]).max() < TOLERANCE


def test_a_refiners_share_without_a_refiner_is_refused(tiny_folder: Path) -> None:
    card = tiny.make_card(tiny_folder, has_refiner=False, denoising_end=1.0)
    model = load_model(card, tiny_folder, tiny.cpu())
    with pytest.raises(RequestError, match="the model has none"):
        draw(model, request())


def test_steps_count_base_and_refiner_together(tiny_model: LoadedModel) -> None:
    steps: list[tuple[int, int]] = []
    shapes: list[torch.Size] = []

    def on_step(step: int, total: int, predicted: torch.Tensor) -> None:
        steps.append((step, total))
        shapes.append(predicted.shape)

    text_to_image(
        tiny_model,
        request(),
        seeds=[1, 2],
        on_step=on_step,
        stopwatch=Stopwatch(tiny_model.device),
    )
    assert steps == [(step, 6) for step in range(1, 7)]
    assert set(shapes) == {torch.Size([2, 4, 8, 8])}


def test_an_exception_of_a_step_ends_the_drawing_and_leaves_the_model_as_it_was(
    tiny_model: LoadedModel,
) -> None:
    before = draw(tiny_model, request())
    seen: list[int] = []

    def stop_at_two(step: int, _total: int, _predicted: torch.Tensor) -> None:
        seen.append(step)
        if step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        text_to_image(
            tiny_model,
            request(),
            seeds=[1],
            on_step=stop_at_two,
            stopwatch=Stopwatch(tiny_model.device),
        )
    assert seen == [1, 2]
    assert np.array_equal(before, draw(tiny_model, request()))
