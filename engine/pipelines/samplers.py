"""The samplers that a request may name, made from a model's own settings.

What the model was trained with is kept whatever the sampler: how it predicts, how its steps are
spaced and how noisy its noisiest step is. A sampler of diffusers that cannot be told the last of
these is given the betas that amount to it; Heun alone goes without.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    DPMSolverSDEScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    HeunDiscreteScheduler,
    LCMScheduler,
    LMSDiscreteScheduler,
    UniPCMultistepScheduler,
)

from engine.api import Sampler

_EVEN = {"use_karras_sigmas": False, "use_exponential_sigmas": False, "use_beta_sigmas": False}
_KARRAS = _EVEN | {"use_karras_sigmas": True}


_SCHEDULERS: dict[Sampler, tuple[Any, dict[str, Any]]] = {
    Sampler.EULER: (EulerDiscreteScheduler, {}),
    Sampler.EULER_A: (EulerAncestralDiscreteScheduler, {}),
    Sampler.HEUN: (HeunDiscreteScheduler, {}),
    Sampler.LMS: (LMSDiscreteScheduler, {}),
    # The latents of these models go beyond the -1 to 1 that DDIM clips to by default.
    Sampler.DDIM: (DDIMScheduler, {"clip_sample": False}),
    Sampler.DPM_2M: (DPMSolverMultistepScheduler, _EVEN),
    Sampler.DPM_2M_KARRAS: (DPMSolverMultistepScheduler, _KARRAS),
    Sampler.DPM_SDE_KARRAS: (DPMSolverSDEScheduler, _KARRAS),
    Sampler.UNIPC: (UniPCMultistepScheduler, _EVEN),
    Sampler.LCM: (LCMScheduler, {}),
}


def new_scheduler(template: Any, sampler: Sampler, *, seeds: Sequence[int]) -> Any:
    """Return a scheduler for one drawing; `template` is the model's own, `seeds` the pictures'."""
    kind, settings = _SCHEDULERS[sampler]
    knows = inspect.signature(kind).parameters
    is_rescaled = template.config.get("rescale_betas_zero_snr", False)
    # Heun's second look would answer the endless first step with an endless error.
    is_left = "rescale_betas_zero_snr" in knows or sampler is Sampler.HEUN
    if is_rescaled and not is_left:
        settings = settings | {"trained_betas": _terminal_snr_betas(template)}
    if "noise_sampler_seed" in knows:
        # It takes no generators; without seeds of its own no picture could be drawn again.
        settings = settings | {"noise_sampler_seed": list(seeds)}
    return kind.from_config(template.config, **settings)


def step_options(scheduler: Any) -> dict[str, Any]:
    """Return what a sampler's step is told beside the prediction."""
    is_endless = scheduler.config.get("trained_betas") is not None
    if isinstance(scheduler, LMSDiscreteScheduler) and is_endless:
        # After an endless first step, polynomials of a higher order swing to the very end.
        return {"order": 2}
    return {}


def predicted_latents(scheduler: Any, output: Any) -> torch.Tensor:
    """Return what a step's output says that the finished latents are: (B, 4, h, w), float32."""
    for name in ("pred_original_sample", "denoised"):
        predicted: torch.Tensor | None = getattr(output, name, None)
        if predicted is not None:
            return predicted
    # The multistep solvers keep their predictions, the newest last.
    newest: torch.Tensor = scheduler.model_outputs[-1]
    return newest


def _terminal_snr_betas(template: Any) -> list[float]:
    """Return the betas of a terminal SNR of zero (arXiv 2305.08891, algorithm 1).

    As in diffusers' own Euler sampler, zero is 2**-24: the noise must have a finite size.
    """
    alphas = EulerDiscreteScheduler.from_config(template.config).alphas_cumprod.double()
    previous = torch.cat([alphas.new_ones(1), alphas[:-1]])
    betas: list[float] = (1 - alphas / previous).tolist()
    return betas
