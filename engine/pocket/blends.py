"""Blends as pictures: what is to come of several pictures of one thing each.

The things stand in one picture, corner to corner and the weightier larger, each before its own
backdrop; one backdrop passes into the next. What is told of a blend is a mean, which has no order:
the lightest picture always comes first, so that the UNet need not guess which stands where. Such
pictures lie beside those they are made of, so that the image tower can learn to see the ones
between the others, and the unCLIP UNet to draw what lies between.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from engine.pocket.backdrops import draw_backdrop
from engine.pocket.captions import describe
from engine.pocket.dataset import Pixels, Shard, save_shard
from engine.pocket.layouts import Cell, Layout, cells, divide
from engine.pocket.scenes import FILL_AMONG_OTHERS, Composer, Pose, Scene, draw, place

MOST_PARENTS = 3
PAIR_SHARE = 0.8
SMALLEST_SHARE = 0.4
# How soon one backdrop passes into the next; 0 is a mean of all, 100 an edge.
STEEPNESS = 8.0
FIRST_SEED = 10_000_000
"""Beyond the seeds of ordinary pictures, which are their shard's number and their place in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blend:
    """A picture, and those that it is a blend of.

    parents: MOST_PARENTS pictures of the same size; those without a share are black.
    shares: the weight of each, 1 together.
    """

    picture: Image.Image
    parents: tuple[Image.Image, ...]
    shares: tuple[float, ...]
    caption: str


def compose_blend(composer: Composer, seed: int, size: tuple[int, int] = (128, 128)) -> Blend:
    """Invent single things and their blend; the same seed invents the same."""
    rng = random.Random(FIRST_SEED + seed)
    shares = choose_shares(rng)
    scenes = [composer.invent_shown(rng, size, Layout.SINGLE) for _ in shares]
    return combine([(scene, draw(scene, rng)) for scene in scenes], shares, rng)


def combine(
    parents: Sequence[tuple[Scene, Image.Image]], shares: Sequence[float], rng: random.Random
) -> Blend:
    """Draw the blend of pictures of one thing each, of which it is known what they show."""
    parents = sorted(parents, key=lambda pair: -float(np.asarray(pair[1].convert("L")).mean()))
    scenes = [scene for scene, _ in parents]
    missing = MOST_PARENTS - len(shares)
    return Blend(
        picture=draw_blend(scenes, shares, rng),
        parents=(
            *(picture for _, picture in parents),
            *[Image.new("RGB", scenes[0].size)] * missing,
        ),
        shares=(*shares, *[0.0] * missing),
        caption=" and ".join(describe(scene, rng) for scene in scenes),
    )


def draw_blend(scenes: Sequence[Scene], shares: Sequence[float], rng: random.Random) -> Image.Image:
    """Draw the things of two or three scenes, each large by its share, before their backdrops."""
    first = scenes[0]
    places: Sequence[Cell]
    if len(scenes) == 2:
        width, height = first.size
        places = divide(shares[0], aspect=width / height)
    else:
        places = cells(Layout.THREE, is_wide=first.is_side_by_side)
    grounds = [draw_backdrop(scene.backdrop, scene.size, rng) for scene in scenes]
    image = _pass_over(grounds, places)
    for scene, cell in zip(scenes, places, strict=True):
        # Upright, as they were designed: half as large as alone, they are hard enough to learn.
        pose = Pose(fill=rng.uniform(*FILL_AMONG_OTHERS))
        place(image, scene.things[0], cell, pose=pose, rng=rng)
    return image


def _pass_over(grounds: Sequence[Image.Image], places: Sequence[Cell]) -> Image.Image:
    """Mix backdrops: each is strongest about its own cell's centre."""
    width, height = grounds[0].size
    y, x = np.mgrid[0:height, 0:width]
    distances = np.stack(
        [(x / width - cell.x) ** 2 + (y / height - cell.y) ** 2 for cell in places]
    )
    strengths = np.exp(-STEEPNESS * distances)
    strengths /= strengths.sum(0)
    mixed = sum(
        strength[..., None] * np.asarray(ground, dtype=np.float64)
        for strength, ground in zip(strengths, grounds, strict=True)
    )
    return Image.fromarray(np.asarray(mixed).round().astype(np.uint8))


def choose_shares(rng: random.Random) -> tuple[float, ...]:
    """Choose how many pictures are blended, and by which weights."""
    if rng.random() < PAIR_SHARE:
        share = rng.choice((0.5, rng.uniform(SMALLEST_SHARE, 1 - SMALLEST_SHARE)))
        return share, 1 - share
    return (1 / 3,) * 3


@dataclass(frozen=True, slots=True, kw_only=True)
class BlendShard:
    """Blends of one size. parents: (N, 3, H, W, 3), uint8; shares: (N, 3), float32."""

    shard: Shard
    parents: Pixels
    shares: npt.NDArray[np.float32]


def compose_blends(composer: Composer, file: Path, seeds: range, size: tuple[int, int]) -> None:
    """Compose a shard of blends."""
    write_blends(file, [compose_blend(composer, seed, size) for seed in seeds])


def write_blends(file: Path, blends: Sequence[Blend]) -> None:
    """Save blends with their parents and shares beside them."""
    save_blends(
        file,
        [(blend.picture, blend.caption) for blend in blends],
        parents=np.stack([[np.asarray(image) for image in blend.parents] for blend in blends]),
        shares=np.array([blend.shares for blend in blends], dtype=np.float32),
    )


def save_blends(
    file: Path,
    pairs: Sequence[tuple[Image.Image, str]],
    *,
    parents: Pixels,
    shares: npt.NDArray[np.float32],
) -> None:
    """Save pictures and captions, with the pictures' parents and shares beside them."""
    np.save(file.with_suffix(".parents.npy"), parents)
    np.save(file.with_suffix(".shares.npy"), shares)
    save_shard(file, pairs)


def open_blends(shard: Shard) -> BlendShard:
    """Open what lies beside a shard of blends."""
    return BlendShard(
        shard=shard,
        parents=np.load(shard.file.with_suffix(".parents.npy"), mmap_mode="r"),
        shares=np.load(shard.file.with_suffix(".shares.npy")),
    )
