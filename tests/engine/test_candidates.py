"""Of several drawings of a blend, the one is kept that is most like all of its parents."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import normalize

from engine.api import ImageCondition, Picture, TextToImage, WeightedImage, WorkItem
from engine.batch import Job
from engine.candidates import keep_best
from engine.devices import find_device
from engine.image_encoder import blend
from engine.models.catalog import Catalog
from engine.models.loading import LoadedModel
from engine.models.store import ModelStore
from engine.models.unclip import UnCLIP
from engine.painter import Painter

COLOURS = ("red", "blue")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ModelStore:
    return ModelStore(
        catalog=Catalog.load(),
        models_dir=tmp_path_factory.mktemp("models"),
        device=find_device(cpu_only=True),
        budget_bytes=2**33,
    )


def plain(colour: str) -> Image.Image:
    return Image.new("RGB", (128, 128), colour)


def halves(left: str, right: str) -> Image.Image:
    image = plain(left)
    image.paste(Image.new("RGB", (64, 128), right), (64, 0))
    return image


def blend_of(*weights: float, **changes: Any) -> WorkItem:
    """Return a blend of a red and a blue picture."""
    blobs = {}
    images = []
    for colour, weight in zip(COLOURS, weights, strict=True):
        png = io.BytesIO()
        plain(colour).save(png, "PNG")
        sha256 = hashlib.sha256(png.getvalue()).hexdigest()
        blobs[sha256] = png.getvalue()
        images.append(WeightedImage(image=sha256, weight=weight))
    fields: dict[str, Any] = {
        "model": "pocket",
        "prompt": "",
        "height": 128,
        "width": 128,
        "seed": 7,
        "num_images": 2,
        "num_inference_steps": 4,
        "image_prompt": ImageCondition(images=tuple(images), scale=1.0),
    }
    return WorkItem(job_id=1, fence=1, request=TextToImage(**(fields | changes)), blobs=blobs)


def kept(model: LoadedModel, item: WorkItem, *drawn: Sequence[Image.Image]) -> list[int]:
    """Return which candidate is kept for each picture; `drawn` has those for all pictures."""
    job = Job.of(item)
    for row in job.rows():
        job.images[row] = drawn[row.image_index][row.candidate]
    best = keep_best(model, job)
    assert [row.image_index for row in best] == list(range(len(drawn)))
    return [row.candidate for row in best]


def test_what_has_something_of_each_parent_is_kept(store: ModelStore) -> None:
    model = store.get("pocket", images=True)
    item = blend_of(1, 1, num_images=3, num_candidates=3)
    red, blue, both, neither = (
        plain("red"),
        plain("blue"),
        halves("red", "blue"),
        halves("green", "yellow"),
    )
    drawn = ([red, both, blue], [blue, neither, both], [both, red, neither])
    assert kept(model, item, *drawn) == [1, 2, 0]


def test_what_weighs_more_is_looked_for_more(store: ModelStore) -> None:
    model = store.get("pocket", images=True)
    drawn = [plain("red"), plain("blue")]
    for weights, candidate in (((9, 1), 0), ((1, 9), 1)):
        item = blend_of(*weights, num_images=1, num_candidates=2)
        assert kept(model, item, drawn) == [candidate]


def draw(store: ModelStore, item: WorkItem) -> tuple[list[Picture], list[tuple[int, int]]]:
    steps: list[tuple[int, int]] = []
    drawing = Painter(store).draw(
        item,
        report=lambda step, total, _: steps.append((step, total)),
        is_stopped=lambda: False,
    )
    return drawing.pictures, steps


def lacking(store: ModelStore, picture: Picture) -> float:
    unclip = store.get("pocket", images=True).image_prompts
    assert isinstance(unclip, UnCLIP)
    parents = torch.cat([unclip.image_encoder.image_embeds(plain(colour)) for colour in COLOURS])
    image = Image.open(io.BytesIO(picture.png)).convert("RGB").resize((128, 128))
    seen = normalize(unclip.image_encoder.image_embeds(image), dim=-1)
    ideal = normalize(blend(parents, [1, 1]), dim=-1)
    return float(((ideal - seen) @ normalize(parents, dim=-1).T).max())


def test_the_painter_keeps_the_best_of_what_it_would_have_drawn_alone(store: ModelStore) -> None:
    count, candidates = 4, 3
    pictures, steps = draw(store, blend_of(1, 1, num_images=count, num_candidates=candidates))
    assert len(pictures) == count
    assert steps[-1] == (4, 4)
    for index, picture in enumerate(pictures):
        seeds = [7 + index + 16 * candidate for candidate in range(candidates)]
        assert picture.seed in seeds
        alone = [draw(store, blend_of(1, 1, seed=seed, num_images=1))[0][0] for seed in seeds]
        lacks = [lacking(store, one) for one in alone]
        best = alone[lacks.index(min(lacks))]
        assert picture.seed == best.seed
        ours, theirs = (
            np.asarray(Image.open(io.BytesIO(one.png))).astype(int) for one in (picture, best)
        )
        assert np.abs(ours - theirs).max() <= 3
    assert max(picture.seed for picture in pictures) >= 7 + 16, "some later candidate is the best"


def test_while_candidates_are_drawn_the_first_ones_are_shown() -> None:
    job = Job.of(blend_of(1, 1, num_candidates=2))
    for row in job.rows():
        row.show(plain(COLOURS[row.candidate]))
    assert [job.previews[index].getpixel((0, 0)) for index in (0, 1)] == [(255, 0, 0)] * 2


def test_without_candidates_every_picture_is_kept(store: ModelStore) -> None:
    pictures, _ = draw(store, blend_of(1, 1))
    assert [picture.seed for picture in pictures] == [7, 8]
