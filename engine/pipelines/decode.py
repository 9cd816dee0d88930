"""The last stage: latents to pixels, in as much memory as there is."""

from __future__ import annotations

import logging
from typing import Any

import torch
from PIL import Image

from engine.devices import free_memory, is_out_of_memory
from engine.models.latents import unscale_latents
from engine.pipelines import circular

logger = logging.getLogger(__name__)


def decode(vae: Any, latents: torch.Tensor, *, is_circular: bool = False) -> torch.Tensor:
    """Decode `latents` (B, 4, h, w), scaled, to pixels (B, 3, H, W), float32, 0 to 1.

    Decoding takes more memory than a step of the UNet. When there is not enough, pictures are
    decoded one by one, and then tile by tile; but not if they are circular, because the edge of a
    tile is not the picture's.
    """
    latents = unscale_latents(vae, latents).to(vae.dtype)
    with circular.padding(vae, is_circular=is_circular):
        for attempt in (_whole, _one_by_one):
            try:
                return attempt(vae, latents)
            except RuntimeError as error:
                if not is_out_of_memory(error) or (attempt is _one_by_one and is_circular):
                    raise
                logger.warning("out of memory while decoding %d pictures", len(latents))
            # Outside of the handler: until it ends, the error's traceback keeps the tensors alive.
            free_memory()
        return _tiled(vae, latents)


def to_images(pixels: torch.Tensor) -> list[Image.Image]:
    """Return pixels (B, 3, H, W), float32, 0 to 1, as RGB pictures."""
    values = (pixels * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu()
    return [Image.fromarray(picture.numpy()) for picture in values]


def _whole(vae: Any, latents: torch.Tensor) -> torch.Tensor:
    pixels = vae.decode(latents, return_dict=False)[0].float()
    return torch.clamp(pixels / 2 + 0.5, 0, 1)


def _one_by_one(vae: Any, latents: torch.Tensor) -> torch.Tensor:
    return torch.cat([_whole(vae, picture) for picture in torch.split(latents, 1)])


def _tiled(vae: Any, latents: torch.Tensor) -> torch.Tensor:
    """Decode in tiles of half the picture's longer side, which overlap by a quarter."""
    kept = (vae.tile_latent_min_size, vae.tile_sample_min_size)
    tile = max(latents.shape[-2:]) // 2
    vae.enable_tiling()
    vae.tile_latent_min_size, vae.tile_sample_min_size = tile, tile * 8
    try:
        return _one_by_one(vae, latents)
    finally:
        # The autoencoder is shared: it must leave as it came.
        vae.disable_tiling()
        vae.tile_latent_min_size, vae.tile_sample_min_size = kept
