"""A library of art small enough to see through: discs with an eye, under the names of things.

And a work folder made of it, in which the stages go on from the shipped weights.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from engine.pocket.blends import compose_blends
from engine.pocket.concepts import Concept
from engine.pocket.dataset import SQUARE, save_scenes
from engine.pocket.embeddings import embed_shards
from engine.pocket.export import WEIGHTS, unpack
from engine.pocket.icons import ICON_SIZE, Art
from engine.pocket.latents import encode_shards
from engine.pocket.scenes import Composer

CHINESE = {"apple": "苹果", "lemon": "柠檬"}


def disc(
    name: str, colour: tuple[int, int, int], style: str = "3d", *, label: str | None = None
) -> Art:
    """Draw a stand-in for an icon: a disc with a small dark eye."""
    image = Image.new("RGBA", (ICON_SIZE, ICON_SIZE))
    pen = ImageDraw.Draw(image)
    pen.ellipse((8, 8, ICON_SIZE - 8, ICON_SIZE - 8), fill=colour)
    pen.ellipse((60, 40, 76, 56), fill=(20, 20, 20))
    concept = Concept(
        label=label or name, names=(name,), chinese=(CHINESE.get(name, "东西"),), weight=1.0
    )
    return Art(concept=concept, style=style, pixels=np.asarray(image))


LIBRARY = [
    disc("apple", (210, 40, 40), label="red apple"),
    disc("lemon", (250, 220, 60)),
    disc("star", (240, 200, 60)),
    disc("car", (200, 40, 40), label="automobile"),
    disc("cat", (250, 150, 40), label="cat face"),
    disc("notebook", (90, 55, 30), "cartoon"),
    disc("leaf", (60, 170, 80), "cartoon"),
    disc("ghost", (235, 235, 240), "flat"),
    disc("balloon", (60, 90, 220), "flat"),
]


def make_work(work: Path, *, pictures: int, blends: int) -> None:
    """Lay a small work folder out: the shipped weights, pictures, latents and embeddings."""
    composer = Composer(LIBRARY)
    for folder in ("data", "blends"):
        (work / folder).mkdir(parents=True)
    save_scenes(composer, work / "data" / "128x128-0000.npy", range(pictures), SQUARE)
    compose_blends(composer, work / "blends" / "128x128-0000.npy", range(blends), SQUARE)
    unpack(WEIGHTS, work)
    encode_shards(work)
    embed_shards(work)
