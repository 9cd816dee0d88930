"""Pictures from words and a picture: its latents are noised and drawn anew from there.

SDEdit (arXiv 2108.01073): `strength` is the share of the schedule that is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps

from engine.api import ImageToImage
from engine.models.latents import scale_latents
from engine.models.loading import LoadedModel
from engine.pipelines.decode import decode
from engine.pipelines.denoise import OnStep, denoise, new_generators, noise_from
from engine.pipelines.image_conditions import NO_IMAGES, image_conditions, model_for
from engine.pipelines.schedule import Share, make_schedule
from engine.pipelines.stopwatch import Stopwatch


@torch.inference_mode()
def image_to_image(
    model: LoadedModel,
    request: ImageToImage,
    image: Image.Image,
    *,
    images: Mapping[str, Image.Image] = NO_IMAGES,
    seeds: Sequence[int],
    condition_seeds: Sequence[int] | None = None,
    on_step: OnStep,
    stopwatch: Stopwatch,
) -> torch.Tensor:
    """Draw one picture for each seed, all from `image` (RGB): (B, 3, H, W), float32, 0 to 1.

    `images` are the pictures of the prompt by sha256. `condition_seeds` are those of the noise on
    each picture's condition; None: the same.
    """
    condition_seeds = seeds if condition_seeds is None else condition_seeds
    with stopwatch("encode"):
        conditions = image_conditions(model, request, images, seeds=condition_seeds)
    model = model_for(model, request)
    schedule = make_schedule(model, request, seeds=seeds, strength=request.strength)
    generators = new_generators(seeds)
    with stopwatch("encode"), model.at_work(*model.prompt_encoder.modules):
        prompt = model.prompt_encoder.encode(
            request.prompt, request.negative_prompt or None, clip_skip=request.clip_skip
        )
    with stopwatch("encode"), model.at_work(model.vae):
        pixels = prepare_image(image, height=request.height, width=request.width)
        clean = _latents(model.vae, pixels, generators)
        noise = _noise(request, generators).to(clean.device)
    latents = denoise(
        model,
        request,
        prompt,
        conditions,
        schedule=schedule,
        condition_seeds=condition_seeds,
        generators=generators,
        latents=_noised(clean, noise, schedule.first),
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


def _latents(vae: Any, pixels: torch.Tensor, generators: Sequence[torch.Generator]) -> torch.Tensor:
    """Return the picture's latents (B, 4, h, w), float32, scaled.

    A picture's generator draws the latents from their distribution first and the noise after that,
    which is the order of the stock pipeline.
    """
    distribution = vae.encode(pixels.to(vae.device, vae.dtype)).latent_dist
    clean = torch.cat([distribution.sample(generator) for generator in generators]).float()
    return scale_latents(vae, clean)


def _noise(request: ImageToImage, generators: Sequence[torch.Generator]) -> torch.Tensor:
    """Return noise (B, 4, h, w), float32, on the CPU: new, or partly that of the source.

    What a picture was drawn from is most of its layout, so noise near it keeps that too.
    """
    new = noise_from(generators, height=request.height, width=request.width)
    if request.source_seed is None:
        return new
    source = new_generators([request.source_seed])
    old = noise_from(source, height=request.height, width=request.width).expand_as(new)
    return slerp(old, new, request.noise_interpolation)


def slerp(start: torch.Tensor, end: torch.Tensor, share: float) -> torch.Tensor:
    """Go from `start` (B, ...) to `end` along the sphere; each row keeps the length of noise.

    Shoemake, "Animating rotation with quaternion curves", 1985.
    """
    cosine = torch.cosine_similarity(start.flatten(1), end.flatten(1))
    angle = torch.acos(cosine.clamp(-1 + 1e-6, 1 - 1e-6)).view(-1, *[1] * (start.ndim - 1))
    between: torch.Tensor = torch.sin((1 - share) * angle) * start + torch.sin(share * angle) * end
    return between / torch.sin(angle)


def _noised(clean: torch.Tensor, noise: torch.Tensor, share: Share) -> torch.Tensor:
    """Return latents (B, 4, h, w), float32, at the noise level of a share's first step."""
    timesteps = share.timesteps[:1].repeat(len(clean))
    noised: torch.Tensor = share.scheduler.add_noise(clean, noise, timesteps)
    return noised
