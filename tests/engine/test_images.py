from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import pytest
from PIL import Image

from engine.images import (
    ImageRefusedError,
    encode_png,
    encode_preview,
    enlarge,
    make_grid,
    open_image,
)

COLOURS = ["red", "lime", "blue", "yellow", "cyan", "magenta", "white", "gray", "orange"]


def encode(image: Image.Image, file_format: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, file_format, **options)
    return out.getvalue()


def plain(colour: str, size: tuple[int, int] = (8, 6)) -> bytes:
    return encode_png(Image.new("RGB", size, colour), {})


def decode(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


@pytest.mark.parametrize(
    ("count", "cells"),
    [
        (1, [(0, 0)]),
        (2, [(0, 0), (1, 0)]),
        (3, [(0, 0), (1, 0), (0, 1)]),
        (4, [(0, 0), (1, 0), (0, 1), (1, 1)]),
        (9, [(column, row) for row in range(3) for column in range(3)]),
    ],
)
def test_a_grid_is_in_reading_order(count: int, cells: list[tuple[int, int]]) -> None:
    grid = decode(make_grid([plain(colour) for colour in COLOURS[:count]]))
    columns, rows = max(column for column, _ in cells) + 1, max(row for _, row in cells) + 1
    assert grid.size == (8 * columns, 6 * rows)
    for colour, (column, row) in zip(COLOURS, cells, strict=False):
        expected = Image.new("RGB", (1, 1), colour).getpixel((0, 0))
        for corner in ((0, 0), (7, 5)):
            assert grid.getpixel((8 * column + corner[0], 6 * row + corner[1])) == expected


@pytest.mark.parametrize("count", [0, 17])
def test_a_grid_has_one_to_sixteen_pictures(count: int) -> None:
    with pytest.raises(ValueError, match=str(count)):
        make_grid([plain("red")] * count)


def test_text_in_a_png_survives_any_prompt() -> None:
    prompt = "猫 \0 ' \"\n<b>ü"
    png = encode_png(Image.new("RGB", (2, 2)), {"prompt": prompt, "Software": "Easel"})
    assert decode(png).info == {"prompt": prompt.replace("\0", ""), "Software": "Easel"}


def test_enlarging_keeps_flat_colours() -> None:
    large = enlarge(Image.new("RGB", (4, 2), "red"), 4)
    assert large.size == (16, 8)
    assert large.getcolors() == [(128, (255, 0, 0))]


@pytest.mark.parametrize(
    ("side", "expected"), [(100, 400), (1024, 4096), (2000, 4000), (4096, 4096)]
)
def test_enlarging_stops_at_the_largest_side(side: int, expected: int) -> None:
    assert enlarge(Image.new("L", (side, 8)), 4).width == expected


def test_a_preview_is_a_small_webp_whatever_the_pictures_size() -> None:
    for size in ((16, 16), (1024, 512), (20, 5000)):
        preview = decode(encode_preview([Image.new("RGB", size, "red")] * 4))
        assert preview.format == "WEBP"
        assert max(preview.size) == 512


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP", "GIF"])
def test_common_formats_are_opened(file_format: str) -> None:
    image = open_image(encode(Image.new("RGB", (5, 3), "white"), file_format))
    assert (image.mode, image.size) == ("RGB", (5, 3))


@pytest.mark.parametrize("file_format", ["TIFF", "BMP", "PPM", "ICO"])
def test_other_formats_are_refused(file_format: str) -> None:
    with pytest.raises(ImageRefusedError, match="not a PNG, JPEG, WebP or GIF"):
        open_image(encode(Image.new("RGB", (16, 16)), file_format))


@pytest.mark.parametrize("data", [b"", b"hello", b"<svg/>", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(ImageRefusedError):
        open_image(data)


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP", "GIF"])
def test_a_truncated_file_is_refused(file_format: str) -> None:
    noise = Image.effect_noise((64, 64), 80).convert("RGB")
    data = encode(noise, file_format)
    with pytest.raises(ImageRefusedError):
        open_image(data[: len(data) // 2])


def test_every_damaged_byte_is_decoded_or_refused() -> None:
    data = bytearray(encode(Image.effect_noise((12, 12), 80).convert("RGB"), "PNG"))
    for position in range(len(data)):
        damaged = bytes(data[:position]) + bytes([data[position] ^ 0xFF]) + data[position + 1 :]
        try:
            open_image(bytes(damaged))
        except ImageRefusedError:
            continue


def png_header(width: int, height: int) -> bytes:
    """A PNG of black pixels that costs nothing to send."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        checksum = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * (1024 * 1024))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("size", [(5000, 5000), (10_000, 10_000), (60_000, 60_000), (2**31 - 1, 1)])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(size: tuple[int, int]) -> None:
    with pytest.raises(ImageRefusedError, match=r"limit is|too large"):
        open_image(png_header(*size))


def test_limits_can_be_tighter() -> None:
    data = plain("red", (100, 100))
    with pytest.raises(ImageRefusedError, match="100 x 100 pixels"):
        open_image(data, max_pixels=9_999)
    with pytest.raises(ImageRefusedError, match="MB"):
        open_image(data, max_bytes=10)


def test_only_the_first_frame_of_an_animation_is_taken() -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    for file_format in ("GIF", "WEBP"):
        options = {"save_all": True, "append_images": frames[1:]}
        image = open_image(encode(frames[0], file_format, **options))
        red, _, blue = image.getpixel((0, 0))  # type: ignore[misc]
        assert red > 200 > blue


def test_a_picture_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held on its side
    assert open_image(encode(Image.new("RGB", (6, 2)), "JPEG", exif=exif)).size == (2, 6)


def test_what_is_transparent_becomes_white() -> None:
    image = open_image(encode(Image.new("RGBA", (2, 2), (255, 0, 0, 0)), "PNG"))
    assert image.getpixel((0, 0)) == (255, 255, 255)


def test_sixteen_bits_are_scaled_not_clipped() -> None:
    image = open_image(encode(Image.new("I;16", (2, 2), 32768), "PNG"))
    assert image.getpixel((0, 0)) == (128, 128, 128)


def test_cmyk_and_palettes_become_rgb() -> None:
    assert open_image(encode(Image.new("CMYK", (2, 2)), "JPEG")).mode == "RGB"
    assert open_image(encode(Image.new("P", (2, 2)), "PNG")).mode == "RGB"
