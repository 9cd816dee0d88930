"""Several jobs drawn as one: each gets the pictures that it would have got alone."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PIL import Image

from engine.api import (
    ImageCondition,
    ImageToImage,
    Sampler,
    TextToImage,
    WeightedImage,
    WorkItem,
    batch_key,
)
from engine.models.catalog import Catalog
from engine.models.loading import LoadedModel
from engine.models.store import ModelStore
from engine.painter import Drawing, Painter
from tests.engine import tiny
from tests.engine.test_painter import (
    SmallUNet,
    closest,
    copy_as,
    draw,
    make_painter,
    pixels,
    request,
    source,
)

NOTHING: Mapping[str, bytes] = {}
LONG = "a cat BREAK a dog"


@pytest.fixture
def painter(tiny_model: LoadedModel, tiny_folder: Path) -> Painter:
    return make_painter(tiny_model, tiny_folder)


def batch_of(
    requests: Sequence[TextToImage], blobs: Mapping[str, bytes] = NOTHING
) -> list[WorkItem]:
    return [
        WorkItem(job_id=number, fence=1, request=one, blobs=dict(blobs))
        for number, one in enumerate(requests, 1)
    ]


def draw_batch(
    painter: Painter,
    requests: Sequence[TextToImage],
    *,
    blobs: Mapping[str, bytes] = NOTHING,
    report: Callable[..., None] = lambda *_: None,
    is_stopped: Callable[[WorkItem], bool] = lambda _: False,
) -> dict[int, Drawing | None]:
    """Return how each job ended, by id, in the order of the ends."""
    ends: dict[int, Drawing | None] = {}

    def end(item: WorkItem, drawing: Drawing | None) -> None:
        assert item.job_id not in ends
        ends[item.job_id] = drawing

    painter.draw_batch(batch_of(requests, blobs), report=report, is_stopped=is_stopped, end=end)
    return ends


def check_equal(
    painter: Painter, requests: Sequence[TextToImage], blobs: Mapping[str, bytes] = NOTHING
) -> None:
    ends = draw_batch(painter, requests, blobs=blobs)
    for item, one in zip(batch_of(requests, blobs), requests, strict=True):
        drawing = ends[item.job_id]
        assert drawing is not None
        assert closest(drawing, draw(painter, item)) <= 1
        assert [picture.seed for picture in drawing.pictures] == [
            one.seed_of(index) for index in range(one.num_images)
        ]


@pytest.mark.parametrize("sampler", [Sampler.EULER, Sampler.EULER_A, Sampler.DPM_SDE_KARRAS])
def test_a_batched_picture_is_the_one_drawn_alone(painter: Painter, sampler: Sampler) -> None:
    shared = request(sampler=sampler, condition_noise=0.8)
    check_equal(
        painter,
        [
            shared,
            msgspec.structs.replace(shared, prompt="a dog", negative_prompt="fur", seed=7),
            msgspec.structs.replace(shared, prompt="", num_images=1, seed=3, same_seed=True),
        ],
    )


def test_prompts_of_other_lengths_are_no_neighbours(painter: Painter) -> None:
    steps: list[tuple[int, int, int]] = []
    requests = [request(), request(prompt=LONG, seed=4), request(prompt="a dog", seed=9)]
    check_equal(painter, requests)
    draw_batch(
        painter,
        requests,
        report=lambda item, step, total, _: steps.append((item.job_id, step, total)),
    )
    # The two short ones side by side, then the long one; each counts its own steps.
    assert [job_id for job_id, _, _ in steps] == [1, 3] * 4 + [2] * 4
    assert steps[-1] == (2, 4, 4)


@pytest.fixture
def pocket(tmp_path: Path) -> Painter:
    return Painter(
        ModelStore(
            catalog=Catalog.load(), models_dir=tmp_path, device=tiny.cpu(), budget_bytes=2**33
        )
    )


def test_the_built_in_model_draws_a_batch_from_one_picture_as_its_jobs(pocket: Painter) -> None:
    png, sha256 = source(Image.new("RGB", (128, 128), (40, 200, 60)))
    apple = TextToImage(
        model="pocket",
        prompt="a red apple",
        height=128,
        width=128,
        seed=5,
        num_images=2,
        num_inference_steps=5,
        image_prompt=ImageCondition(images=(WeightedImage(image=sha256),), scale=0.5),
    )
    pear = msgspec.structs.replace(apple, prompt="a pear", seed=8)
    assert batch_key(apple) == batch_key(pear)
    check_equal(pocket, [apple, pear], {sha256: png})


def test_the_built_in_model_draws_a_batch_as_its_jobs(pocket: Painter) -> None:
    apple = TextToImage(
        model="pocket",
        prompt="a red apple on a blue background",
        height=128,
        width=128,
        seed=5,
        num_images=2,
        num_inference_steps=6,
        denoising_end=0.7,
    )
    pear = msgspec.structs.replace(apple, prompt="a green pear", negative_prompt="leaf", seed=8)
    check_equal(pocket, [apple, pear])
    drawing = draw_batch(pocket, [pear, apple])[2]
    assert drawing is not None
    for picture in drawing.pictures:
        corner = Image.open(io.BytesIO(picture.png)).convert("RGB").resize((8, 8)).getpixel((0, 0))
        assert isinstance(corner, tuple)
        assert corner[2] > max(corner[:2]) + 20


def test_each_job_sees_its_own_pictures_come(painter: Painter) -> None:
    shown: dict[int, bytes] = {}

    def report(item: WorkItem, _step: int, _total: int, preview: bytes | None) -> None:
        assert preview is not None
        shown.setdefault(item.job_id, preview)

    draw_batch(painter, [request(), request(num_images=1, prompt="a dog", seed=1)], report=report)
    assert [Image.open(io.BytesIO(shown[job_id])).width for job_id in (1, 2)] == [512, 512]
    assert shown[1] != shown[2]


def test_a_job_that_is_stopped_leaves_the_others_as_they_were(painter: Painter) -> None:
    steps: list[tuple[int, int]] = []
    requests = [request(), request(prompt="a dog", seed=1)]
    ends = draw_batch(
        painter,
        requests,
        report=lambda item, step, *_: steps.append((item.job_id, step)),
        is_stopped=lambda item: item.job_id == 1 and (2, 2) in steps,
    )
    assert next(iter(ends.items())) == (1, None)
    assert [step for job_id, step in steps if job_id == 1] == [1, 2]
    assert [step for job_id, step in steps if job_id == 2] == [1, 2, 3, 4]
    other = ends[2]
    assert other is not None
    assert closest(other, draw(painter, requests[1])) <= 1


def test_a_batch_in_which_all_are_stopped_is_not_drawn_on(painter: Painter) -> None:
    steps: list[int] = []
    ends = draw_batch(
        painter,
        [request(), request(seed=1)],
        report=lambda _item, step, *_: steps.append(step),
        is_stopped=lambda _: len(steps) >= 2,
    )
    assert ends == {1: None, 2: None}
    assert steps == [1, 1]


def test_a_batch_that_does_not_fit_is_split_and_the_device_takes_less_from_then_on(
    tiny_model: LoadedModel, tiny_folder: Path, painter: Painter
) -> None:
    small = copy_as(SmallUNet, tiny_model.base.unet, 6)  # three pictures, guided
    base = dataclasses.replace(tiny_model.base, unet=small)
    small_painter = make_painter(dataclasses.replace(tiny_model, base=base), tiny_folder)
    whole = small_painter.capacity_pixels
    requests = [request(num_images=2), request(num_images=3, prompt="a dog", seed=1)]
    ends = draw_batch(small_painter, requests)
    for job_id, one in enumerate(requests, 1):
        drawing = ends[job_id]
        assert drawing is not None
        assert closest(drawing, draw(painter, one)) <= 1
    assert small_painter.capacity_pixels == 3 * tiny.SIZE**2 < whole


def test_what_was_drawn_together_shares_the_time(painter: Painter) -> None:
    ends = draw_batch(painter, [request(num_images=1), request(num_images=3)])
    one, three = (ends[job_id] for job_id in (1, 2))
    assert one is not None
    assert three is not None
    assert three.timings["base"] == pytest.approx(3 * one.timings["base"])
    assert set(one.timings) == {"load", "encode", "base", "refiner", "decode", "png", "total"}


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "a dog"},
        {"negative_prompt": "fur"},
        {"seed": 1},
        {"same_seed": True},
        {"num_images": 1},
    ],
    ids=str,
)
def test_what_each_picture_has_for_itself_does_not_part_jobs(change: dict[str, Any]) -> None:
    assert batch_key(request(**change)) == batch_key(request())


@pytest.mark.parametrize(
    "change",
    [
        {"model": "other"},
        {"width": 128},
        {"num_inference_steps": 5},
        {"guidance_scale": 6.0},
        {"denoising_end": 1.0},
        {"condition_noise": 0.1},
        {"sampler": Sampler.LMS},
    ],
    ids=str,
)
def test_what_all_pictures_share_parts_jobs(change: dict[str, Any]) -> None:
    assert batch_key(request(**change)) != batch_key(request())


def test_what_begins_at_a_picture_is_drawn_alone() -> None:
    fields = {name: getattr(request(), name) for name in request().__struct_fields__}
    assert batch_key(ImageToImage(**fields, image="0" * 64)) is None


def test_a_batch_of_one_is_bit_by_bit_the_drawing(painter: Painter) -> None:
    drawing = draw_batch(painter, [request()])[1]
    assert drawing is not None
    assert pixels(drawing) == pixels(draw(painter, request()))
