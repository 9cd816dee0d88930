"""What the image tower is shown, and what it says: the embeddings of pictures and of blends."""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from engine.image_encoder import blend
from engine.pocket.architecture import VISION_SIZE
from engine.pocket.blends import BlendShard
from engine.pocket.dataset import Pixels
from engine.pocket.vae import to_tensor

CHUNK = 250


def to_pixel_values(pixels: Pixels) -> Tensor:
    """Show pictures to the image tower, as the exported image processor does.

    pixels: (B, H, W, 3), uint8. Returns (B, 3, 64, 64), -1 to 1: the middle of the shrunk picture.
    """
    height, width = pixels.shape[1:3]
    scale = VISION_SIZE / min(height, width)
    x = adaptive_avg_pool2d(to_tensor(pixels), (int(scale * height), int(scale * width)))
    top, left = ((side - VISION_SIZE) // 2 for side in x.shape[2:])
    return x[..., top : top + VISION_SIZE, left : left + VISION_SIZE]


@torch.no_grad()
def embed(image_encoder: Any, pixels: Pixels) -> Tensor:
    """Return the embeddings of pictures (N, H, W, 3), not normalised. (N, 192), float32."""
    chunks = [np.array(pixels[i : i + CHUNK]) for i in range(0, len(pixels), CHUNK)]
    views = [to_pixel_values(chunk).to(image_encoder.device) for chunk in chunks]
    return torch.cat([image_encoder(pixel_values=view).image_embeds for view in views])


def embed_parents(image_encoder: Any, blends: BlendShard) -> Tensor:
    """Return what lies between the embeddings of each blend's parents. (N, 192), float32."""
    count = blends.parents.shape[1]
    grouped = torch.stack([embed(image_encoder, blends.parents[:, i]) for i in range(count)], dim=1)
    shares = blends.shares.tolist()
    return torch.cat([blend(*told) for told in zip(grouped, shares, strict=True)])
