"""The image tower learns to see blends between their parents, as they are composed and drawn."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import cosine_similarity, normalize

from engine.pocket.blends import open_blends
from engine.pocket.dataset import read_shards
from engine.pocket.drawn import VARIATION_EVERY, draw_blends
from engine.pocket.embeddings import between, embed, read_embeds
from engine.pocket.optimizer import build_optimizers
from engine.pocket.tower import TowerStage
from tests.engine.pocket.library import make_work


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("work")
    make_work(folder, pictures=60, blends=8)
    draw_blends(folder, 1)
    return folder


def test_drawn_blends_lie_beside_the_pictures_that_they_come_from(work: Path) -> None:
    (composed,), (drawn,) = (read_shards(work / folder) for folder in ("blends", "drawn"))
    ours, theirs = open_blends(drawn), open_blends(composed)
    assert np.array_equal(ours.parents[:, [0, 2]], theirs.parents[:, [0, 2]])
    # No pair that the UNet saw.
    assert np.array_equal(ours.parents[:, 1], np.roll(theirs.parents[:, 1], 1, axis=0))
    for i, shares in enumerate(ours.shares):
        is_variation = i % VARIATION_EVERY == 0
        assert shares.tolist() == ([1, 0, 0] if is_variation else theirs.shares[i].tolist())


def test_what_is_drawn_of_pictures_looks_like_them(work: Path) -> None:
    (drawn,) = read_shards(work / "drawn")
    blends = open_blends(drawn)
    colours = drawn.pixels.mean(axis=(1, 2))
    parents = blends.parents.astype(np.float64).mean(axis=(2, 3))
    mixed = (parents * blends.shares[..., None]).sum(axis=1)
    away = np.abs(colours[:, None] - mixed[None]).mean(-1)
    others = away[~np.eye(len(away), dtype=bool)]
    assert np.diag(away).mean() < 0.6 * others.mean()


def test_shards_that_are_drawn_are_not_drawn_again(work: Path) -> None:
    (file,) = (work / "drawn").glob("*-0000.npy")
    before = file.stat().st_mtime_ns
    draw_blends(work, 1)
    assert file.stat().st_mtime_ns == before


def open_stage(work: Path) -> TowerStage:
    stage = TowerStage(work)
    stage.batch, stage.blend_batch = 24, 8
    stage.module.train()
    return stage


def told_of(folder: Path, stage: TowerStage) -> torch.Tensor:
    """Return what lies between the parents of blends (N, 192), as the tower sees them."""
    (shard,) = read_shards(folder)
    blends = open_blends(shard)
    count, most = blends.shares.shape
    parents = embed(stage.vision, blends.parents.reshape(-1, *blends.parents.shape[2:]))
    return between(parents.view(count, most, -1), torch.from_numpy(blends.shares))


def test_the_tower_learns_where_blends_lie_and_says_of_pictures_what_it_said(work: Path) -> None:
    stage = open_stage(work)

    told = {folder: told_of(work / folder, stage) for folder in ("blends", "drawn")}

    def apart(folder: str) -> float:
        (shard,) = read_shards(work / folder)
        seen = embed(stage.vision, shard.pixels)
        return 1 - float(cosine_similarity(seen, told[folder]).mean())

    before = {folder: apart(folder) for folder in ("blends", "drawn")}
    words = {name: value.clone() for name, value in stage.text.state_dict().items()}
    optimizers = build_optimizers(stage.module, lr=5e-4)
    for _ in range(24):
        loss, figures = stage.loss()
        loss.backward()  # type: ignore[no-untyped-call]
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
    assert figures.keys() >= {"moved", "found", "blends_ranked", "drawn_ranked"}
    for folder, distance in before.items():
        assert apart(folder) < 0.9 * distance, folder
    (singles,) = read_shards(work / "data")
    kept = cosine_similarity(embed(stage.vision, singles.pixels), read_embeds(singles.file))
    assert kept.mean() > 0.95
    for folder in ("blends", "drawn"):
        (shard,) = read_shards(work / folder)
        blends = open_blends(shard)
        is_real = blends.shares > 0
        parents = embed(stage.vision, blends.parents[is_real])
        kept = cosine_similarity(parents, read_embeds(shard.file)[is_real])
        assert kept.mean() > 0.95, folder
    assert all(torch.equal(value, words[name]) for name, value in stage.text.state_dict().items())


def test_before_its_words_are_written_down_the_tower_is_free(work: Path, tmp_path: Path) -> None:
    shutil.copytree(work, tmp_path, dirs_exist_ok=True)
    for file in (tmp_path / "data").glob("*.embeds.npy"):
        file.unlink()
    loss, figures = open_stage(tmp_path).loss()
    assert "moved" not in figures
    assert loss.isfinite()


def test_pictures_that_were_made_since_must_be_written_down_too(work: Path, tmp_path: Path) -> None:
    shutil.copytree(work, tmp_path, dirs_exist_ok=True)
    for suffix in (".npy", ".json"):
        (file,) = (tmp_path / "data").glob(f"*-0000{suffix}")
        shutil.copy(file, file.with_name(f"128x128-0001{suffix}"))
    with pytest.raises(FileNotFoundError, match=r"128x128-0001\.embeds"):
        open_stage(tmp_path)


def test_twins_of_a_parent_are_no_strangers(work: Path) -> None:
    stage = open_stage(work)
    (blends,) = stage.blends["blends"]
    stage.blend_batch = len(blends.shares)
    parents = blends.parents[blends.shares > 0]
    twins = normalize(embed(stage.vision, parents), dim=-1)
    alike = normalize(twins + 0.6 * twins.roll(3, 0), dim=-1)
    with torch.no_grad():
        alone, beside_twins, beside_likenesses = (
            float(stage._blend_losses(blends, strangers)[1])
            for strangers in (twins[:0], twins, alike)
        )
    assert beside_twins == pytest.approx(alone, abs=0.15)
    assert beside_likenesses > alone + 0.3
