"""Blends whose parents were drawn by the model, and not composed."""

import numpy as np
import pytest
import torch

from engine.pocket.blends import BlendShard, open_blends
from engine.pocket.dataset import Pixels, read_shards
from engine.pocket.export import WEIGHTS, open_components, unpack
from engine.pocket.parents import make_shard
from engine.pocket.scenes import Composer
from tests.engine.pocket.library import LIBRARY

PICTURES, BLENDS = 12, 40
LIGHTNESS = (0.299, 0.587, 0.114)


@pytest.fixture(scope="module")
def blends(tmp_path_factory: pytest.TempPathFactory) -> BlendShard:
    work = tmp_path_factory.mktemp("work")
    folder = work / "blends"
    folder.mkdir()
    unpack(WEIGHTS, work)
    components = open_components(work, torch.device("cpu"))
    make_shard(
        components,
        Composer(LIBRARY),
        folder / "128x128-5000.npy",
        pictures=PICTURES,
        blends=BLENDS,
    )
    (shard,) = read_shards(folder)
    return open_blends(shard)


def test_a_drawn_picture_is_a_parent_of_several_blends(blends: BlendShard) -> None:
    assert len(blends.shard.pixels) == len(blends.parents) == BLENDS
    parents = blends.parents[blends.shares > 0]
    assert len(parents) >= 2 * BLENDS
    assert 2 <= len({parent.tobytes() for parent in parents}) <= PICTURES
    np.testing.assert_allclose(blends.shares.sum(1), 1, atol=1e-6)


def corner(pixels: Pixels, *, top_left: bool) -> Pixels:
    """Return the mean colour of a corner: (3,)."""
    part = pixels[:6, :6] if top_left else pixels[-6:, -6:]
    colour: Pixels = part.mean((0, 1))
    return colour


def test_what_was_drawn_of_a_scene_stands_before_the_backdrop_that_the_blend_has(
    blends: BlendShard,
) -> None:
    pairs = np.flatnonzero(blends.shares[:, 2] == 0)
    away: list[float] = []
    strange: list[float] = []
    for one, other in zip(pairs, np.roll(pairs, 1), strict=True):
        for column, top_left in ((0, True), (1, False)):
            blended = corner(blends.shard.pixels[one], top_left=top_left)
            for row, found in ((one, away), (other, strange)):
                parent = corner(blends.parents[row, column], top_left=top_left)
                found.append(np.abs(blended - parent).mean())
    assert np.median(away) < 0.3 * np.median(strange)


def test_the_lightest_of_what_was_drawn_stands_first(blends: BlendShard) -> None:
    lightness = blends.parents.mean((2, 3)) @ LIGHTNESS
    assert (lightness[:, 0] >= lightness[:, 1] - 1).all()
