"""Pictures and contact sheets from components in memory, through the stock SDXL pipelines."""

from pathlib import Path
from typing import Any

import torch
from diffusers import (
    StableDiffusionXLImg2ImgPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from PIL import Image

from engine.pocket.architecture import build_scheduler

PROMPTS = (
    "a red apple on a blue background",
    "a green car on a yellow background",
    "a cat",
    "a purple heart on a white background",
    "three red hearts",
    "a dog",
    "a sunflower",
    "a fish underwater",
    "a yellow star on a black background",
    "a pizza",
    "a blue cat on a pink background",
    "a rocket in space",
    "strawberry, cartoon style",
    "a house on a green meadow",
    "a yellow bus",
    "a penguin in the snow",
)


def draw_base(
    components: dict[str, Any], prompts: tuple[str, ...], *, seed: int = 0, **options: Any
) -> list[Image.Image]:
    """Draw prompts through the stock SDXL pipeline."""
    parts = {name: part for name, part in components.items() if name != "refiner"}
    pipeline = StableDiffusionXLPipeline(**parts, add_watermarker=False)
    pipeline.set_progress_bar_config(disable=True)
    generators = [torch.Generator().manual_seed(seed) for _ in prompts]
    images: list[Image.Image] = pipeline(
        prompt=list(prompts),
        num_inference_steps=20,
        guidance_scale=5.0,
        generator=generators,
        **options,
    ).images
    return images


def draw_refined(
    components: dict[str, Any], prompts: tuple[str, ...], *, seed: int = 0
) -> list[Image.Image]:
    """Draw prompts through the stock pipelines of SDXL and of its refiner."""
    latents = draw_base(components, prompts, seed=seed, denoising_end=0.8, output_type="latent")
    pipeline = StableDiffusionXLImg2ImgPipeline(
        vae=components["vae"],
        text_encoder=None,
        tokenizer=None,
        text_encoder_2=components["text_encoder_2"],
        tokenizer_2=components["tokenizer_2"],
        unet=components["refiner"],
        scheduler=build_scheduler(),
        requires_aesthetics_score=True,
        add_watermarker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    images: list[Image.Image] = pipeline(
        prompt=list(prompts),
        image=latents,
        num_inference_steps=20,
        denoising_start=0.8,
        guidance_scale=5.0,
    ).images
    return images


def contact_sheet(images: list[Image.Image], columns: int = 8) -> Image.Image:
    """Lay pictures of one size out in rows."""
    width, height = images[0].size
    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (columns * width, rows * height), "white")
    for i, image in enumerate(images):
        sheet.paste(image, (i % columns * width, i // columns * height))
    return sheet


def draw_samples(weights: Path, seeds: tuple[int, ...] = (0, 1, 2)) -> Image.Image:
    """Draw the prompts from an exported folder: eight a row, one row a seed, unpicked."""
    pipeline = StableDiffusionXLPipeline.from_pretrained(weights, dtype=torch.float32)
    components = {name: part for name, part in pipeline.components.items() if part is not None}
    components["refiner"] = UNet2DConditionModel.from_pretrained(weights / "refiner" / "unet")
    images = []
    for half in (PROMPTS[:8], PROMPTS[8:]):
        for seed in seeds:
            images += draw_refined(components, half, seed=seed)
    return contact_sheet(images)
