"""How closely the words are followed, and what keeps a strong guidance from burning the picture.

Three things on one prediction: guidance itself (Imagen, arXiv 2205.11487, equation 2), its rescale
(arXiv 2305.08891, section 3.4) and dynamic thresholding (Imagen, section 2.3). Imagen bounds pixels
by -1 to 1; latents have no such bound, so the bound here is the range that guidance of a lower
scale, the `mimic_scale`, gives each channel of the same picture at the same step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch

THRESHOLDING_RATIO = 0.995
"""Imagen's p: where a range ends; what few values lie beyond it do not count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guidance:
    """One request's guidance."""

    scale: float
    """w of equation 2; 1 is none."""
    rescale: float
    """phi of section 3.4, 0 to 1."""
    mimic_scale: float
    """The scale whose range is not left; 0: no bound."""

    @property
    def is_on(self) -> bool:
        """Whether there is an unconditional prediction beside the conditional one."""
        return self.scale > 1

    def combine(
        self, prediction: torch.Tensor, noisy: torch.Tensor, timestep: float, scheduler: Any
    ) -> torch.Tensor:
        """Return the guided prediction (B, 4, h, w), float32.

        `prediction` (2B, 4, h, w), float32: the unconditional rows first. `noisy` (B, 4, h, w),
        float32: what the UNet saw.
        """
        unconditional, conditional = prediction.chunk(2)
        difference = conditional - unconditional
        guided = unconditional + self.scale * difference
        if self.mimic_scale:
            mimicked = unconditional + self.mimic_scale * difference
            space = _Space.at(timestep, scheduler)
            bounded = _bounded(space.clean(guided, noisy), space.clean(mimicked, noisy))
            guided = space.prediction(bounded, noisy)
        if self.rescale:
            guided = _rescaled(guided, conditional, self.rescale)
        return guided


@dataclass(frozen=True, slots=True, kw_only=True)
class _Space:
    """The way between predictions and clean latents: noisy = signal x clean + noise x epsilon."""

    signal: float
    noise: float
    predicts_velocity: bool

    @classmethod
    def at(cls, timestep: float, scheduler: Any) -> _Space:
        """Return the space of one timestep; between whole ones, the noise level is log-linear."""
        cumulated = scheduler.alphas_cumprod
        below = min(int(timestep), len(cumulated) - 1)
        above = min(below + 1, len(cumulated) - 1)
        low, high = (_log_noise_level(float(cumulated[index])) for index in (below, above))
        level = math.exp(low + (high - low) * (timestep - below))
        scale = math.sqrt(level**2 + 1)
        return cls(
            signal=1 / scale,
            noise=level / scale,
            predicts_velocity=scheduler.config.prediction_type == "v_prediction",
        )

    def clean(self, prediction: torch.Tensor, noisy: torch.Tensor) -> torch.Tensor:
        if self.predicts_velocity:
            return self.signal * noisy - self.noise * prediction
        return (noisy - self.noise * prediction) / self.signal

    def prediction(self, clean: torch.Tensor, noisy: torch.Tensor) -> torch.Tensor:
        if self.predicts_velocity:
            return (self.signal * noisy - clean) / self.noise
        return (noisy - self.signal * clean) / self.noise


def _log_noise_level(cumulated_alpha: float) -> float:
    bounded = min(max(cumulated_alpha, 2**-24), 1 - 2**-24)
    return math.log((1 - bounded) / bounded) / 2


def _bounded(clean: torch.Tensor, mimicked: torch.Tensor) -> torch.Tensor:
    """Clip each channel to where most values of `mimicked` lie."""
    values = mimicked.flatten(2)
    least, most = (
        torch.quantile(values, share, dim=2)[..., None, None]
        for share in (1 - THRESHOLDING_RATIO, THRESHOLDING_RATIO)
    )
    return clean.clamp(least, most)


def _rescaled(guided: torch.Tensor, conditional: torch.Tensor, phi: float) -> torch.Tensor:
    """Bring the deviation back to that of the conditional prediction, by the share phi."""
    over = tuple(range(1, guided.ndim))
    factor = conditional.std(over, keepdim=True) / guided.std(over, keepdim=True)
    return phi * guided * factor + (1 - phi) * guided
