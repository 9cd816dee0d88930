"""Annealed noise on the condition: what tells the pictures of one grid apart.

After CADS (arXiv 2310.17347, section 4), with two changes: a picture's noise is drawn once and not
at each step, so that a picture is pulled one way; and the request's strength scales the share of
the noise instead of its size, so that 0 is exactly no noise and 1 leaves the first tenth of the
schedule without any condition.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

FULL_NOISE_FROM = 0.9
"""tau 2: above this share of the training schedule the condition is as noisy as it gets."""
NO_NOISE_BELOW = 0.6
"""tau 1: below it the condition is clean, so that details follow the text."""

_STREAM = 2**32
"""Added to a picture's seed (below 2**32): a stream of its own, so latents stay what they were."""


class ConditionNoise:
    """One request's noise: `strength` from 0 to 1, and a generator for each picture."""

    def __init__(self, seeds: Sequence[int], *, strength: float) -> None:
        self._seeds = seeds
        self._strength = strength
        self._drawn: dict[torch.Size, torch.Tensor] = {}

    def share(self, timestep: float, *, train_timesteps: int = 1000) -> float:
        """Return how much of the condition is noise: 1 - gamma(t) of equation 4, by strength."""
        t = timestep / train_timesteps
        ramp = (t - NO_NOISE_BELOW) / (FULL_NOISE_FROM - NO_NOISE_BELOW)
        return self._strength * min(max(ramp, 0.0), 1.0)

    def mix(self, embeds: torch.Tensor, share: float) -> torch.Tensor:
        """Mix embeds (B, ..., D) with noise; mean and deviation over D stay (equation 6)."""
        if share == 0:
            return embeds
        values = embeds.float()
        mean, deviation = values.mean(-1, keepdim=True), values.std(-1, keepdim=True)
        noise = self._noise(embeds.shape).to(values)
        mixed: torch.Tensor = (1 - share) ** 0.5 * (values - mean) + share**0.5 * deviation * noise
        mixed = mixed - mixed.mean(-1, keepdim=True)
        scaled = mixed * deviation / mixed.std(-1, keepdim=True).clamp_min(1e-6)
        return (scaled + mean).to(embeds.dtype)

    def _noise(self, shape: torch.Size) -> torch.Tensor:
        """Return standard noise (B, ...), float32, on the CPU: row i from picture i's generator."""
        if shape not in self._drawn:
            streams = [torch.Generator("cpu").manual_seed(seed + _STREAM) for seed in self._seeds]
            rows = [torch.randn(shape[1:], generator=stream) for stream in streams]
            self._drawn[shape] = torch.stack(rows)
        return self._drawn[shape]
