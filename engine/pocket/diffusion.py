"""The UNets' training on cached latents: v-prediction with a terminal SNR of zero.

The base learns all noise levels together with the first text encoder; the refiner only the last
ones, on the second text encoder alone and with an aesthetic score, as SDXL's does.
"""

import abc
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import DDPMScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from engine.pocket.architecture import AESTHETIC_SCORE, REFINER_TIMESTEPS, build_scheduler
from engine.pocket.checkpoint import save_weights
from engine.pocket.drawing import PROMPTS, contact_sheet, draw_base, draw_refined
from engine.pocket.export import open_components
from engine.pocket.latents import Bucket, read_buckets, to_latents
from engine.pocket.training import device

BATCHES = {"cpu": 96, "cuda": 512}
DROPPED = 0.1
UNIFORM_SHARE = 0.25
RELOAD_SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Encoded captions. hidden: (B, 32, width); pooled: (B, 192)."""

    hidden: Tensor
    pooled: Tensor


class DiffusionStage(abc.ABC):
    """What all UNets share: the data, the noise and the loss."""

    name: str
    learning_rate = 1.5e-3
    # Longer, and a run of minutes would keep the shapes it began with.
    average_decay = 0.99
    timesteps = 1000

    def __init__(self, work: Path) -> None:
        torch.manual_seed(3)
        self.work = work
        self.device = device()
        self.batch = BATCHES[self.device.type]
        self.random = random.Random()
        self.components = open_components(work, self.device)
        self.components["text_encoder_2"].requires_grad_(False)
        self.alphas = DDPMScheduler.from_config(build_scheduler().config).alphas_cumprod
        self.alphas = self.alphas.to(self.device)
        self.buckets: list[Bucket] = []
        self.read_at = 0.0

    def _prepare(self, unet: UNet2DConditionModel) -> UNet2DConditionModel:
        """Choose the attention whose backward is fast on a CPU, and the fast memory layout."""
        if self.device.type == "cpu":
            unet.set_attn_processor(AttnProcessor())
        unet.train()
        return unet.to(memory_format=torch.channels_last)

    def _bucket(self) -> Bucket:
        """Choose a bucket by its size; latents that were encoded meanwhile join in."""
        if time.monotonic() - self.read_at > RELOAD_SECONDS:
            self.buckets, self.read_at = read_buckets(self.work), time.monotonic()
        return self._choose(self.buckets)

    def _choose(self, buckets: list[Bucket]) -> Bucket:
        """Choose a bucket as often as it has pictures."""
        return self.random.choices(buckets, [len(bucket.captions) for bucket in buckets])[0]

    @abc.abstractmethod
    def _conditions(self, bucket: Bucket, chosen: list[int]) -> dict[str, Any]:
        """Return what the UNet is told of the chosen pictures, as its `forward` takes it."""

    def _tokens(self, captions: list[str]) -> Tensor:
        """Return token ids, padded as the pipelines pad. (B, 32), int64."""
        tokenizer = self.components["tokenizer"]
        tokens = tokenizer(captions, padding="max_length", truncation=True, return_tensors="pt")
        ids: Tensor = tokens.input_ids.to(self.device)
        return ids

    def loss(self) -> tuple[Tensor, dict[str, float]]:
        """Predict the velocity of a noised batch (Salimans and Ho 2022, eq. 12)."""
        bucket = self._bucket()
        chosen = self.random.choices(range(len(bucket.captions)), k=self.batch)
        clean = to_latents(bucket, chosen).to(self.device)
        noise = torch.randn_like(clean)
        timesteps = self._draw_timesteps().to(self.device)
        alpha = self.alphas[timesteps].view(-1, 1, 1, 1)
        noised = alpha.sqrt() * clean + (1 - alpha).sqrt() * noise
        velocity = alpha.sqrt() * noise - (1 - alpha).sqrt() * clean
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
            predicted = self._unet()(
                noised.contiguous(memory_format=torch.channels_last),
                timesteps,
                return_dict=False,
                **self._conditions(bucket, chosen),
            )[0]
        loss = mse_loss(predicted.float(), velocity)
        return loss, {"pictures": float(sum(len(b.captions) for b in self.buckets))}

    def _draw_timesteps(self) -> Tensor:
        """Return a batch of timesteps. (B,), int64.

        Strata instead of independent draws: every batch sees all noise levels.
        """
        strata = (torch.arange(self.batch) + torch.rand(self.batch)) / self.batch
        return (self._spread(strata) * self.timesteps).long().clamp(max=self.timesteps - 1)

    def _spread(self, strata: Tensor) -> Tensor:
        """Prefer the middle levels, where shapes are decided (Esser et al. 2024, sec. 3.1).

        A quarter stays uniform: the first step decides a plain background, and the last ones are
        a base's own wherever the refiner is not used.
        """
        middle = torch.sigmoid(0.2 + 0.9 * torch.special.ndtri(strata.clamp(1e-4, 1 - 1e-4)))
        is_uniform = torch.rand(len(strata)) < UNIFORM_SHARE
        return torch.where(is_uniform, strata, middle)

    @abc.abstractmethod
    def _unet(self) -> UNet2DConditionModel:
        """Return the network that is trained."""


class _CaptionedStage(DiffusionStage):
    """What the base and the refiner share: captions, of which some are dropped."""

    @abc.abstractmethod
    def _encode(self, captions: list[str]) -> Words:
        """Return what the UNet is told of the captions."""

    @abc.abstractmethod
    def _time_ids(self, bucket: Bucket) -> list[float]:
        """Return the sizes, and for the refiner the score, that go with a bucket's pictures."""

    def _drop(self, captions: list[str]) -> tuple[list[str], Tensor]:
        """Empty a few captions, and mark as many to become zeros: both mean 'no prompt'."""
        rolls = [self.random.random() for _ in captions]
        texts = [
            "" if roll < DROPPED / 2 else caption
            for roll, caption in zip(rolls, captions, strict=True)
        ]
        kept = torch.tensor([roll < 1 - DROPPED / 2 for roll in rolls], device=self.device)
        return texts, kept.float()

    def _conditions(self, bucket: Bucket, chosen: list[int]) -> dict[str, Any]:
        """Return encoded captions and time ids; what is dropped becomes zeros, or an empty text."""
        captions, kept = self._drop([bucket.captions[i] for i in chosen])
        words = self._encode(captions)
        ids = torch.tensor([self._time_ids(bucket)] * self.batch, device=self.device)
        return {
            "encoder_hidden_states": words.hidden * kept[:, None, None],
            "added_cond_kwargs": {"text_embeds": words.pooled * kept[:, None], "time_ids": ids},
        }


class BaseStage(_CaptionedStage):
    """Trains the base UNet and the first text encoder."""

    name = "base"

    def __init__(self, work: Path) -> None:
        super().__init__(work)
        self.unet = self._prepare(self.components["unet"])
        self.text_encoder = self.components["text_encoder"].train()
        self.module = nn.ModuleDict({"unet": self.unet, "text_encoder": self.text_encoder})

    def _unet(self) -> UNet2DConditionModel:
        return self.unet

    def _encode(self, captions: list[str]) -> Words:
        """Encode captions with both towers."""
        tokens = self._tokens(captions)
        first = self.text_encoder(tokens, output_hidden_states=True).hidden_states[-2]
        with torch.no_grad():
            second = self.components["text_encoder_2"](tokens, output_hidden_states=True)
        hidden = torch.cat([first, second.hidden_states[-2]], dim=-1)
        return Words(hidden=hidden, pooled=second.text_embeds)

    def _time_ids(self, bucket: Bucket) -> list[float]:
        """Return original size, crop and target size, height first."""
        return [*bucket.size, 0.0, 0.0, *bucket.size]

    def save(self) -> None:
        """Write both parts."""
        save_weights(self.unet.state_dict(), self.work / "unet.safetensors")
        save_weights(self.text_encoder.state_dict(), self.work / "text_encoder.safetensors")

    def sheet(self) -> Image.Image:
        """Draw the prompts through the stock pipeline."""
        return contact_sheet(draw_base(self.components, PROMPTS))


class RefinerStage(_CaptionedStage):
    """Trains the refiner on the last noise levels."""

    name = "refiner"
    timesteps = REFINER_TIMESTEPS

    def __init__(self, work: Path) -> None:
        super().__init__(work)
        self.module = self._prepare(self.components["refiner"])

    def _unet(self) -> UNet2DConditionModel:
        return self.module

    def _spread(self, strata: Tensor) -> Tensor:
        """Take its few levels as they come."""
        return strata

    def _encode(self, captions: list[str]) -> Words:
        """Encode captions with the second tower."""
        with torch.no_grad():
            tokens = self._tokens(captions)
            second = self.components["text_encoder_2"](tokens, output_hidden_states=True)
        return Words(hidden=second.hidden_states[-2], pooled=second.text_embeds)

    def _time_ids(self, bucket: Bucket) -> list[float]:
        """Return original size, crop and aesthetic score; a tenth learns the negative score."""
        score = AESTHETIC_SCORE if self.random.random() < 0.9 else 2.5
        return [*bucket.size, 0.0, 0.0, score]

    def save(self) -> None:
        """Write the refiner."""
        save_weights(self.module.state_dict(), self.work / "refiner.safetensors")

    def sheet(self) -> Image.Image:
        """Draw the prompts with the base up to 80 %, and on with the refiner."""
        return contact_sheet(draw_refined(self.components, PROMPTS))
