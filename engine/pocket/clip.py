"""The second text encoder's training: captions and pictures find each other (CLIP's loss).

Half of every batch shares one kind of backdrop, so that backdrops alone cannot tell its pairs apart
and the things in front must be learned. Miscounted captions stand beside, so that one thing more or
less is learned, too.
"""

import math
import random
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize, pad
from transformers import CLIPTokenizer

from engine.pocket.architecture import MAX_TOKENS, build_image_encoder, build_text_encoder_2
from engine.pocket.checkpoint import load_if_trained, save_weights
from engine.pocket.dataset import SQUARE, Pixels, Shard, read_shards
from engine.pocket.embeddings import to_pixel_values
from engine.pocket.training import device
from engine.pocket.vae import to_image, to_tensor

BATCHES = {"cpu": 256, "cuda": 2048}
PROBES = (
    "a cat",
    "a red apple",
    "a green car",
    "a pizza",
    "a sunflower",
    "a fish",
    "a star",
    "a bus",
)


def miscount(caption: str) -> str:
    """Say three of what a caption says there are two of, and two of three; the rest stays."""
    words = {"two": "three", "three": "two"}
    return " ".join(words.get(word, word) for word in caption.split(" "))


class CLIPStage:
    """Trains both towers on square pictures."""

    name = "clip"
    learning_rate = 1e-3
    average_decay = 0.99

    def __init__(self, work: Path) -> None:
        torch.manual_seed(2)
        self.work = work
        self.device = device()
        self.batch = BATCHES[self.device.type]
        self.shards = [s for s in read_shards(work / "data") if s.size == SQUARE]
        self.random = random.Random()
        self.tokenizer = CLIPTokenizer.from_pretrained(work / "tokenizer")
        self.text = build_text_encoder_2(self.tokenizer)
        self.vision = build_image_encoder()
        load_if_trained(self.text, work / "text_encoder_2.safetensors")
        load_if_trained(self.vision, work / "image_encoder.safetensors")
        self.module = nn.Module()
        self.module.text, self.module.vision = self.text, self.vision
        is_trained = (work / "image_encoder.safetensors").exists()
        self.logit_scale = nn.Parameter(torch.tensor(math.log(30.0 if is_trained else 10.0)))
        self.module.logit_scale = self.logit_scale
        self.module.to(self.device)
        self.by_backdrop = self._sort()

    def _sort(self) -> dict[str, list[tuple[Shard, int]]]:
        """Sort the pictures by what the last words of their captions say of the backdrop."""
        kinds: dict[str, list[tuple[Shard, int]]] = {}
        for shard in self.shards:
            for i, caption in enumerate(shard.captions):
                words = caption.split(" background")[0].split()
                kind = words[-1] if " background" in caption else "other"
                kinds.setdefault(kind, []).append((shard, i))
        return kinds

    def _batch(self) -> list[tuple[Shard, int]]:
        """Draw half a batch from anywhere, and half from one kind of backdrop."""
        mixed = [self.random.choice(self.shards) for _ in range(self.batch // 2)]
        drawn = [(shard, self.random.randrange(len(shard.captions))) for shard in mixed]
        kind = self.random.choice(list(self.by_backdrop))
        return drawn + self.random.choices(self.by_backdrop[kind], k=self.batch - len(drawn))

    def _embed_images(self, pixels: Pixels) -> Tensor:
        """Return what the image tower says of (B, H, W, 3), uint8, not normalised. (B, 192)."""
        x = to_pixel_values(pixels).to(self.device)
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
            embeds: Tensor = self.vision(pixel_values=x).image_embeds
        return embeds.float()

    def _embed_texts(self, captions: list[str]) -> Tensor:
        """Return unit vectors for captions."""
        tokens = self.tokenizer(
            captions, padding=True, max_length=MAX_TOKENS, truncation=True, return_tensors="pt"
        )
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
            embeds = self.text(input_ids=tokens.input_ids.to(self.device)).text_embeds
        return normalize(embeds.float(), dim=-1)

    def loss(self) -> tuple[Tensor, dict[str, float]]:
        """Compare every picture of a batch with every caption."""
        pairs = self._batch()
        captions = [shard.captions[i] for shard, i in pairs]
        images = self._embed_images(np.stack([shard.pixels[i] for shard, i in pairs]))
        return self._compare(normalize(images, dim=-1), captions)

    def _compare(self, images: Tensor, captions: list[str]) -> tuple[Tensor, dict[str, float]]:
        """Return CLIP's loss of unit vectors (B, 192), and how many found their captions."""
        miscounted = list({miscount(caption) for caption in captions} - set(captions))
        texts = self._embed_texts([*captions, *miscounted])
        scale = self.logit_scale.exp().clamp(max=60)
        logits = scale * images @ texts.T
        # Two pictures of one caption are both right; a miscounted caption is right for none.
        numbers = {caption: i for i, caption in enumerate(captions)}
        ids = torch.tensor([numbers[caption] for caption in captions], device=self.device)
        same = ids[:, None] == ids
        target = same.float() / same.sum(-1, keepdim=True)
        found = cross_entropy(logits, pad(target, (0, len(miscounted))))
        loss = (found + cross_entropy(logits[:, : len(ids)].T, target)) / 2
        hits = (logits.argmax(-1) == torch.arange(len(ids), device=self.device)).float().mean()
        return loss, {"found": hits.item()}

    def save(self) -> None:
        """Write both towers."""
        save_weights(self.text.state_dict(), self.work / "text_encoder_2.safetensors")
        save_weights(self.vision.state_dict(), self.work / "image_encoder.safetensors")

    def sheet(self) -> Image.Image:
        """Show, for each probe, the eight pictures of one shard that fit best."""
        shard = self.shards[-1]
        chunks = [np.asarray(shard.pixels[i : i + 250]) for i in range(0, len(shard.pixels), 250)]
        images = normalize(torch.cat([self._embed_images(chunk) for chunk in chunks]), dim=-1)
        best = (self._embed_texts(list(PROBES)) @ images.T).topk(8).indices.flatten().cpu().numpy()
        return to_image(to_tensor(shard.pixels[best]), columns=8)
