"""Pictures and contact sheets from components in memory, through diffusers' stock pipelines."""

from pathlib import Path
from typing import Any

import torch
from diffusers import (
    StableDiffusionXLImg2ImgPipeline,
    StableDiffusionXLPipeline,
    StableUnCLIPImg2ImgPipeline,
    UNet2DConditionModel,
)
from PIL import Image
from torch import Tensor

from engine.pocket.architecture import BASE_SIZE, build_scheduler
from engine.pocket.export import FOLDERS

PROMPTS = (
    "a red apple",
    "a cat face",
    "a slice of pizza",
    "a green car",
    "a red heart on a blue background",
    "a yellow star at night",
    "a blue fish",
    "a tree in the snow",
    "a cup of coffee",
    "a rocket",
    "three red hearts",
    "a green cat on a red background",
    "a red apple and a blue car",
    "a dog on a yellow background",
    "a house on a green meadow",
    "红色的花，蓝色背景",
)


def draw_base(
    components: dict[str, Any], prompts: tuple[str, ...], *, seed: int = 0, **options: Any
) -> list[Image.Image]:
    """Draw prompts through the stock SDXL pipeline, all from the same noise unless told."""
    parts = {name: part for name, part in components.items() if name not in FOLDERS}
    pipeline = StableDiffusionXLPipeline(**parts, add_watermarker=False)
    pipeline.set_progress_bar_config(disable=True)
    generators = [torch.Generator().manual_seed(seed) for _ in prompts]
    settings = {
        "num_inference_steps": 20,
        "guidance_scale": 5.0,
        "generator": generators,
        **options,
    }
    images: list[Image.Image] = pipeline(prompt=list(prompts), **settings).images
    return images


def draw_refined(
    components: dict[str, Any],
    prompts: tuple[str, ...],
    *,
    seed: int = 0,
    num_inference_steps: int = 20,
    **options: Any,
) -> list[Image.Image]:
    """Draw prompts through the stock pipelines of SDXL and of its refiner."""
    options |= {"seed": seed, "num_inference_steps": num_inference_steps}
    latents = draw_base(components, prompts, denoising_end=0.8, output_type="latent", **options)
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
        num_inference_steps=num_inference_steps,
        denoising_start=0.8,
        guidance_scale=5.0,
    ).images
    return images


def draw_variations(
    components: dict[str, Any], sources: list[Image.Image], *, seed: int = 0
) -> list[Image.Image]:
    """Draw one variation of each picture through the stock pipeline of Stable unCLIP."""
    return _draw_unclip(components, len(sources), seed=seed, image=sources)


def draw_from_embeds(
    components: dict[str, Any], embeds: Tensor, *, seed: int = 0, **options: Any
) -> list[Image.Image]:
    """Draw what image embeddings (N, 192) say through the same pipeline."""
    return _draw_unclip(components, len(embeds), seed=seed, image_embeds=embeds, **options)


def _draw_unclip(
    components: dict[str, Any], count: int, *, seed: int, **options: Any
) -> list[Image.Image]:
    """Draw pictures of 128 x 128, each from its own noise: picture i has seed + i."""
    shared = ("tokenizer", "text_encoder", "vae", "image_encoder", "image_normalizer")
    others = ("feature_extractor", "image_noising_scheduler")
    pipeline = StableUnCLIPImg2ImgPipeline(
        **{name: components[name] for name in (*shared, *others)},
        unet=components["unclip"],
        scheduler=build_scheduler(),
    )
    pipeline.set_progress_bar_config(disable=True)
    settings = {"num_inference_steps": 20, "guidance_scale": 3.0, **options}
    images: list[Image.Image] = pipeline(
        prompt=[""] * count,
        height=BASE_SIZE,
        width=BASE_SIZE,
        generator=[torch.Generator().manual_seed(seed + i) for i in range(count)],
        **settings,
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
