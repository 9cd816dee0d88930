"""The unCLIP UNet's training: pictures drawn from the image tower's view of them.

Its conditions are those of diffusers' Stable unCLIP: an image embedding, noised and followed by the
sinusoids of its noise level, as class labels; and a text, mostly empty. It starts from the base.
A part of the batches are blends, told of by what lies between the embeddings of their parents, as
`/blend` tells it. The image tower learns with it, so that embeddings hold what the UNet needs, and
goes on to learn what it learned alone, so that they still mean what they meant.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from diffusers.models.embeddings import get_timestep_embedding
from PIL import Image
from torch import Tensor, nn

from engine.image_encoder import blend
from engine.pocket.architecture import PROJECTION_WIDTH
from engine.pocket.blends import open_blends
from engine.pocket.checkpoint import load_weights, save_weights
from engine.pocket.clip import CLIPStage
from engine.pocket.dataset import Pixels
from engine.pocket.diffusion import DROPPED, DiffusionStage
from engine.pocket.drawing import contact_sheet, draw_variations
from engine.pocket.embeddings import embed, to_pixel_values
from engine.pocket.latents import Bucket, read_buckets

BLEND_SHARE = 0.6
# Of ordinary pictures and of blends: those need what is told of them whole, and nothing beside it.
TEXT_SHARES = (0.35, 0.1)
UNNOISED_SHARES = (0.5, 0.85)
# Of CLIP's loss beside the UNet's: with it, the image tower feels both about as strongly.
CLIP_SHARE = 0.02


def adapt(base: dict[str, Tensor], unet: UNet2DConditionModel) -> dict[str, Tensor]:
    """Fit the base's weights into the unCLIP UNet.

    The first columns of the attention's keys and values belong to the first text encoder, which is
    the one that stays; image embeddings take the way that the pooled text took.
    """
    fitted: dict[str, Tensor] = unet.state_dict()
    for name, value in base.items():
        target = name.replace("add_embedding.", "class_embedding.")
        if target in fitted:
            fitted[target] = value[:, : fitted[target].shape[1]] if value.ndim == 2 else value
    return fitted


class UnCLIPStage(DiffusionStage):
    """Trains the unCLIP UNet, and the image tower with it."""

    name = "unclip"

    def __init__(self, work: Path, *, batch: int | None = None) -> None:
        super().__init__(work)
        self.batch = batch or self.batch
        self.clip = CLIPStage(work, batch=self.batch)
        self.components["image_encoder"] = self.clip.vision
        self.components["text_encoder"].requires_grad_(False)
        self.unet = self._prepare(self.components["unclip"])
        if not (work / "unclip.safetensors").exists():
            self.unet.load_state_dict(adapt(load_weights(work / "unet.safetensors"), self.unet))
        self.module = nn.ModuleDict({"unet": self.unet, "clip": self.clip.module})
        self.noising = self.components["image_noising_scheduler"]
        self.normalizer = self.components["image_normalizer"].requires_grad_(False)
        self.blends = read_buckets(work, "blends")
        shards = (shard for bucket in self.blends for shard in bucket.shards)
        self.parents = {shard.file: open_blends(shard) for shard in shards}
        self._measure()

    def _measure(self) -> None:
        """Measure the mean and the deviation of embeddings, by which noise is put on them."""
        embeds = embed(self.clip.vision, self.clip.shards[0].pixels)
        self.normalizer.mean.data[:] = embeds.mean(0)
        self.normalizer.std.data[:] = embeds.std(0)

    def _unet(self) -> UNet2DConditionModel:
        return self.unet

    def _bucket(self) -> Bucket:
        """Choose a bucket of pictures, or of blends."""
        bucket = super()._bucket()
        if self.blends and self.random.random() < BLEND_SHARE:
            return self._choose(self.blends)
        return bucket

    def loss(self) -> tuple[Tensor, dict[str, float]]:
        """Add what the image tower must see besides to how well is drawn what it tells."""
        drawn, figures = super().loss()
        seen, more = self.clip.loss()
        return drawn + CLIP_SHARE * seen, {**figures, "velocity": drawn.item(), **more}

    def _embed(self, bucket: Bucket, chosen: list[int]) -> Tensor:
        """Return what the tower tells of pictures and, as `/blend` does, of blends. (B, 192)."""
        places = [bucket.locate(i) for i in chosen]
        if bucket.shards[0].file not in self.parents:
            return self._look([shard.pixels[i] for shard, i in places])
        blends = [(self.parents[shard.file], i) for shard, i in places]
        shares = [shard.shares[i][shard.shares[i] > 0].tolist() for shard, i in blends]
        counts = [len(some) for some in shares]
        told = self._look(
            [
                shard.parents[i, j]
                for (shard, i), count in zip(blends, counts, strict=True)
                for j in range(count)
            ]
        )
        groups = zip(torch.split(told, counts), shares, strict=True)
        return torch.cat([blend(embeds, weights) for embeds, weights in groups])

    def _look(self, pictures: list[Pixels]) -> Tensor:
        """Embed pictures of one size. (B, 192), float32."""
        views = to_pixel_values(np.stack(pictures)).to(self.device)
        embeds: Tensor = self.clip.vision(pixel_values=views).image_embeds.float()
        return embeds

    def _labels(self, embeds: Tensor, noise_level: Tensor) -> Tensor:
        """Noise embeddings as `StableUnCLIPImg2ImgPipeline.noise_image_embeddings` does."""
        scaled = self.normalizer.scale(embeds)
        noised = self.noising.add_noise(scaled, torch.randn_like(scaled), noise_level)
        sinusoids = get_timestep_embedding(
            noise_level, PROJECTION_WIDTH, flip_sin_to_cos=True, downscale_freq_shift=0
        )
        return torch.cat([self.normalizer.unscale(noised), sinusoids], dim=1)

    def _conditions(self, bucket: Bucket, chosen: list[int]) -> dict[str, Any]:
        """Return encoded texts and class labels; zeros as labels mean 'no picture'."""
        embeds = self._embed(bucket, chosen)
        is_blend = bucket.shards[0].file in self.parents
        noise_level = torch.randint(0, self.noising.config.num_train_timesteps, (len(chosen),))
        noise_level[torch.rand(len(chosen)) < UNNOISED_SHARES[is_blend]] = 0
        labels = self._labels(embeds, noise_level.to(self.device))
        labels[torch.rand(len(chosen)) < DROPPED] = 0
        share = TEXT_SHARES[is_blend]
        texts = [bucket.captions[i] if self.random.random() < share else "" for i in chosen]
        hidden = self.components["text_encoder"](self._tokens(texts)).last_hidden_state
        return {"encoder_hidden_states": hidden, "class_labels": labels}

    def save(self) -> None:
        """Write the UNet, the image tower, and the statistics of its embeddings."""
        self._measure()
        self.clip.save()
        save_weights(self.unet.state_dict(), self.work / "unclip.safetensors")
        save_weights(self.normalizer.state_dict(), self.work / "image_normalizer.safetensors")

    def sheet(self) -> Image.Image:
        """Show pictures above two variations of each, through the stock pipeline."""
        shard = next(s for b in self.buckets for s in b.shards if s.size == (128, 128))
        sources = [Image.fromarray(pixels) for pixels in shard.pixels[:8]]
        drawn = [draw_variations(self.components, sources, seed=seed) for seed in (0, 1)]
        return contact_sheet([*sources, *drawn[0], *drawn[1]])
