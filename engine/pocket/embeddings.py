"""What the image tower is shown, and what it says: the embeddings of pictures and of blends."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import track
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from engine.image_encoder import blend
from engine.pocket.architecture import PROJECTION_WIDTH, VISION_SIZE, build_image_encoder
from engine.pocket.blends import BlendShard, open_blends
from engine.pocket.checkpoint import load_weights
from engine.pocket.dataset import Pixels, read_shards
from engine.pocket.training import device
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
    return torch.cat([image_encoder(pixel_values=view).image_embeds.float() for view in views])


def between(parents: Tensor, shares: Tensor) -> Tensor:
    """Return what `/blend` tells of parents (N, 3, 192) with their shares (N, 3): (N, 192)."""
    rows = zip(parents, shares.tolist(), strict=True)
    return torch.cat([blend(embeds, weights) for embeds, weights in rows])


def embed_shards(work: Path) -> None:
    """Write down what the image tower says of all pictures, and of all parents of blends.

    It is what the unCLIP UNet learns to draw from, and what the tower is held to after that.
    """
    encoder = build_image_encoder()
    encoder.load_state_dict(load_weights(work / "image_encoder.safetensors"))
    encoder.to(device()).eval()
    # Half the precision is far finer than what the UNet can draw, and twice as fast.
    with torch.autocast(encoder.device.type, dtype=torch.bfloat16):
        for shard in track(read_shards(work / "data"), "pictures"):
            save_embeds(shard.file, embed(encoder, shard.pixels))
        for shard in track(read_shards(work / "blends"), "blends"):
            save_embeds(shard.file, _embed_parents(encoder, open_blends(shard)))


def _embed_parents(image_encoder: Any, blends: BlendShard) -> Tensor:
    """Return the embeddings of parents (N, 3, 192); zeros where there is none."""
    is_real = blends.shares > 0
    embeds = torch.zeros(*is_real.shape, PROJECTION_WIDTH, device=image_encoder.device)
    for i in range(is_real.shape[1]):
        rows = is_real[:, i].nonzero()[0]
        embeds[rows, i] = embed(image_encoder, blends.parents[rows, i])
    return embeds


def _embeds_file(file: Path) -> Path:
    return file.with_suffix(".embeds.npy")


def save_embeds(file: Path, embeds: Tensor) -> None:
    """Save the embeddings of a shard's pictures (N, 192), or of its blends' parents (N, 3, 192)."""
    np.save(_embeds_file(file), embeds.cpu().numpy())


def is_embedded(file: Path) -> bool:
    """Tell whether a shard's embeddings were written down."""
    return _embeds_file(file).exists()


def read_embeds(file: Path) -> Tensor:
    """Read what `save_embeds` wrote of a shard."""
    return torch.from_numpy(np.load(_embeds_file(file)))
