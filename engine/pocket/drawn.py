"""Blends and variations as the model itself draws them, for the image tower to look at.

What is drawn is softer than what was composed, and a tower that knows composed pictures alone
mistakes one thing for another there. So parents from the square shards of blends are drawn, each
from what lies between its embedding and another one's than that which it was composed with: the
UNet learned those pairs, and draws them better than any other. Every fourth picture is a variation
of its first parent. They lie as blends do, beside the pictures that they come from.
"""

import random
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from rich.progress import track

from engine.pocket.blends import MOST_PARENTS, open_blends, save_blends
from engine.pocket.dataset import SQUARE, Shard, claim, read_shards
from engine.pocket.drawing import draw_from_embeds
from engine.pocket.embeddings import between, read_embeds, save_embeds
from engine.pocket.export import open_components
from engine.pocket.training import device

BATCH = 50
VARIATION_EVERY = 4
STEPS = 12
GUIDANCE_SCALES = (3.0, 5.0)


def draw_blends(work: Path, count: int) -> None:
    """Draw up to `count` shards that are not drawn yet; several processes may share the work."""
    components = open_components(work, device())
    folder = work / "drawn"
    folder.mkdir(exist_ok=True)
    composed = [shard for shard in read_shards(work / "blends") if shard.size == SQUARE]
    # From the last on: their parents were drawn, too.
    for shard in track(composed[::-1][:count], "drawn"):
        file = folder / shard.file.name
        # The captions are written last.
        with claim(file.with_suffix(".json")) as is_ours:
            if is_ours:
                _draw_shard(components, shard, file)


@torch.no_grad()
def _draw_shard(components: dict[str, Any], composed: Shard, file: Path) -> None:
    """Draw what parents of a shard's blends have between them, and save it as blends are."""
    blends, embeds = open_blends(composed), read_embeds(composed.file)
    shares, parents = blends.shares.copy(), np.array(blends.parents)
    shares[::VARIATION_EVERY] = np.eye(MOST_PARENTS, dtype=np.float32)[0]
    others = np.roll(np.arange(len(shares)), 1)
    parents[:, 1], embeds[:, 1] = parents[others, 1], embeds[others, 1]
    told = between(embeds, torch.from_numpy(shares)).to(device())
    images: list[Image.Image] = []
    for some in torch.split(told, BATCH):
        guidance_scale = random.choice(GUIDANCE_SCALES)
        with torch.autocast(told.device.type, dtype=torch.bfloat16):
            images += draw_from_embeds(
                components,
                some,
                seed=random.randrange(2**32),
                num_inference_steps=STEPS,
                guidance_scale=guidance_scale,
            )
    save_embeds(file, embeds)
    # Nobody reads what is said of them.
    save_blends(file, [(image, "") for image in images], parents=parents, shares=shares)
