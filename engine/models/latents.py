"""The scale between what an autoencoder speaks and what a UNet draws: about unit variance."""

from __future__ import annotations

from typing import Any

import torch


def scale_latents(vae: Any, latents: torch.Tensor) -> torch.Tensor:
    """Bring an autoencoder's latents (B, 4, h, w) to the UNet's scale."""
    mean, std = _statistics(vae, latents)
    scaled: torch.Tensor = (latents - mean) * vae.config.scaling_factor / std
    return scaled


def unscale_latents(vae: Any, latents: torch.Tensor) -> torch.Tensor:
    """Bring a UNet's latents (B, 4, h, w) to the autoencoder's scale."""
    mean, std = _statistics(vae, latents)
    unscaled: torch.Tensor = latents * std / vae.config.scaling_factor + mean
    return unscaled


def _statistics(vae: Any, latents: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mean and standard deviation by channel (1, 4, 1, 1); most models state none."""
    if vae.config.latents_mean is None or vae.config.latents_std is None:
        return latents.new_zeros(1), latents.new_ones(1)
    mean = latents.new_tensor(vae.config.latents_mean).view(1, -1, 1, 1)
    return mean, latents.new_tensor(vae.config.latents_std).view(1, -1, 1, 1)
