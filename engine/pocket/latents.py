"""Every composed picture as latents, computed once: the UNets train on these alone.

A shard's latents lie beside it as `.latents`: (N, 4, H/8, W/8), float16, unscaled.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from rich.progress import track
from torch import Tensor

from engine.pocket.checkpoint import load_weights
from engine.pocket.dataset import Shard, claim, read_shards
from engine.pocket.vae import VAEStage

CHUNK = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """All pictures of one size. latents: (N, 4, H/8, W/8), float16, scaled."""

    shards: tuple[Shard, ...]
    latents: npt.NDArray[np.float16]
    captions: tuple[str, ...]

    @property
    def size(self) -> tuple[int, int]:
        """Return height and width."""
        return self.shards[0].size

    def locate(self, index: int) -> tuple[Shard, int]:
        """Return the shard that a picture lies in, and its place there."""
        for shard in self.shards:
            if index < len(shard.captions):
                return shard, index
            index -= len(shard.captions)
        raise IndexError(f"a bucket of {len(self.captions)} pictures has no such picture")


def encode_shards(work: Path) -> None:
    """Encode every shard that has no latents yet; several processes may share the work."""
    stage = VAEStage(work)
    # Without weights this must fail: the latents of an untrained encoder are worth nothing.
    stage.module.load_state_dict(load_weights(work / "vae.safetensors"))
    stage.module.eval()
    for shard in track([*stage.shards, *read_shards(work / "blends")], "latents"):
        file = shard.file.with_suffix(".latents")
        with claim(file) as is_ours:
            if is_ours:
                _encode_shard(stage, shard, file)


def _encode_shard(stage: VAEStage, shard: Shard, file: Path) -> None:
    chunks = range(0, len(shard.pixels), CHUNK)
    latents = [stage.encode(np.array(shard.pixels[i : i + CHUNK])) for i in chunks]
    partial = file.with_suffix(".partial")
    with partial.open("wb") as out:
        np.save(out, torch.cat(latents).half().cpu().numpy())
    partial.replace(file)


def read_buckets(work: Path, folder: str = "data") -> list[Bucket]:
    """Read all latents there are of one kind, scaled, one bucket a size."""
    scale = float(json.loads((work / "vae.scale.json").read_text(encoding="utf-8")))
    found: dict[tuple[int, int], list[tuple[Shard, npt.NDArray[np.float16]]]] = {}
    for shard in read_shards(work / folder):
        file = shard.file.with_suffix(".latents")
        if file.exists():
            with file.open("rb") as source:
                latents = (np.load(source) * scale).astype(np.float16)
            found.setdefault(shard.size, []).append((shard, latents))
    return [
        Bucket(
            shards=tuple(shard for shard, _ in parts),
            latents=np.concatenate([latents for _, latents in parts]),
            captions=tuple(caption for shard, _ in parts for caption in shard.captions),
        )
        for parts in found.values()
    ]


def to_latents(bucket: Bucket, chosen: list[int]) -> Tensor:
    """Return some of a bucket's latents. (B, 4, H/8, W/8), float32, scaled."""
    return torch.from_numpy(bucket.latents[chosen]).float()
