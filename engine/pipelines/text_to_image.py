"""Pictures from words, and from pictures as prompts: noise, base, refiner, pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from PIL import Image

from engine.api import TextToImage
from engine.models.loading import LoadedModel
from engine.pipelines.decode import decode
from engine.pipelines.denoise import OnStep, denoise, new_generators, noise_from
from engine.pipelines.image_conditions import NO_IMAGES, image_conditions, model_for
from engine.pipelines.schedule import make_schedule
from engine.pipelines.stopwatch import Stopwatch


@torch.inference_mode()
def text_to_image(
    model: LoadedModel,
    request: TextToImage,
    *,
    texts: Sequence[tuple[str, str | None]] | None = None,
    images: Mapping[str, Image.Image] = NO_IMAGES,
    seeds: Sequence[int],
    condition_seeds: Sequence[int] | None = None,
    on_step: OnStep,
    stopwatch: Stopwatch,
) -> torch.Tensor:
    """Draw one picture for each seed: (B, 3, H, W), float32, 0 to 1.

    `texts` are each picture's prompt and negative prompt; None: those of the request. `images` are
    the pictures of the prompt by sha256. `condition_seeds` are those of the noise on each picture's
    condition; None: the same.
    """
    condition_seeds = seeds if condition_seeds is None else condition_seeds
    with stopwatch("encode"):
        conditions = image_conditions(model, request, images, seeds=condition_seeds)
    model = model_for(model, request)
    schedule = make_schedule(model, request, seeds=seeds)
    own = (request.prompt, request.negative_prompt or None)
    with stopwatch("encode"), model.at_work(*model.prompt_encoder.modules):
        prompt = model.prompt_encoder.encode_rows(
            texts or [own] * len(seeds), clip_skip=request.clip_skip
        )
    generators = new_generators(seeds)
    start = noise_from(generators, height=request.height, width=request.width)
    latents = denoise(
        model,
        request,
        prompt,
        conditions,
        schedule=schedule,
        condition_seeds=condition_seeds,
        generators=generators,
        latents=start * schedule.first.scheduler.init_noise_sigma,
        on_step=on_step,
        stopwatch=stopwatch,
    )
    with stopwatch("decode"), model.at_work(model.vae):
        return decode(model.vae, latents, is_circular=request.circular_padding)
