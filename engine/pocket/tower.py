"""The image tower's second training: to see in a blend what it was made of.

The text tower stays as it is, since the base was trained on its words, and pictures go on finding
their captions. Blends, as they were composed and as the model draws them, the tower learns to see
nearer to each of their parents than to any other picture, and near to what lies between them. Once
the unCLIP UNet has learned to draw from what the tower said (see `embeddings`), that stays, too.
"""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import normalize, softplus

from engine.pocket.blends import BlendShard, open_blends
from engine.pocket.checkpoint import save_weights
from engine.pocket.clip import CLIPStage
from engine.pocket.dataset import SQUARE, Pixels, read_shards
from engine.pocket.embeddings import between, is_embedded, read_embeds
from engine.pocket.vae import to_image, to_tensor

BLENDS = {"cpu": 96, "cuda": 768}
# Single pictures' weight: the UNet must not notice that the tower has changed.
KEPT = 4.0
APART = 0.5
SCALE = 30.0
# What is as like a parent as this shows the same, and is no stranger.
TWINS = 0.9


class TowerStage(CLIPStage):
    """Trains the image tower on captions and on blends."""

    name = "tower"

    def __init__(self, work: Path) -> None:
        super().__init__(work)
        self.blend_batch = BLENDS[self.device.type]
        self.text.requires_grad_(False)
        files = [shard.file for shard in self.shards]
        # Of all pictures or of none: what was made later must be written down, too.
        is_held = any(is_embedded(file) for file in files)
        self.told = {file: read_embeds(file) for file in files} if is_held else {}
        self.blends: dict[str, list[BlendShard]] = {}
        for kind in ("blends", "drawn"):
            shards = [shard for shard in read_shards(work / kind) if shard.size == SQUARE]
            if shards:
                self.blends[kind] = [open_blends(shard) for shard in shards]
                if is_held:
                    self.told |= {shard.file: read_embeds(shard.file) for shard in shards}

    def loss(self) -> tuple[Tensor, dict[str, float]]:
        """Compare pictures with captions and with what was said of them, blends with parents."""
        pairs = self._batch()
        pictures = self._embed_images(np.stack([shard.pixels[i] for shard, i in pairs]))
        unit = normalize(pictures, dim=-1)
        loss, figures = self._compare(unit, [shard.captions[i] for shard, i in pairs])
        if self.told:
            told = torch.stack([self.told[shard.file][i] for shard, i in pairs])
            moved = self._moved(pictures, told)
            loss, figures["moved"] = loss + KEPT * moved, moved.item()
        for kind, shards in self.blends.items():
            apart, ranked, moved = self._blend_losses(self.random.choice(shards), unit)
            loss = loss + APART * apart + ranked + KEPT * moved
            figures |= {f"{kind}_apart": apart.item(), f"{kind}_ranked": ranked.item()}
        return loss, figures

    def _moved(self, embeds: Tensor, told: Tensor) -> Tensor:
        """Return how far embeddings (N, 192) are from what was said, by its squared length."""
        told = told.to(self.device)
        return ((embeds - told).square().sum(-1) / told.square().sum(-1)).mean()

    def _blend_losses(self, blends: BlendShard, singles: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return how far blends lie from between their parents, and how badly they find them.

        The second is for each parent what InfoNCE is (van den Oord et al. 2018, eq. 4) among the
        parents of other blends and single pictures, which come as unit vectors (B, 192). The third
        is how far the parents have moved from what was said of them, if that was written down.
        """
        count = len(blends.shares)
        chosen = self.random.sample(range(count), min(self.blend_batch, count))
        shares = torch.from_numpy(blends.shares[chosen])
        is_real = shares > 0
        owners = is_real.nonzero()[:, 0].to(self.device)
        shown = np.concatenate(
            [blends.shard.pixels[chosen], blends.parents[chosen][is_real.numpy()]]
        )
        embeds = self._embed_images(shown)
        seen, found = embeds[: len(chosen)], embeds[len(chosen) :]
        moved = torch.zeros((), device=self.device)
        if self.told:
            moved = self._moved(found, self.told[blends.shard.file][chosen][is_real])
        parents = torch.zeros(*shares.shape, seen.shape[-1], device=self.device)
        parents[is_real.to(self.device)] = found.detach()
        seen, found = normalize(seen, dim=-1), normalize(found, dim=-1)
        middle = normalize(between(parents, shares), dim=-1)
        apart = 1 - (seen * middle).sum(-1).mean()

        candidates = torch.cat([found, singles])
        similar = SCALE * seen @ candidates.T
        is_known = found.detach() @ candidates.detach().T > TWINS
        excluded = torch.zeros(similar.shape, device=self.device)
        excluded.index_add_(0, owners, is_known.float())
        strangers = similar.masked_fill(excluded > 0, -torch.inf).logsumexp(1)
        own = SCALE * (seen[owners] * found).sum(-1)
        return apart, softplus(strangers[owners] - own).mean(), moved

    def save(self) -> None:
        """Write the image tower."""
        save_weights(self.vision.state_dict(), self.work / "image_encoder.safetensors")

    def sheet(self) -> Image.Image:
        """Show eight blends of each kind above the two parents that the tower finds in them."""
        rows: list[Pixels] = []
        for shards in self.blends.values():
            blends = shards[-1]
            pixels = np.array(blends.shard.pixels[:8])
            parents = blends.parents[:100, :2].reshape(-1, *pixels.shape[1:])
            candidates = normalize(self._embed_images(parents), dim=-1)
            seen = normalize(self._embed_images(pixels), dim=-1)
            found = (seen @ candidates.T).topk(2).indices.cpu()
            rows += [pixels, *(parents[found[:, i].numpy()] for i in range(2))]
        return to_image(to_tensor(np.concatenate(rows)), columns=8)
