"""Blends of pictures that the model drew: most of what members blend was drawn for them.

What the base draws of a thing is softer than our drawing of it, and the image tower says something
else of it. So single things are drawn by the base and the refiner from their captions, and are
parents of blends that are composed of our drawings of the same things: what such a picture shows,
not how well. These blends lie among the others, in shards of numbers of their own.
"""

import random
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from rich.progress import track

from engine.pocket.blends import choose_shares, combine, write_blends
from engine.pocket.captions import describe
from engine.pocket.dataset import SHARD_LENGTH, SQUARE, claim
from engine.pocket.drawing import draw_refined
from engine.pocket.export import open_components
from engine.pocket.icons import load_art
from engine.pocket.layouts import Layout
from engine.pocket.scenes import Composer, Scene
from engine.pocket.training import device

FIRST_NUMBER = 5000
"""Shards of composed pictures have numbers below."""
PICTURES = 400
"""Drawn for a shard: each is a parent of five of its blends."""
BATCH = 50
STEPS = 12


def make_parents(work: Path, count: int) -> None:
    """Make `count` shards, as far as they are not there; several processes may share the work."""
    components = open_components(work, device())
    composer = Composer(load_art(work / "npm"))
    width, height = SQUARE
    (work / "blends").mkdir(exist_ok=True)
    for number in track(range(FIRST_NUMBER, FIRST_NUMBER + count), "parents"):
        file = work / "blends" / f"{width}x{height}-{number:04d}.npy"
        # The captions are written last.
        with claim(file.with_suffix(".json")) as is_ours:
            if is_ours:
                make_shard(components, composer, file)


def make_shard(
    components: dict[str, Any],
    composer: Composer,
    file: Path,
    *,
    pictures: int = PICTURES,
    blends: int = SHARD_LENGTH,
) -> None:
    """Draw single things, and write blends of them as a shard; its name is its seed."""
    rng = random.Random(file.stem)
    scenes = [composer.invent_shown(rng, SQUARE, Layout.SINGLE) for _ in range(pictures)]
    drawn = list(zip(scenes, _draw(components, scenes, rng), strict=True))
    combined = []
    for _ in range(blends):
        shares = choose_shares(rng)
        combined.append(combine(rng.sample(drawn, len(shares)), shares, rng))
    write_blends(file, combined)


@torch.no_grad()
def _draw(components: dict[str, Any], scenes: list[Scene], rng: random.Random) -> list[Image.Image]:
    """Draw scenes from what is said of them, each from its own noise."""
    captions = [describe(scene, rng) for scene in scenes]
    images: list[Image.Image] = []
    for start in range(0, len(captions), BATCH):
        some = tuple(captions[start : start + BATCH])
        noises = [torch.Generator().manual_seed(rng.randrange(2**32)) for _ in some]
        with torch.autocast(device().type, dtype=torch.bfloat16):
            images += draw_refined(components, some, generator=noises, num_inference_steps=STEPS)
    return images
