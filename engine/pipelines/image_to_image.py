"""Pictures from words and a picture: its latents are noised and drawn anew from there.

SDEdit (arXiv 2108.01073): `strength` is the share of the schedule that is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps

from engine.api import ImageToImage
from engine.models.latents import scale_latents
from engine.models.loading import LoadedModel
from engine.pipelines.decode import decode
from engine.pipelines.denoise import OnStep, denoise, new_generators, noise_from
from engine.pipelines.schedule import Schedule, make_schedule
from engine.pipelines.stopwatch import Stopwatch


@torch.inference_mode()
def image_to_image(
    model: LoadedModel,
    request: ImageToImage,
    image: Image.Image,
    *,
    seeds: Sequence[int],
    condition_seeds: Sequence[int] | None = None,
    on_step: OnStep,
    stopwatch: Stopwatch,
) -> torch.Tensor:
    """Draw one picture for each seed, all from `image` (RGB): (B, 3, H, W), float32, 0 to 1.

    `condition_seeds` are those of the noise on each picture's condition; None: the same.
    """
    schedule = make_schedule(model, request, seeds=seeds, strength=request.strength)
    generators = new_generators(seeds)
    with stopwatch("encode"), model.at_work(*model.prompt_encoder.modules):
        prompt = model.prompt_encoder.encode(
            request.prompt, request.negative_prompt or None, clip_skip=request.clip_skip
        )
    with stopwatch("encode"), model.at_work(model.vae):
        pixels = prepare_image(image, height=request.height, width=request.width)
        latents = _noised_latents(model.vae, pixels, generators, schedule)
    latents = denoise(
        model,
        request,
        prompt,
        schedule=schedule,
        condition_seeds=seeds if condition_seeds is None else condition_seeds,
        generators=generators,
        latents=latents,
        on_step=on_step,
        stopwatch=stopwatch,
    )
    with stopwatch("decode"), model.at_work(model.vae):
        return decode(model.vae, latents, is_circular=request.circular_padding)


def prepare_image(image: Image.Image, *, height: int, width: int) -> torch.Tensor:
    """Return the picture as (1, 3, H, W), float32, -1 to 1; what does not fit the shape is cut."""
    fitted = ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS)
    values = np.asarray(fitted.convert("RGB"), dtype=np.float32) / 255
    return torch.from_numpy(values).permute(2, 0, 1).unsqueeze(0) * 2 - 1


def _noised_latents(
    vae: Any, pixels: torch.Tensor, generators: Sequence[torch.Generator], schedule: Schedule
) -> torch.Tensor:
    """Return latents (B, 4, h, w), float32, at the noise level of the schedule's first step.

    A picture's generator draws the latents from their distribution first and the noise after that,
    which is the order of the stock pipeline.
    """
    distribution = vae.encode(pixels.to(vae.device, vae.dtype)).latent_dist
    clean = torch.cat([distribution.sample(generator) for generator in generators]).float()
    clean = scale_latents(vae, clean)
    height, width = pixels.shape[-2:]
    drawn = noise_from(generators, height=height, width=width).to(clean.device)
    share = schedule.first
    timesteps = share.timesteps[:1].repeat(len(generators))
    noised: torch.Tensor = share.scheduler.add_noise(clean, drawn, timesteps)
    return noised
