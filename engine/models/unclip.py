"""Stable unCLIP's decoder: the UNet that draws what an image embedding says.

It sees the embedding twice, noised and with the noise's amount beside it, as one vector that is
added to the timestep's (`class_labels`). Text encoders and autoencoder are the pipeline's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import DDPMScheduler
from diffusers.models.embeddings import get_timestep_embedding
from diffusers.pipelines.stable_diffusion.stable_unclip_image_normalizer import (
    StableUnCLIPImageNormalizer,
)

from engine.image_encoder import ImageEncoder
from engine.models.components import ComponentLoader, Expert, refuse_pickled
from engine.prompt_encoder import PromptEncoder


@dataclass(frozen=True, slots=True, kw_only=True)
class UnCLIP:
    """What draws from image embeddings of width D."""

    expert: Expert
    prompt_encoder: PromptEncoder
    image_encoder: ImageEncoder
    mean: torch.Tensor
    """(1, D), float32, on the CPU: what embeddings are normalised with before noise is added."""
    std: torch.Tensor
    """(1, D)."""
    image_noising_scheduler: Any

    def class_labels(
        self, image_embeds: torch.Tensor, noise: torch.Tensor, noise_level: int
    ) -> torch.Tensor:
        """Return what the UNet is told of an image: (B, 2 D), float32.

        `image_embeds` (1, D), `noise` (B, D), both float32; `noise_level` 0 to 999 is a timestep of
        the noising schedule.
        """
        levels = torch.full((len(noise),), noise_level)
        normalised = ((image_embeds - self.mean) / self.std).expand_as(noise)
        noised = self.image_noising_scheduler.add_noise(normalised, noise, levels)
        amount = get_timestep_embedding(
            levels, noise.shape[-1], flip_sin_to_cos=True, downscale_freq_shift=0
        )
        return torch.cat([noised * self.std + self.mean, amount], dim=1)


def load_unclip(
    loader: ComponentLoader,
    folder: Path,
    prompt_encoder: PromptEncoder,
    *,
    expert: Expert | None = None,
) -> UnCLIP:
    """Load the decoder in `folder`; `expert` is its UNet where that is loaded already."""
    refuse_pickled(folder / "image_normalizer")
    normalizer = StableUnCLIPImageNormalizer.from_pretrained(
        folder / "image_normalizer",
        use_safetensors=True,
        local_files_only=True,
        variant=loader.variant,
    )
    return UnCLIP(
        expert=expert or loader.expert(folder),
        prompt_encoder=prompt_encoder,
        image_encoder=loader.image_encoder(
            folder / "image_encoder", folder / "feature_extractor" / "preprocessor_config.json"
        ),
        mean=normalizer.mean.detach().float(),
        std=normalizer.std.detach().float(),
        image_noising_scheduler=DDPMScheduler.from_pretrained(
            folder / "image_noising_scheduler", local_files_only=True
        ),
    )
