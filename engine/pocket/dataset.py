"""Captioned pictures on disk: shards of one size each, written once and read memory-mapped.

A shard is `<bucket>-<number>.npy` (N, H, W, 3), uint8, with its captions beside it in a `.json`.
Its number is its seed, so a shard that was lost is made again the same.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from filelock import FileLock, Timeout
from PIL import Image

from engine.pocket.scenes import BUCKETS, Composer

Pixels = npt.NDArray[np.uint8]
SHARD_LENGTH = 1000
SQUARE = (128, 128)
Save = Callable[[Path, range, tuple[int, int]], None]
"""Composes pictures of some seeds in one (width, height), and writes them as a shard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """Pictures of one size. pixels: (N, H, W, 3), uint8; latents lie in a file beside."""

    file: Path
    pixels: Pixels
    captions: tuple[str, ...]

    @property
    def size(self) -> tuple[int, int]:
        """Return height and width."""
        return self.pixels.shape[1], self.pixels.shape[2]


def shard_plan(count: int) -> Iterator[tuple[int, tuple[int, int]]]:
    """Yield number and (width, height) of each shard; sizes come in the buckets' proportions."""
    filled = dict.fromkeys(BUCKETS, 0)
    for number in range(count):
        size = max(BUCKETS, key=lambda size: BUCKETS[size] * (number + 1) - filled[size])
        filled[size] += 1
        yield number, size


def save_shard(file: Path, pairs: Sequence[tuple[Image.Image, str]]) -> None:
    """Save pictures and captions; the captions come last and tell that the shard is whole."""
    np.save(file, np.stack([np.asarray(image) for image, _ in pairs]))
    captions = json.dumps([caption for _, caption in pairs])
    file.with_suffix(".json").write_text(captions, encoding="utf-8")


@contextmanager
def claim(file: Path) -> Iterator[bool]:
    """Take it on to make a file; False when it is there, or another process is making it.

    The claim ends with the process, so what was cut off is taken on again by the next.
    """
    lock = FileLock(file.with_suffix(".lock"), blocking=False)
    try:
        held = lock.acquire()
    except Timeout:
        yield False
        return
    with held:
        yield not file.exists()


def read_shards(folder: Path) -> list[Shard]:
    """Open every finished shard."""
    shards = []
    for captions in sorted(folder.glob("*.json"), key=lambda file: file.stem[-4:]):
        file = captions.with_suffix(".npy")
        shards.append(
            Shard(
                file=file,
                pixels=np.load(file, mmap_mode="r"),
                captions=tuple(json.loads(captions.read_text(encoding="utf-8"))),
            )
        )
    return shards


def make_shards(folder: Path, count: int, save: Save, *, on_shard: Callable[[], None]) -> None:
    """Let `save` write the shards of `count` that are not there yet, calling back after each."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, size in shard_plan(count):
        file = folder / f"{size[0]}x{size[1]}-{number:04d}.npy"
        if not file.with_suffix(".json").exists():
            save(file, range(number * SHARD_LENGTH, (number + 1) * SHARD_LENGTH), size)
        on_shard()


def save_scenes(composer: Composer, file: Path, seeds: range, size: tuple[int, int]) -> None:
    """Compose a shard of captioned pictures."""
    save_shard(file, [composer.compose(seed, size) for seed in seeds])
