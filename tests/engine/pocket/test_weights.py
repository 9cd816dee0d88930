"""The committed weights are a real SDXL checkpoint, small, and draw what they are asked for."""

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import (
    DDPMScheduler,
    EulerDiscreteScheduler,
    StableDiffusionXLPipeline,
    StableUnCLIPImg2ImgPipeline,
    UNet2DConditionModel,
)
from diffusers.pipelines.stable_diffusion import StableUnCLIPImageNormalizer
from PIL import Image
from safetensors import safe_open
from transformers import CLIPImageProcessorPil, CLIPVisionModelWithProjection

from engine.pocket import rules
from engine.pocket.export import WEIGHTS

MEBIBYTE = 2**20
FILES = sorted(WEIGHTS.rglob("*.safetensors"))


@pytest.fixture(scope="module")
def pipeline() -> StableDiffusionXLPipeline:
    made = StableDiffusionXLPipeline.from_pretrained(WEIGHTS, dtype=torch.float32)
    made.set_progress_bar_config(disable=True)
    return made


def draw(pipeline: StableDiffusionXLPipeline, prompt: str) -> list[Image.Image]:
    """Draw three pictures of a prompt."""
    seeds = [torch.Generator().manual_seed(seed) for seed in range(3)]
    result = pipeline(
        prompt,
        num_inference_steps=12,
        guidance_scale=5.0,
        num_images_per_prompt=3,
        generator=seeds,
    )
    images: list[Image.Image] = result.images
    return images


def test_the_folder_stays_below_eighty_mebibytes() -> None:
    assert sum(f.stat().st_size for f in WEIGHTS.rglob("*") if f.is_file()) <= 80 * MEBIBYTE


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(WEIGHTS)))
def test_every_parameter_is_stored_as_a_finite_float16(file: Path) -> None:
    with safe_open(file, framework="pt") as tensors:
        for name in tensors.keys():  # noqa: SIM118 - safe_open is no dict
            tensor = tensors.get_tensor(name)
            if tensor.is_floating_point():
                assert tensor.dtype == torch.float16, name
                assert tensor.isfinite().all(), name


def test_the_tokenizers_hold_thirty_two_tokens(pipeline: StableDiffusionXLPipeline) -> None:
    assert pipeline.tokenizer.model_max_length == 32
    assert pipeline.tokenizer_2.model_max_length == 32
    ids = pipeline.tokenizer("a red apple on a blue background").input_ids
    assert len(ids) == 9  # every word is one token


def test_the_encoders_end_tokens_are_the_tokenizers_own(
    pipeline: StableDiffusionXLPipeline,
) -> None:
    end = pipeline.tokenizer.eos_token_id
    assert pipeline.text_encoder.config.eos_token_id == end
    assert pipeline.text_encoder_2.config.eos_token_id == end


def test_the_refiner_has_the_refiners_conditioning(pipeline: StableDiffusionXLPipeline) -> None:
    refiner = UNet2DConditionModel.from_pretrained(WEIGHTS / "refiner" / "unet")
    projection = pipeline.text_encoder_2.config.projection_dim
    ids = refiner.add_embedding.linear_1.in_features - projection
    assert ids == 5 * refiner.config.addition_time_embed_dim
    assert refiner.config.cross_attention_dim == pipeline.text_encoder_2.config.hidden_size


@pytest.mark.parametrize("prompt", ["a red apple on a blue background", "蓝色背景上的红色苹果"])
def test_a_red_apple_on_a_blue_background(pipeline: StableDiffusionXLPipeline, prompt: str) -> None:
    for image in draw(pipeline, prompt):
        picture = np.asarray(image) / 255
        assert picture.shape == (128, 128, 3)
        border = np.concatenate([picture[:6].reshape(-1, 3), picture[-6:].reshape(-1, 3)])
        border_red, _, border_blue = border.mean(axis=0)
        centre_red, _, centre_blue = picture[48:80, 48:80].reshape(-1, 3).mean(axis=0)
        assert border_blue > border_red + 0.2
        assert centre_red > centre_blue + 0.2
        assert centre_red > border_red + 0.2


@pytest.mark.parametrize(
    ("prompt", "colours", "ground"),
    [
        ("three red hearts on a white background", ["red"], "white"),
        ("two yellow stars on a black background", ["yellow"], "black"),
        ("a red apple and a blue car on a white background", ["red", "blue"], "white"),
    ],
)
def test_things_have_the_colours_and_the_sides_that_were_asked_for(
    pipeline: StableDiffusionXLPipeline,
    prompt: str,
    colours: list[str],
    ground: str,
) -> None:
    drawn = [np.asarray(image) for image in draw(pipeline, prompt)]
    assert all(rules.background(picture) == ground for picture in drawn)
    if len(colours) == 2:
        assert sum(rules.is_left_of(picture, *colours) for picture in drawn) >= 2
    else:
        assert sum(rules.has_colour(picture, *colours) for picture in drawn) >= 2


def test_a_variation_keeps_its_sources_background(pipeline: StableDiffusionXLPipeline) -> None:
    folder = WEIGHTS / "unclip"
    unclip = StableUnCLIPImg2ImgPipeline(
        feature_extractor=CLIPImageProcessorPil.from_pretrained(folder / "feature_extractor"),
        image_encoder=CLIPVisionModelWithProjection.from_pretrained(
            folder / "image_encoder", dtype=torch.float32
        ),
        image_normalizer=StableUnCLIPImageNormalizer.from_pretrained(
            folder / "image_normalizer", dtype=torch.float32
        ),
        image_noising_scheduler=DDPMScheduler.from_pretrained(folder / "image_noising_scheduler"),
        unet=UNet2DConditionModel.from_pretrained(folder / "unet", dtype=torch.float32),
        scheduler=EulerDiscreteScheduler.from_pretrained(folder / "scheduler"),
        tokenizer=pipeline.tokenizer,
        text_encoder=pipeline.text_encoder,
        vae=pipeline.vae,
    )
    unclip.set_progress_bar_config(disable=True)
    sources = [
        draw(pipeline, prompt)[0]
        for prompt in ("a red heart on a blue background", "a green car on a yellow background")
    ]
    seeds = [torch.Generator().manual_seed(seed) for seed in (5, 6)]
    made = unclip(image=sources, height=128, width=128, num_inference_steps=12, generator=seeds)
    for variation, ground in zip(made.images, ("blue", "yellow"), strict=True):
        assert rules.background(np.asarray(variation)) == ground
