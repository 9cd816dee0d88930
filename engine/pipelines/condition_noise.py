"""Noise on the condition: what tells the pictures of one grid apart, and what makes them strange.

Two pulls, each with a stream of its own for every picture:

- annealed, after CADS (arXiv 2310.17347, section 4), with two changes: a picture's noise is drawn
  once and not at each step, so that a picture is pulled one way; and the request's strength scales
  the share of the noise instead of its size, so that 0 is exactly no noise and 1 leaves the first
  quarter of the schedule without any condition;
- a turn, which stays: every token is turned by the same angle toward one random direction, so that
  what is asked for is drawn to the end as something it is not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

FULL_NOISE_FROM = 0.75
"""tau 2: above this share of the training schedule the condition is as noisy as it gets."""
NO_NOISE_BELOW = 0.35
"""tau 1: below it the condition is clean, so that details follow the text."""

_STREAM = 2**32
"""Added to a picture's seed (below 2**32): a stream of its own, so latents stay what they were."""


class ConditionNoise:
    """One request's noise, and a generator for each picture.

    `strength` is that of the annealed noise, from 0 to 1; `rotation` is the angle of the turn, from
    0 to 1 for none to a right angle.
    """

    def __init__(self, seeds: Sequence[int], *, strength: float, rotation: float = 0.0) -> None:
        self._seeds = seeds
        self._strength = strength
        self._rotation = rotation
        self._drawn: dict[tuple[int, torch.Size], torch.Tensor] = {}

    def share(self, timestep: float, *, train_timesteps: int = 1000) -> float:
        """Return how much of the condition is noise: 1 - gamma(t) of equation 4, by strength."""
        t = timestep / train_timesteps
        ramp = (t - NO_NOISE_BELOW) / (FULL_NOISE_FROM - NO_NOISE_BELOW)
        return self._strength * min(max(ramp, 0.0), 1.0)

    def mix(self, embeds: torch.Tensor, share: float) -> torch.Tensor:
        """Mix embeds (B, ..., D) with noise; mean and deviation over D stay (equation 6)."""
        if share == 0:
            return embeds
        return _mixed(embeds, self._noise(_STREAM, embeds.shape), share)

    def turn(self, embeds: torch.Tensor) -> torch.Tensor:
        """Turn embeds (B, ..., D), each picture's toward its direction, by the angle."""
        if self._rotation == 0:
            return embeds
        direction = self._noise(2 * _STREAM, torch.Size((embeds.shape[0], embeds.shape[-1])))
        spread = direction.view(embeds.shape[0], *[1] * (embeds.ndim - 2), embeds.shape[-1])
        return _mixed(embeds, spread, math.sin(self._rotation * math.pi / 2) ** 2)

    def _noise(self, stream: int, shape: torch.Size) -> torch.Tensor:
        """Return standard noise (B, ...), float32, on the CPU: row i from picture i's generator."""
        if (stream, shape) not in self._drawn:
            generators = [torch.Generator("cpu").manual_seed(seed + stream) for seed in self._seeds]
            rows = [torch.randn(shape[1:], generator=generator) for generator in generators]
            self._drawn[stream, shape] = torch.stack(rows)
        return self._drawn[stream, shape]


def _mixed(embeds: torch.Tensor, noise: torch.Tensor, share: float) -> torch.Tensor:
    values = embeds.float()
    mean, deviation = values.mean(-1, keepdim=True), values.std(-1, keepdim=True)
    mixed = (1 - share) ** 0.5 * (values - mean) + share**0.5 * deviation * noise.to(values)
    mixed = mixed - mixed.mean(-1, keepdim=True)
    scaled: torch.Tensor = mixed * deviation / mixed.std(-1, keepdim=True).clamp_min(1e-6)
    return (scaled + mean).to(embeds.dtype)
