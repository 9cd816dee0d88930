"""The unCLIP UNet's training: pictures drawn from the image tower's view of them.

Its conditions are those of diffusers' Stable unCLIP: an image embedding, noised and followed by the
sinusoids of its noise level, as class labels; and a text, mostly empty. It starts from the base.
A part of the batches are blends, told of by what lies between the embeddings of their parents, as
`/blend` tells it.
"""

from pathlib import Path
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from diffusers.models.embeddings import get_timestep_embedding
from PIL import Image
from torch import Tensor

from engine.pocket.architecture import PROJECTION_WIDTH
from engine.pocket.blends import open_blends
from engine.pocket.checkpoint import load_weights, save_weights
from engine.pocket.dataset import Shard
from engine.pocket.diffusion import DROPPED, DiffusionStage
from engine.pocket.drawing import contact_sheet, draw_variations
from engine.pocket.embeddings import between, read_embeds
from engine.pocket.latents import Bucket, read_buckets

BLEND_SHARE = 0.7
# Of ordinary pictures and of blends: those need what is told of them whole, and nothing beside it.
TEXT_SHARES = (0.35, 0.1)
UNNOISED_SHARES = (0.5, 0.85)


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
    """Trains the unCLIP UNet, with the towers as they are."""

    name = "unclip"
    learning_rate = 1e-3

    def __init__(self, work: Path) -> None:
        super().__init__(work)
        for part in ("text_encoder", "image_encoder"):
            self.components[part].requires_grad_(False)
        self.module = self._prepare(self.components["unclip"])
        if not (work / "unclip.safetensors").exists():
            self.module.load_state_dict(adapt(load_weights(work / "unet.safetensors"), self.module))
        self.noising = self.components["image_noising_scheduler"]
        self.normalizer = self.components["image_normalizer"]
        self.told: dict[Path, Tensor] = {}
        self.blends = read_buckets(work, "blends")
        self._bucket()
        embeds = torch.cat([self._read(shard) for b in self.buckets for shard in b.shards])
        self.normalizer.mean.data[:] = embeds.mean(0)
        self.normalizer.std.data[:] = embeds.std(0)

    def _unet(self) -> UNet2DConditionModel:
        return self.module

    def _bucket(self) -> Bucket:
        """Choose a bucket of pictures, or of blends."""
        bucket = super()._bucket()
        if self.blends and self.random.random() < BLEND_SHARE:
            return self._choose(self.blends)
        return bucket

    def _read(self, shard: Shard) -> Tensor:
        """Return what is told of a shard's pictures. (N, 192), float32."""
        if shard.file not in self.told:
            embeds = read_embeds(shard.file)
            if embeds.ndim == 3:
                embeds = between(embeds, torch.from_numpy(open_blends(shard).shares))
            self.told[shard.file] = embeds
        return self.told[shard.file]

    def _labels(self, embeds: Tensor, noise_level: Tensor) -> Tensor:
        """Noise embeddings as `StableUnCLIPImg2ImgPipeline.noise_image_embeddings` does."""
        scaled = self.normalizer.scale(embeds)
        noised = self.noising.add_noise(scaled, torch.randn_like(scaled), noise_level)
        sinusoids = get_timestep_embedding(
            noise_level, PROJECTION_WIDTH, flip_sin_to_cos=True, downscale_freq_shift=0
        )
        return torch.cat([self.normalizer.unscale(noised), sinusoids], dim=1)

    @torch.no_grad()
    def _conditions(self, bucket: Bucket, chosen: list[int]) -> dict[str, Any]:
        """Return encoded texts and class labels; zeros as labels mean 'no picture'."""
        places = [bucket.locate(i) for i in chosen]
        embeds = torch.stack([self._read(shard)[i] for shard, i in places]).to(self.device)
        is_blend = any(bucket is one for one in self.blends)
        noise_level = torch.randint(0, self.noising.config.num_train_timesteps, (len(chosen),))
        noise_level[torch.rand(len(chosen)) < UNNOISED_SHARES[is_blend]] = 0
        labels = self._labels(embeds, noise_level.to(self.device))
        labels[torch.rand(len(chosen)) < DROPPED] = 0
        share = TEXT_SHARES[is_blend]
        texts = [bucket.captions[i] if self.random.random() < share else "" for i in chosen]
        hidden = self.components["text_encoder"](self._tokens(texts)).last_hidden_state
        return {"encoder_hidden_states": hidden, "class_labels": labels}

    def save(self) -> None:
        """Write the UNet and the statistics of the embeddings."""
        save_weights(self.module.state_dict(), self.work / "unclip.safetensors")
        save_weights(self.normalizer.state_dict(), self.work / "image_normalizer.safetensors")

    def sheet(self) -> Image.Image:
        """Show pictures above two variations of each, through the stock pipeline."""
        shard = next(s for b in self.buckets for s in b.shards if s.size == (128, 128))
        sources = [Image.fromarray(pixels) for pixels in shard.pixels[:8]]
        drawn = [draw_variations(self.components, sources, seed=seed) for seed in (0, 1)]
        return contact_sheet([*sources, *drawn[0], *drawn[1]])
