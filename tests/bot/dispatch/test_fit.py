"""A picture always becomes a file that Discord takes."""

import io
import random

import pytest
from PIL import Image

from bot.dispatch.results import fit


@pytest.fixture(scope="module")
def noise_png() -> bytes:
    """A picture that no format compresses well."""
    pixels = random.Random(0).randbytes(512 * 512 * 3)
    out = io.BytesIO()
    Image.frombytes("RGB", (512, 512), pixels).save(out, "PNG")
    return out.getvalue()


def test_a_small_picture_stays_as_it_is(noise_png: bytes) -> None:
    picture = fit(noise_png, "grid", limit_bytes=len(noise_png))
    assert picture.data == noise_png
    assert picture.filename == "grid.png"


def test_a_large_picture_becomes_webp_of_the_same_size(noise_png: bytes) -> None:
    picture = fit(noise_png, "grid", limit_bytes=len(noise_png) - 1)
    assert picture.filename == "grid.webp"
    assert Image.open(io.BytesIO(picture.data)).size == (512, 512)


def test_a_hopeless_picture_becomes_smaller(noise_png: bytes) -> None:
    picture = fit(noise_png, "grid", limit_bytes=40_000)
    image = Image.open(io.BytesIO(picture.data))
    assert len(picture.data) <= 40_000
    assert 64 < image.width < 512
    assert image.width == image.height
