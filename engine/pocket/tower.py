"""The image tower's second training: to see in a blend what it was made of.

What the tower says of single pictures stays, since that is what the unCLIP UNet learns to draw
from, and what words were matched with. Blends, as they were composed and as the model draws them,
it learns to see between their parents: as near to the mean of their embeddings as it can, and
nearer to each of them than to any other picture.
"""

import random
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import normalize, softplus

from engine.pocket.architecture import build_image_encoder
from engine.pocket.blends import BlendShard, open_blends
from engine.pocket.checkpoint import load_if_trained, save_weights
from engine.pocket.dataset import SQUARE, Pixels, read_shards
from engine.pocket.embeddings import between, read_embeds, to_pixel_values
from engine.pocket.training import device
from engine.pocket.vae import to_image, to_tensor

BATCHES = {"cpu": 64, "cuda": 512}
# Single pictures' weight: the UNet must not notice that the tower has changed.
KEPT = 4.0
SCALE = 30.0
STRANGERS = 256


class TowerStage:
    """Trains the image tower on blends beside single pictures."""

    name = "tower"
    learning_rate = 1e-3
    average_decay = 0.99

    def __init__(self, work: Path) -> None:
        torch.manual_seed(5)
        self.work = work
        self.device = device()
        self.batch = BATCHES[self.device.type]
        self.random = random.Random()
        self.module = build_image_encoder()
        load_if_trained(self.module, work / "image_encoder.safetensors")
        self.module.to(self.device)
        self.singles = read_shards(work / "data")
        self.told = {shard.file: read_embeds(shard.file) for shard in self.singles}
        self.blends: dict[str, list[tuple[BlendShard, Tensor]]] = {}
        for kind in ("blends", "drawn"):
            shards = [shard for shard in read_shards(work / kind) if shard.size == SQUARE]
            if shards:
                self.blends[kind] = [(open_blends(s), read_embeds(s.file)) for s in shards]

    def _embed(self, pixels: Pixels) -> Tensor:
        """Return what the tower says of pictures (B, H, W, 3). (B, 192), float32."""
        view = to_pixel_values(pixels).to(self.device)
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
            embeds: Tensor = self.module(pixel_values=view).image_embeds
        return embeds.float()

    def _choose(self, count: int) -> list[int]:
        return self.random.sample(range(count), min(self.batch, count))

    def loss(self) -> tuple[Tensor, dict[str, float]]:
        """Compare single pictures with what was said of them, and blends with their parents."""
        shard = self.random.choice(self.singles)
        chosen = self._choose(len(shard.captions))
        told = self.told[shard.file][chosen].to(self.device)
        moved = _distance(self._embed(shard.pixels[chosen]), told)
        loss, figures = KEPT * moved, {"moved": moved.item()}
        for kind, shards in self.blends.items():
            apart, ranked = self._blend_losses(*self.random.choice(shards))
            loss = loss + apart + ranked
            figures |= {f"{kind}_apart": apart.item(), f"{kind}_ranked": ranked.item()}
        return loss, figures

    def _blend_losses(self, blends: BlendShard, told: Tensor) -> tuple[Tensor, Tensor]:
        """Return how far blends lie from between their parents, and how badly they find them.

        The second is for each parent what InfoNCE is (van den Oord et al. 2018, eq. 4) among all
        parents that are not this blend's, and some single pictures.
        """
        chosen = self._choose(len(blends.shares))
        shares = torch.from_numpy(blends.shares[chosen])
        parents = told[chosen]
        seen = self._embed(blends.shard.pixels[chosen])
        apart = _distance(seen, between(parents, shares).to(self.device))
        is_real = shares > 0
        owners = is_real.nonzero()[:, 0]
        others = self.told[self.random.choice(self.singles).file][:STRANGERS]
        candidates = normalize(torch.cat([parents[is_real], others]), dim=-1).to(self.device)
        similar = SCALE * normalize(seen, dim=-1) @ candidates.T
        columns = torch.arange(len(owners))
        own = torch.zeros(similar.shape, dtype=torch.bool)
        own[owners, columns] = True
        strangers = similar.masked_fill(own.to(self.device), -torch.inf).logsumexp(1)
        return apart, softplus(strangers[owners] - similar[owners, columns]).mean()

    def save(self) -> None:
        """Write the tower."""
        save_weights(self.module.state_dict(), self.work / "image_encoder.safetensors")

    def sheet(self) -> Image.Image:
        """Show eight blends of each kind above the two parents that the tower finds in them."""
        rows: list[Pixels] = []
        for shards in self.blends.values():
            blends, told = shards[-1]
            pixels = np.array(blends.shard.pixels[:8])
            candidates = normalize(told[:200, :2].reshape(-1, told.shape[-1]), dim=-1)
            seen = normalize(self._embed(pixels).cpu(), dim=-1)
            found = (seen @ candidates.T).topk(2).indices
            parents = blends.parents[:200, :2].reshape(-1, *pixels.shape[1:])
            rows += [pixels, *(parents[found[:, i].numpy()] for i in range(2))]
        return to_image(to_tensor(np.concatenate(rows)), columns=8)


def _distance(seen: Tensor, told: Tensor) -> Tensor:
    """Return the squared distance as a share of the squared length, on average."""
    return ((seen - told).square().sum(-1) / told.square().sum(-1)).mean()
