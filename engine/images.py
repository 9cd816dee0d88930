"""Pictures as bytes: grids, previews, the text that travels in a PNG, and safe decoding.

Knows Pillow only, neither torch nor requests: whoever has a picture may use it.

Errors::

    ImageRefusedError       a file from outside that is not decoded; the sentence is for the user
"""

from __future__ import annotations

import io
import math
import struct
import warnings
from collections.abc import Mapping, Sequence

from PIL import Image, ImageOps, PngImagePlugin, UnidentifiedImageError

MAX_GRID_IMAGES = 16
MAX_IMAGE_BYTES = 32 * 1024 * 1024
MAX_SIDE = 4096
MAX_IMAGE_PIXELS = MAX_SIDE * MAX_SIDE
MAX_INPUT_SIDE = 16384
MAX_SCANS = 100
"""Of a progressive JPEG; ordinary ones have up to 14."""
PREVIEW_WIDTH = 512
LANCZOS_REACH = 3
"""Pixels that the filter looks at on each side when it enlarges."""

_FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
_JPEG, _JPEG_SCAN = b"\xff\xd8", b"\xff\xda"
_SIGNATURES = (b"\x89PNG\r\n\x1a\n", _JPEG, b"RIFF", b"GIF8")
_UNDECODABLE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    struct.error,
)
"""What Pillow's decoders raise for damaged files."""


class ImageRefusedError(ValueError):
    """A file that is not decoded."""


def encode_png(image: Image.Image, metadata: Mapping[str, str]) -> bytes:
    """Return the picture as PNG; `metadata` becomes its text chunks (iTXt, UTF-8)."""
    info = PngImagePlugin.PngInfo()
    for key, text in metadata.items():
        # PNG text cannot hold a NUL character, and prompts come from people.
        info.add_itxt(key, text.replace("\0", ""))
    out = io.BytesIO()
    # Level 4 writes a 1024 x 1024 picture three times faster than 9, for about 2 % more bytes.
    image.save(out, "PNG", pnginfo=info, compress_level=4)
    return out.getvalue()


def enlarge(
    image: Image.Image, scale: int, *, max_side: int = MAX_SIDE, is_tile: bool = False
) -> Image.Image:
    """Return the picture `scale` times as large (Lanczos), or less to stay within `max_side`.

    What lies behind a tile's edge is its opposite edge.
    """
    scale = max(1, min(scale, max_side // max(image.size)))
    if scale == 1:
        return image
    if is_tile:
        return _enlarge_tile(image, scale)
    return image.resize((image.width * scale, image.height * scale), Image.Resampling.LANCZOS)


def _enlarge_tile(image: Image.Image, scale: int) -> Image.Image:
    width, height, reach = image.width, image.height, LANCZOS_REACH
    around = Image.new(image.mode, (width + 2 * reach, height + 2 * reach))
    for x in (reach - width, reach, reach + width):
        for y in (reach - height, reach, reach + height):
            around.paste(image, (x, y))
    large = around.resize((around.width * scale, around.height * scale), Image.Resampling.LANCZOS)
    left = top = reach * scale
    return large.crop((left, top, left + width * scale, top + height * scale))


def make_grid(pngs: Sequence[bytes]) -> bytes:
    """Return up to 16 pictures as one PNG, in reading order.

    Two stand side by side; four are two rows of two: 1 top left, 2 top right, 3 bottom left, 4
    bottom right.
    """
    if not 1 <= len(pngs) <= MAX_GRID_IMAGES:
        raise ValueError(f"a grid has 1 to {MAX_GRID_IMAGES} pictures, not {len(pngs)}")
    grid = arrange([Image.open(io.BytesIO(png)).convert("RGB") for png in pngs])
    return encode_png(grid, {"Software": "Easel"})


def arrange(images: Sequence[Image.Image]) -> Image.Image:
    """Lay pictures out in rows, in cells as large as the largest; one alone is not copied."""
    if len(images) == 1:
        return images[0]
    columns = math.ceil(math.sqrt(len(images)))
    rows = math.ceil(len(images) / columns)
    width = max(image.width for image in images)
    height = max(image.height for image in images)
    grid = Image.new("RGB", (columns * width, rows * height))
    for image_index, image in enumerate(images):
        row, column = divmod(image_index, columns)
        left = column * width + (width - image.width) // 2
        top = row * height + (height - image.height) // 2
        grid.paste(image, (left, top))
    return grid


def encode_preview(images: Sequence[Image.Image]) -> bytes:
    """Return a grid of rough pictures as a small WebP, at most 512 pixels wide and high."""
    grid = arrange(images)
    scale = PREVIEW_WIDTH / max(grid.size)
    size = (max(1, round(grid.width * scale)), max(1, round(grid.height * scale)))
    out = io.BytesIO()
    grid.resize(size, Image.Resampling.BICUBIC).save(out, "WEBP", quality=60, method=2)
    return out.getvalue()


def open_image(
    data: bytes,
    *,
    max_pixels: int = MAX_IMAGE_PIXELS,
    max_bytes: int = MAX_IMAGE_BYTES,
    fit: int = MAX_SIDE,
) -> Image.Image:
    """Decode a picture from outside: upright, RGB, its first frame. Raises ImageRefusedError.

    Only PNG, JPEG, WebP and GIF are opened, whatever the file's name says. The size is read from
    the header and checked before a single pixel is decoded. What is wider or higher than `fit` is
    made smaller.
    """
    if len(data) > max_bytes:
        raise ImageRefusedError(
            f"This file has {len(data) / 2**20:.1f} MB; the limit is {max_bytes / 2**20:g} MB."
        )
    # Each scan of a progressive JPEG passes over all pixels again: 2000 of them take 18 s.
    if data[:2] == _JPEG and data.count(_JPEG_SCAN) > MAX_SCANS:
        raise ImageRefusedError("This JPEG has far too many layers; save it again and retry.")
    # Our own bound is the tighter one, so Pillow's warning has nothing to add.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _decode(data, max_pixels, fit)


def _decode(data: bytes, max_pixels: int, fit: int) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
        _check_size(image, max_pixels)
        # A JPEG can be decoded at an eighth of its size, in an eighth of the memory.
        image.draft(None, (fit, fit))
        image.load()
        coloured = _to_rgb_or_rgba(image)
        # Shrunk before anything else is made of it: a picture may take 130 MB.
        coloured.thumbnail((fit, fit), Image.Resampling.LANCZOS)
        return _without_alpha(_upright(coloured))
    except ImageRefusedError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageRefusedError("This picture is far too large; make it smaller first.") from error
    except _UNDECODABLE as error:
        if isinstance(error, UnidentifiedImageError) and not data.startswith(_SIGNATURES):
            raise ImageRefusedError("This is not a PNG, JPEG, WebP or GIF picture.") from error
        raise ImageRefusedError("This picture is damaged; save it again and retry.") from error


def _check_size(image: Image.Image, max_pixels: int) -> None:
    if max(image.size) > MAX_INPUT_SIDE or image.width * image.height > max_pixels:
        raise ImageRefusedError(
            f"This picture has {image.width} x {image.height} pixels; the limit is"
            f" {max_pixels / 1e6:.1f} million pixels, {MAX_INPUT_SIDE} on a side."
        )


def _to_rgb_or_rgba(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        # Pillow's own conversion clips 16 bits to white instead of scaling them.
        image = image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except _UNDECODABLE:
        return image  # what cannot be read says nothing about how the camera was held


def _without_alpha(image: Image.Image) -> Image.Image:
    """Return the picture as RGB; what is transparent becomes white."""
    if image.mode == "RGB":
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
