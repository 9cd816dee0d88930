"""The autoencoder's training: crops of the composed pictures, through four channels and back."""

import json
import math
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import avg_pool2d, mse_loss

from engine.pocket.architecture import build_vae
from engine.pocket.checkpoint import load_if_trained, save_weights
from engine.pocket.dataset import Pixels, Shard, read_shards
from engine.pocket.training import device

CROP = 64
BATCHES = {"cpu": 8, "cuda": 128}


def to_tensor(pixels: Pixels) -> Tensor:
    """Turn (B, H, W, 3), uint8 into (B, 3, H, W), float32, -1 to 1."""
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1


def to_image(tensor: Tensor, columns: int) -> Image.Image:
    """Lay (B, 3, H, W), -1 to 1, out in rows."""
    batch, _, height, width = tensor.shape
    rows = batch // columns
    grid = tensor.clamp(-1, 1).float().cpu().view(rows, columns, 3, height, width)
    grid = grid.permute(0, 3, 1, 4, 2).reshape(rows * height, columns * width, 3)
    return Image.fromarray(((grid + 1) * 127.5).round().byte().numpy())


def _slopes(x: Tensor) -> Tensor:
    """Return the differences between neighbours, to both sides, in one vector a picture."""
    return torch.cat([x.diff(dim=-1).flatten(1), x.diff(dim=-2).flatten(1)], dim=1)


class VAEStage:
    """Trains the autoencoder on pixels, edges and coarse colours."""

    name = "vae"
    learning_rate = 2e-3
    average_decay = 0.997

    def __init__(self, work: Path) -> None:
        torch.manual_seed(1)
        self.work = work
        self.shards = read_shards(work / "data")
        self.random = np.random.default_rng()
        self.device = device()
        self.batch = BATCHES[self.device.type]
        self.module = build_vae().to(self.device)
        load_if_trained(self.module, work / "vae.safetensors")
        if any((work / "data").glob("*.latents")):
            # What was encoded must stay true: from here on the decoder alone learns.
            self.module.encoder.requires_grad_(False)
            self.module.quant_conv.requires_grad_(False)

    def _crop(self, shard: Shard) -> Pixels:
        """Cut a piece out of a random picture of a shard."""
        height, width = shard.size
        image = shard.pixels[self.random.integers(len(shard.pixels))]
        y = self.random.integers(height - CROP + 1)
        x = self.random.integers(width - CROP + 1)
        piece: Pixels = image[y : y + CROP, x : x + CROP]
        return piece[:, ::-1] if self.random.random() < 0.5 else piece

    def loss(self) -> tuple[Tensor, dict[str, float]]:
        """Encode and decode a batch of crops."""
        chosen = self.random.integers(len(self.shards), size=self.batch)
        x = to_tensor(np.stack([self._crop(self.shards[i]) for i in chosen])).to(self.device)
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
            posterior = self.module.encode(x).latent_dist
            y = self.module.decode(posterior.sample()).sample
        y = y.float()
        absolute = (x - y).abs().mean()
        edges = (_slopes(x) - _slopes(y)).abs().mean()
        # Colours come early when the average of each patch has a term of its own.
        coarse = (avg_pool2d(x, 8) - avg_pool2d(y, 8)).abs().mean()
        square = mse_loss(y, x)
        divergence = posterior.kl().float().mean() / (4 * (CROP // 8) ** 2)
        loss = absolute + square + edges + coarse + 4e-4 * divergence
        figures = {"l1": absolute.item(), "psnr": 10 * math.log10(4 / square.item())}
        return loss, {**figures, "kl": divergence.item()}

    @torch.no_grad()
    def encode(self, pixels: Pixels) -> Tensor:
        """Return the unscaled latents' means of (B, H, W, 3), uint8."""
        x = to_tensor(pixels).to(self.device)
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
            latents: Tensor = self.module.encode(x).latent_dist.mode().float()
        return latents

    def save(self) -> None:
        """Write the weights, and with an encoder that learns the factor that latents are scaled by.

        It gives them a deviation of one.
        """
        save_weights(self.module.state_dict(), self.work / "vae.safetensors")
        if not self.module.encoder.conv_in.weight.requires_grad:
            return
        square = [shard for shard in self.shards if shard.size == (128, 128)][-1]
        latents = self.encode(np.asarray(square.pixels[:200]))
        scale = json.dumps(1 / latents.std().item())
        (self.work / "vae.scale.json").write_text(scale, encoding="utf-8")

    def sheet(self) -> Image.Image:
        """Show pictures above their reconstructions."""
        shard = next(shard for shard in self.shards if shard.size == (128, 128))
        x = to_tensor(np.asarray(shard.pixels[:16])).to(self.device)
        y = self.module.decode(self.module.encode(x).latent_dist.mode()).sample
        return to_image(torch.cat([x[:8], y[:8], x[8:], y[8:]]), columns=8)
