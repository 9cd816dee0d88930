from __future__ import annotations

import dataclasses
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from PIL import Image

from engine.api import ImageToImage, RequestError, TextToImage, WorkItem, request_from_json
from engine.images import ImageRefusedError, encode_png
from engine.models.catalog import Catalog, UnknownModelError
from engine.models.loading import LoadedModel
from engine.models.store import ModelStore
from engine.painter import Drawing, NoMemoryError, Painter, Stopped, _rows_at_once
from tests.engine import tiny


class SmallUNet(UNet2DConditionModel):  # type: ignore[misc]
    """A UNet on a device that holds only so many rows at once."""

    limit = 0

    def forward(self, sample: torch.Tensor, *arguments: Any, **options: Any) -> Any:
        if len(sample) > self.limit:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return super().forward(sample, *arguments, **options)


class SmallVae(AutoencoderKL):  # type: ignore[misc]
    """An autoencoder on a device that holds only so many latent pixels at once."""

    limit = 0

    def decode(self, z: torch.Tensor, *arguments: Any, **options: Any) -> Any:
        tile = self.tile_latent_min_size**2 if self.use_tiling else z.shape[2] * z.shape[3]
        if len(z) * tile > self.limit:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return super().decode(z, *arguments, **options)


def copy_as(kind: Any, module: Any, limit: int) -> Any:
    copied = kind.from_config(module.config).eval()
    copied.load_state_dict(module.state_dict())
    copied.limit = limit
    return copied


def make_painter(model: LoadedModel, folder: Path) -> Painter:
    cards = [tiny.make_card(folder), tiny.make_card(folder, name="other")]
    store = ModelStore(
        catalog=Catalog(cards), models_dir=folder, device=tiny.cpu(), budget_bytes=2**30
    )
    store._models["tiny"] = model
    return Painter(store)


@pytest.fixture
def painter(tiny_model: LoadedModel, tiny_folder: Path) -> Painter:
    return make_painter(tiny_model, tiny_folder)


def request(**changes: Any) -> TextToImage:
    fields: dict[str, Any] = {
        "model": "tiny",
        "prompt": "a (red:1.2) cat",
        "height": tiny.SIZE,
        "width": tiny.SIZE,
        "seed": 2**32 - 2,
        "num_images": 4,
        "num_inference_steps": 4,
        "denoising_end": 0.6,
    }
    return TextToImage(**(fields | changes))


def draw(painter: Painter, item: WorkItem | TextToImage, steps: list[Any] | None = None) -> Drawing:
    if not isinstance(item, WorkItem):
        item = WorkItem(job_id=1, fence=1, request=item)
    return painter.draw(
        item,
        report=lambda *step: steps.append(step) if steps is not None else None,
        is_stopped=lambda: False,
    )


def pixels(drawing: Drawing) -> list[bytes]:
    return [Image.open(io.BytesIO(picture.png)).tobytes() for picture in drawing.pictures]


def closest(first: Drawing, second: Drawing) -> int:
    """The greatest difference between two drawings, of 255."""
    return max(
        abs(one - other)
        for some, others in zip(pixels(first), pixels(second), strict=True)
        for one, other in zip(some, others, strict=True)
    )


def test_a_picture_knows_its_seed_its_size_and_what_was_asked(painter: Painter) -> None:
    asked = request()
    drawing = draw(painter, asked)
    assert [picture.seed for picture in drawing.pictures] == [2**32 - 2, 2**32 - 1, 0, 1]
    image = Image.open(io.BytesIO(drawing.pictures[2].png))
    assert image.size == (tiny.SIZE, tiny.SIZE)
    assert image.info["Software"] == "Easel"
    assert image.info["seed"] == "0"
    assert image.info["prompt"] == asked.prompt
    assert request_from_json(json.loads(image.info["request"])) == asked


def test_timings_name_every_stage(painter: Painter) -> None:
    timings = draw(painter, request()).timings
    assert set(timings) == {"load", "encode", "base", "refiner", "decode", "png", "total"}
    assert sum(timings.values()) - timings["total"] <= timings["total"]


def test_every_step_is_reported_and_the_first_with_a_preview(painter: Painter) -> None:
    steps: list[Any] = []
    draw(painter, request(), steps)
    assert [(step, total) for step, total, _ in steps] == [(step, 4) for step in range(1, 5)]
    preview = Image.open(io.BytesIO(steps[0][2]))
    assert (preview.format, preview.size) == ("WEBP", (512, 512))


def test_pictures_of_few_pixels_are_delivered_larger(
    tiny_model: LoadedModel, tiny_folder: Path
) -> None:
    card = tiny.make_card(tiny_folder, display_scale=4)
    painter = make_painter(dataclasses.replace(tiny_model, card=card), tiny_folder)
    (picture,) = draw(painter, request(num_images=1)).pictures
    assert (picture.width, picture.height) == (4 * tiny.SIZE, 4 * tiny.SIZE)


def test_a_stop_is_obeyed_within_one_step_and_the_next_drawing_is_the_same(
    painter: Painter,
) -> None:
    before = draw(painter, request())
    steps: list[int] = []
    item = WorkItem(job_id=1, fence=1, request=request())
    with pytest.raises(Stopped):
        painter.draw(
            item,
            report=lambda step, *_: steps.append(step),
            is_stopped=lambda: len(steps) == 2,
        )
    assert steps == [1, 2]
    assert pixels(draw(painter, request())) == pixels(before)


@pytest.mark.parametrize(("rows", "groups"), [(4, 2), (2, 4)])
def test_what_does_not_fit_together_is_drawn_in_smaller_groups(
    tiny_model: LoadedModel, tiny_folder: Path, painter: Painter, rows: int, groups: int
) -> None:
    small = copy_as(SmallUNet, tiny_model.base.unet, rows)
    base = dataclasses.replace(tiny_model.base, unet=small)
    small_painter = make_painter(dataclasses.replace(tiny_model, base=base), tiny_folder)
    steps: list[Any] = []
    drawing = draw(small_painter, request(), steps)
    assert closest(drawing, draw(painter, request())) <= 1
    assert steps[-1][:2] == (4 * groups, 4 * groups)
    # What was learned is not forgotten: the next job begins with groups that fit.
    steps.clear()
    draw(small_painter, request(), steps)
    assert steps[0][:2] == (1, 4 * groups)


def test_one_picture_that_does_not_fit_is_a_clear_sentence(
    tiny_model: LoadedModel, tiny_folder: Path
) -> None:
    small = copy_as(SmallUNet, tiny_model.base.unet, 1)
    base = dataclasses.replace(tiny_model.base, unet=small)
    painter = make_painter(dataclasses.replace(tiny_model, base=base), tiny_folder)
    with pytest.raises(NoMemoryError, match=r"64 x 64 .* try a smaller size"):
        draw(painter, request())


def test_other_models_leave_before_a_drawing_is_split(
    tiny_model: LoadedModel, tiny_folder: Path
) -> None:
    small = copy_as(SmallUNet, tiny_model.base.unet, 4)
    base = dataclasses.replace(tiny_model.base, unet=small)
    painter = make_painter(dataclasses.replace(tiny_model, base=base), tiny_folder)
    painter._store._models["other"] = tiny_model
    draw(painter, request())
    assert painter.loaded == {"tiny"}


@pytest.mark.parametrize("pixels_at_once", [3 * 64, 64], ids=["one-by-one", "one-by-one-exactly"])
def test_decoding_falls_back_to_one_picture_at_a_time(
    tiny_model: LoadedModel, tiny_folder: Path, painter: Painter, pixels_at_once: int
) -> None:
    vae = copy_as(SmallVae, tiny_model.vae, pixels_at_once)
    small_painter = make_painter(dataclasses.replace(tiny_model, vae=vae), tiny_folder)
    steps: list[Any] = []
    drawing = draw(small_painter, request(), steps)
    assert closest(drawing, draw(painter, request())) <= 1
    assert steps[-1][:2] == (4, 4)


def test_decoding_falls_back_to_tiles_and_leaves_the_autoencoder_as_it_was(
    tiny_model: LoadedModel, tiny_folder: Path
) -> None:
    vae = copy_as(SmallVae, tiny_model.vae, 16)
    before = (vae.use_tiling, vae.tile_latent_min_size, vae.tile_sample_min_size)
    painter = make_painter(dataclasses.replace(tiny_model, vae=vae), tiny_folder)
    drawing = draw(painter, request())
    assert [picture.width for picture in drawing.pictures] == [tiny.SIZE] * 4
    assert before == (vae.use_tiling, vae.tile_latent_min_size, vae.tile_sample_min_size)


@pytest.mark.parametrize(("side", "limit"), [(64, 256), (128, 64), (512, 4), (1024, 1), (2048, 1)])
def test_large_pictures_are_drawn_in_small_groups_on_a_cpu(side: int, limit: int) -> None:
    assert _rows_at_once(request(height=side, width=side), tiny.cpu()) == limit


def source(image: Image.Image) -> tuple[bytes, str]:
    png = encode_png(image, {})
    return png, hashlib.sha256(png).hexdigest()


def variation(sha256: str, **changes: Any) -> ImageToImage:
    fields = {name: getattr(request(), name) for name in request().__struct_fields__}
    return ImageToImage(**(fields | {"image": sha256, "strength": 0.5} | changes))


def test_a_picture_is_drawn_from_a_picture(painter: Painter) -> None:
    png, sha256 = source(Image.new("RGB", (200, 100), "red"))
    item = WorkItem(job_id=1, fence=1, request=variation(sha256), blobs={sha256: png})
    steps: list[Any] = []
    assert len(draw(painter, item, steps).pictures) == 4
    assert steps[-1][:2] == (2, 2)


def test_a_picture_that_did_not_come_or_came_damaged_is_refused(painter: Painter) -> None:
    png, sha256 = source(Image.new("RGB", (8, 8)))
    for blobs in ({}, {sha256: png + b"x"}):
        item = WorkItem(job_id=1, fence=1, request=variation(sha256), blobs=blobs)
        with pytest.raises(RequestError, match="image"):
            draw(painter, item)


def test_a_picture_that_is_none_is_refused(painter: Painter) -> None:
    sha256 = hashlib.sha256(b"hello").hexdigest()
    item = WorkItem(job_id=1, fence=1, request=variation(sha256), blobs={sha256: b"hello"})
    with pytest.raises(ImageRefusedError):
        draw(painter, item)


def test_an_unknown_model_is_refused(painter: Painter) -> None:
    with pytest.raises(UnknownModelError, match="Did you mean 'tiny'"):
        draw(painter, request(model="tinny"))


def test_warming_up_loads_the_model(tiny_folder: Path) -> None:
    store = ModelStore(
        catalog=Catalog([tiny.make_card(tiny_folder)]),
        models_dir=tiny_folder,
        device=tiny.cpu(),
        budget_bytes=2**30,
    )
    painter = Painter(store)
    painter.warm_up("tiny")
    assert painter.loaded == {"tiny"}
