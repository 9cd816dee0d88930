"""The denoising loop: latents in, latents out.

The same steps as the stock StableDiffusionXLPipeline, its Img2Img twin and unCLIP's pipeline, which
the tests hold it to, in one place for base and refiner. Latents stay in float32 on every device: at
a terminal SNR of zero they start at a standard deviation of 4096, too much for half precision.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from engine.api import DrawingRequest
from engine.models.loading import LoadedModel
from engine.pipelines import circular
from engine.pipelines.condition_noise import ConditionNoise
from engine.pipelines.guidance import Guidance
from engine.pipelines.image_conditions import ImageConditions
from engine.pipelines.samplers import predicted_latents, step_options
from engine.pipelines.schedule import Schedule, Share
from engine.pipelines.stopwatch import Stopwatch
from engine.prompt_encoder import EncodedPrompt, PromptEmbeds

LATENT_CHANNELS = 4
VAE_SCALE_FACTOR = 8

OnStep = Callable[[int, int, torch.Tensor], None]
"""Called after each step: steps done, steps in all, the predicted latents (B, 4, h, w), float32.

What it raises ends the drawing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Conditioning:
    """What the UNet is told beside the latents; rows are unconditional first, if guided."""

    encoder_hidden_states: torch.Tensor
    text_embeds: torch.Tensor
    time_ids: torch.Tensor
    class_labels: torch.Tensor | None = None
    added_cond_kwargs: Mapping[str, Any] = field(default_factory=dict)

    def turned(self, noise: ConditionNoise, *, batch: int) -> _Conditioning:
        """Return it turned toward each picture's direction. What is said against stays."""
        return self._changed(noise.turn, batch=batch)

    def with_noise(self, noise: ConditionNoise, t: float, *, batch: int) -> _Conditioning:
        """Return it as noisy as it is to be at timestep t. What is said against stays clean."""
        share = noise.share(t)
        if share == 0:
            return self
        return self._changed(lambda embeds: noise.mix(embeds, share), batch=batch)

    def _changed(
        self, change: Callable[[torch.Tensor], torch.Tensor], *, batch: int
    ) -> _Conditioning:
        states, embeds = self.encoder_hidden_states, self.text_embeds
        return replace(
            self,
            encoder_hidden_states=torch.cat([states[:-batch], change(states[-batch:])]),
            text_embeds=torch.cat([embeds[:-batch], change(embeds[-batch:])]),
        )


def new_generators(seeds: Sequence[int]) -> list[torch.Generator]:
    """Return a generator for each picture, on the CPU.

    Noise is drawn on the CPU and one picture at a time, so that a seed means the same picture in
    any batch and on any device.
    """
    return [torch.Generator("cpu").manual_seed(seed) for seed in seeds]


def noise_from(generators: Sequence[torch.Generator], *, height: int, width: int) -> torch.Tensor:
    """Return standard noise (B, 4, H/8, W/8), float32, on the CPU: one row from each generator."""
    shape = (1, LATENT_CHANNELS, height // VAE_SCALE_FACTOR, width // VAE_SCALE_FACTOR)
    return torch.cat([torch.randn(shape, generator=generator) for generator in generators])


def denoise(
    model: LoadedModel,
    request: DrawingRequest,
    prompt: EncodedPrompt,
    images: ImageConditions,
    *,
    schedule: Schedule,
    condition_seeds: Sequence[int],
    generators: Sequence[torch.Generator],
    latents: torch.Tensor,
    on_step: OnStep,
    stopwatch: Stopwatch,
) -> torch.Tensor:
    """Draw the whole schedule on `latents` (B, 4, h, w), float32: base first, then refiner.

    `images` is what pictures say beside the prompt; they say it to the base UNet only.
    `condition_seeds` are those of the noise on each picture's condition. `generators` are those
    that the latents came from; some samplers draw on from them.
    """
    guidance = Guidance(
        scale=request.guidance_scale,
        rescale=request.guidance_rescale,
        mimic_scale=request.mimic_scale,
    )
    size = (request.height, request.width)
    size_ids = [*size, 0, 0]
    batch = len(latents)
    base = _conditioning(
        prompt.base, [*size_ids, *size], [*size_ids, *size], batch=batch, guided=guidance.is_on
    )
    base = _with_images(base, images, batch=batch, guided=guidance.is_on)
    latents = latents.to(model.device.torch_device)
    condition_noise = ConditionNoise(
        condition_seeds, strength=request.condition_noise, rotation=request.condition_rotation
    )
    loop = _Loop(
        guidance=guidance,
        total=schedule.total,
        condition_noise=condition_noise,
        is_circular=request.circular_padding,
        generators=generators,
        on_step=on_step,
    )
    with stopwatch("base"), model.at_work(schedule.base.unet):
        latents = loop.run(schedule.base, base, latents)
    if schedule.refiner is not None:
        refiner = _conditioning(
            prompt.refiner,
            [*size_ids, request.aesthetic_score],
            [*size_ids, request.negative_aesthetic_score],
            batch=batch,
            guided=guidance.is_on,
        )
        with stopwatch("refiner"), model.at_work(schedule.refiner.unet):
            latents = loop.run(schedule.refiner, refiner, latents)
    return loop.predicted if schedule.is_cut else latents


class _Loop:
    """Counts the steps of both experts together."""

    def __init__(
        self,
        *,
        guidance: Guidance,
        total: int,
        condition_noise: ConditionNoise,
        is_circular: bool,
        generators: Sequence[torch.Generator],
        on_step: OnStep,
    ) -> None:
        self._guidance = guidance
        self._total = total
        self._condition_noise = condition_noise
        self._is_circular = is_circular
        self._generators = list(generators)
        self._on_step = on_step
        self._step = 0
        self.predicted = torch.empty(0)
        """What the last step says that the finished latents are: (B, 4, h, w), float32."""

    def run(self, share: Share, conditioning: _Conditioning, latents: torch.Tensor) -> torch.Tensor:
        """Draw one expert's steps."""
        takes_generators = "generator" in inspect.signature(share.scheduler.step).parameters
        options = step_options(share.scheduler)
        if takes_generators:
            options["generator"] = self._generators
        # Nothing is read back from the device inside the loop: that would wait for it.
        on_device = share.timesteps.to(latents.device)
        conditioning = conditioning.turned(self._condition_noise, batch=len(latents))
        for t, timestep in zip(on_device, share.timesteps.tolist(), strict=True):
            now = conditioning.with_noise(self._condition_noise, timestep, batch=len(latents))
            is_circular = self._is_circular and not circular.lays_out(timestep)
            with circular.padding(share.unet, is_circular=is_circular):
                prediction = self._predict(share, now, latents, t, timestep)
            output = share.scheduler.step(prediction, t, latents, **options)
            latents = output.prev_sample
            self._step += 1
            self.predicted = predicted_latents(share.scheduler, output)
            self._on_step(self._step, self._total, self.predicted)
        return latents

    def _predict(
        self,
        share: Share,
        conditioning: _Conditioning,
        latents: torch.Tensor,
        t: torch.Tensor,
        timestep: float,
    ) -> torch.Tensor:
        """Return the guided prediction (B, 4, h, w), float32. `timestep` is t on the CPU."""
        noisy = share.scheduler.scale_model_input(latents, t)
        model_input = torch.cat([noisy] * 2) if self._guidance.is_on else noisy
        prediction: torch.Tensor = share.unet(
            model_input.to(share.unet.dtype),
            t,
            encoder_hidden_states=conditioning.encoder_hidden_states,
            class_labels=conditioning.class_labels,
            added_cond_kwargs={
                "text_embeds": conditioning.text_embeds,
                "time_ids": conditioning.time_ids,
                **conditioning.added_cond_kwargs,
            },
            return_dict=False,
        )[0].float()
        if not self._guidance.is_on:
            return prediction
        return self._guidance.combine(prediction, noisy, timestep, share.scheduler)


def _with_images(
    conditioning: _Conditioning, images: ImageConditions, *, batch: int, guided: bool
) -> _Conditioning:
    like = conditioning.encoder_hidden_states
    return replace(
        conditioning,
        class_labels=images.class_label_rows(like, guided=guided),
        added_cond_kwargs=images.added_cond_kwargs(like, batch=batch, guided=guided),
    )


def _conditioning(
    prompt: PromptEmbeds,
    time_ids: Sequence[float],
    negative_time_ids: Sequence[float],
    *,
    batch: int,
    guided: bool,
) -> _Conditioning:
    """Say it of every picture of a batch, what is said against them first.

    `prompt` has a row for each picture, or one for all of them.
    """
    embeds = prompt.prompt_embeds.expand(batch, -1, -1)
    pooled = prompt.pooled_prompt_embeds.expand(batch, -1)
    ids = embeds.new_tensor([time_ids]).expand(batch, -1)
    if not guided:
        return _Conditioning(encoder_hidden_states=embeds, text_embeds=pooled, time_ids=ids)
    negative_embeds = prompt.negative_prompt_embeds.expand(batch, -1, -1)
    negative_pooled = prompt.negative_pooled_prompt_embeds.expand(batch, -1)
    negative_ids = embeds.new_tensor([negative_time_ids]).expand(batch, -1)
    return _Conditioning(
        encoder_hidden_states=torch.cat([negative_embeds, embeds]),
        text_embeds=torch.cat([negative_pooled, pooled]),
        time_ids=torch.cat([negative_ids, ids]),
    )
