"""Blends that are composed: every parent's thing, before every parent's backdrop."""

import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.pocket.backdrops import Backdrop
from engine.pocket.blends import compose_blend, compose_blends, draw_blend, open_blends
from engine.pocket.colours import BACKGROUNDS
from engine.pocket.dataset import make_shards, read_shards
from engine.pocket.icons import Art
from engine.pocket.layouts import Layout
from engine.pocket.scenes import Composer, Scene, Thing
from tests.engine.pocket.library import LIBRARY

SQUARE = (128, 128)
LEMON, BALLOON, LEAF = (LIBRARY[i] for i in (1, 8, 6))


def single(art: Art, ground: str, size: tuple[int, int] = SQUARE) -> Scene:
    thing = Thing(art=art, name=art.concept.names[0])
    return Scene(
        things=(thing,), layout=Layout.SINGLE, backdrop=Backdrop(colours=(ground,)), size=size
    )


def covered(picture: Image.Image, colour: tuple[int, int, int]) -> float:
    """Return the share of a picture that has nearly a colour."""
    away = np.abs(np.asarray(picture).astype(int) - colour).max(-1)
    return float((away < 12).mean())


@pytest.mark.parametrize("size", [(128, 128), (176, 96), (96, 176)], ids=str)
def test_a_blend_has_both_things_each_before_its_own_backdrop(size: tuple[int, int]) -> None:
    scenes = [single(LEMON, "black", size), single(BALLOON, "red", size)]
    picture = draw_blend(scenes, (0.5, 0.5), random.Random(1))
    assert picture.size == size
    assert covered(picture, (250, 220, 60)) > 0.1
    assert covered(picture, (60, 90, 220)) > 0.1
    ours = np.asarray(picture).astype(int)[[0, -1], [0, -1]]
    for corner, ground in zip(ours, ("black", "red"), strict=True):
        distances = {
            name: np.abs(corner - BACKGROUNDS[name]).sum() for name in ("black", "red", "white")
        }
        assert min(distances, key=lambda name: distances[name]) == ground


def test_the_weightier_thing_is_the_larger() -> None:
    scenes = [single(LEMON, "black"), single(BALLOON, "black")]
    lemons = [
        covered(draw_blend(scenes, (share, 1 - share), random.Random(2)), (250, 220, 60))
        for share in (0.35, 0.5, 0.65)
    ]
    assert lemons == sorted(lemons)
    assert lemons[-1] > 2 * lemons[0]


@pytest.mark.parametrize("seed", range(6))
def test_things_in_a_blend_stand_as_they_were_designed(seed: int) -> None:
    scenes = [single(art, "white") for art in (LEMON, BALLOON)]
    picture = np.asarray(draw_blend(scenes, (0.5, 0.5), random.Random(seed))).astype(int)
    lemon = np.argwhere(np.abs(picture - (250, 220, 60)).max(-1) < 30)
    (top, left), (bottom, _) = lemon.min(0), lemon.max(0)
    # What stands in the other corner has an eye, too.
    eye = np.argwhere(picture[:60, :60].max(-1) < 90).mean(0) - (top, left)
    # In the design it is 40 pixels below the top of a disc of 128, and 60 from its left.
    assert eye / (bottom - top) == pytest.approx((40 / 128, 60 / 128), abs=0.05)


def test_three_things_come_together() -> None:
    scenes = [single(art, "black") for art in (LEMON, BALLOON, LEAF)]
    picture = draw_blend(scenes, (1 / 3,) * 3, random.Random(3))
    for colour in ((250, 220, 60), (60, 90, 220), (60, 170, 80)):
        assert covered(picture, colour) > 0.05


def test_shards_of_blends_lie_beside_their_parents(tmp_path: Path) -> None:
    composer = Composer(LIBRARY)
    written: list[Path] = []

    def save(file: Path, seeds: range, size: tuple[int, int]) -> None:
        written.append(file)
        compose_blends(composer, file, seeds, size)

    for _ in range(2):
        make_shards(tmp_path, 1, save, on_shard=lambda: None)
    assert len(written) == 1  # what is there already stays
    (shard,) = read_shards(tmp_path)
    blends = open_blends(shard)
    assert len(blends.parents) == len(shard.pixels) == len(shard.captions)
    np.testing.assert_allclose(blends.shares.sum(1), 1, atol=1e-6)
    again = compose_blend(composer, 7)
    assert np.array_equal(np.asarray(again.picture), shard.pixels[7])
    assert again.caption == shard.captions[7]
    first, second = (np.asarray(image.convert("L")).mean() for image in again.parents[:2])
    assert first >= second
    for parent, stored in zip(again.parents, blends.parents[7], strict=True):
        assert np.array_equal(np.asarray(parent), stored)
