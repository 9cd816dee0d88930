"""Who draws which steps: the shares of base and refiner in one schedule.

An ensemble of expert denoisers (eDiff-I, arXiv 2211.01324): the base model draws the noisy part of
the schedule, the refiner the rest, on the same latents.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from engine.api import DrawingRequest, RequestError
from engine.models.components import Expert
from engine.models.loading import LoadedModel
from engine.pipelines.samplers import new_scheduler


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The steps of one expert."""

    unet: Any
    scheduler: Any
    timesteps: torch.Tensor
    """(steps,), float32 or int64, falling, on the CPU."""

    def steps_above(self, denoising_end: float) -> int:
        """Count the steps before this share of the schedule is drawn.

        The cut is by timestep, not by step, so that a schedule may be of any spacing. A sampler of
        order 2 looks twice at every step but the last; no cut parts the two.
        """
        train_timesteps = self.scheduler.config.num_train_timesteps
        cutoff = round(train_timesteps - denoising_end * train_timesteps)
        above = int((self.timesteps >= cutoff).sum())
        order: int = self.scheduler.order
        return min(math.ceil(above / order) * order, len(self.timesteps))

    def between(self, begin: int, end: int) -> Share:
        """Return a part of the steps, with the scheduler set to its beginning."""
        if hasattr(self.scheduler, "set_begin_index"):  # DDIM goes by the timestep alone
            self.scheduler.set_begin_index(begin)
        return replace(self, timesteps=self.timesteps[begin : max(begin, end)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The steps of one drawing. A share may be empty, both may not."""

    base: Share
    refiner: Share | None
    is_cut: bool = False
    """Whether it ends before the noise does: then what the last step predicts is the picture."""

    @property
    def total(self) -> int:
        """Steps of both experts."""
        return len(self.base.timesteps) + (len(self.refiner.timesteps) if self.refiner else 0)

    @property
    def first(self) -> Share:
        """The share that the drawing starts with."""
        if self.refiner is not None and not len(self.base.timesteps):
            return self.refiner
        return self.base

    def until(self, stop_at: float) -> Schedule:
        """Return the first steps only, at least one: a share of them all."""
        if stop_at == 1:
            return self
        steps = max(1, round(self.total * stop_at))
        base = replace(self.base, timesteps=self.base.timesteps[:steps])
        if self.refiner is None:
            return replace(self, base=base, is_cut=True)
        rest = max(0, steps - len(base.timesteps))
        refiner = replace(self.refiner, timesteps=self.refiner.timesteps[:rest])
        return replace(self, base=base, refiner=refiner, is_cut=True)


def make_schedule(
    model: LoadedModel, request: DrawingRequest, *, seeds: Sequence[int], strength: float = 1.0
) -> Schedule:
    """Share the steps out. With a `strength` below 1 the first of them are left out.

    With the request's `stop_at` below 1 it is the last of those that remain.

    Raises RequestError when the model has no refiner for the share that the request leaves to one.
    """
    denoising_end = request.denoising_end
    if denoising_end < 1 and model.refiner is None:
        raise RequestError(
            "denoising_end", f"{denoising_end:g} leaves the rest to a refiner; the model has none"
        )
    base = _share(model.base, request, seeds)
    steps = request.num_inference_steps
    skipped = (steps - min(int(steps * strength), steps)) * base.scheduler.order
    if denoising_end >= 1 or model.refiner is None:
        whole = Schedule(base=base.between(skipped, len(base.timesteps)), refiner=None)
        return whole.until(request.stop_at)
    refiner = _share(model.refiner, request, seeds)
    whole = Schedule(
        base=base.between(skipped, base.steps_above(denoising_end)),
        refiner=refiner.between(
            max(skipped, refiner.steps_above(denoising_end)), len(refiner.timesteps)
        ),
    )
    return whole.until(request.stop_at)


def _share(expert: Expert, request: DrawingRequest, seeds: Sequence[int]) -> Share:
    """Return the whole schedule as one expert would draw it."""
    scheduler = new_scheduler(expert.scheduler, request.sampler, seeds=seeds)
    scheduler.set_timesteps(request.num_inference_steps)
    # Some samplers count in float64, which not every device has.
    timesteps = scheduler.timesteps
    if timesteps.is_floating_point():
        timesteps = timesteps.float()
    return Share(unet=expert.unet, scheduler=scheduler, timesteps=timesteps)
