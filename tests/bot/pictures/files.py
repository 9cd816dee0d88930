"""Files that people send, on purpose or not: every kind of PNG, and pictures made to do harm."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from PIL import Image, PngImagePlugin

SECRET = "canary-52.5200N-13.4050E"
"""Stands in every piece of metadata; nothing that is stored may hold it."""

PNG = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Of each colour type that PNG knows."""


def chunk(kind: bytes, body: bytes) -> bytes:
    """Return one chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    size: tuple[int, int] = (32, 32),
    *,
    colour_type: int = 2,
    depth: int = 8,
    is_interlaced: bool = False,
    filter_type: int = 0,
    before: Sequence[tuple[bytes, bytes]] = (),
    after: Sequence[tuple[bytes, bytes]] = (),
    pieces: int = 1,
    level: int = 6,
) -> bytes:
    """Return a PNG of one kind. `before` and `after` are chunks around its pixels."""
    header = struct.pack(">IIBBBBB", *size, depth, colour_type, 0, 0, int(is_interlaced))
    data = zlib.compress(_rows(size, colour_type, depth, filter_type, is_interlaced), level)
    step = max(1, len(data) // pieces)
    parts = [data[start : start + step] for start in range(0, len(data), step)]
    palette = bytes(255 - index % 256 for index in range(3 << depth)) if colour_type == 3 else b""
    return b"".join(
        [
            PNG,
            chunk(b"IHDR", header),
            *([chunk(b"PLTE", palette)] if palette else []),
            *(chunk(*one) for one in before),
            *(chunk(b"IDAT", part) for part in parts),
            *(chunk(*one) for one in after),
            chunk(b"IEND", b""),
        ]
    )


def _rows(
    size: tuple[int, int], colour_type: int, depth: int, filter_type: int, is_interlaced: bool
) -> bytes:
    passes = _ADAM7 if is_interlaced else ((0, 0, 1, 1),)
    rows = bytearray()
    for left, top, right, down in passes:
        width, height = -(-(size[0] - left) // right), -(-(size[1] - top) // down)
        if width > 0:
            row = bytes([filter_type]) + bytes((width * CHANNELS[colour_type] * depth + 7) // 8)
            rows += row * max(height, 0)
    return bytes(rows)


_ADAM7 = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
"""Left, top, and the steps to the right and down of each pass."""


PNG_SUITE = Path(__file__).with_name("pngsuite.zip")


def png_suite(kind: Literal["valid", "corrupt"]) -> dict[str, bytes]:
    """Return the files of Willem van Schaik's PngSuite by name; `pngsuite.LICENSE` is theirs."""
    with zipfile.ZipFile(PNG_SUITE) as suite:
        names = [name for name in suite.namelist() if name.startswith(f"{kind}/")]
        return {name.removeprefix(f"{kind}/"): suite.read(name) for name in names}


def png_kinds() -> Iterator[tuple[str, bytes]]:
    """Yield a valid PNG of each kind that PngSuite lacks, with a name that says which."""
    for colour_type, depth in ((0, 1), (0, 8), (0, 16), (2, 8), (2, 16), (3, 8)):
        clear = bytes(2 * CHANNELS[colour_type]) if colour_type != 3 else b"\0"
        yield (
            f"interlaced-trns-{colour_type}-{depth}",
            png(
                colour_type=colour_type,
                depth=depth,
                is_interlaced=True,
                before=[(b"tRNS", clear)],
            ),
        )
    yield "pieces-1000", png(pieces=1000)
    for kind, body in _ANCILLARY.items():
        yield f"chunk-{kind.decode()}", png(before=[(kind, body)])
        yield f"late-{kind.decode()}", png(after=[(kind, body)])


_ANCILLARY = {
    b"gAMA": struct.pack(">I", 45455),
    b"cHRM": struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000),
    b"pHYs": struct.pack(">IIB", 2835, 2835, 1),
    b"sBIT": b"\x05\x05\x05",
    b"bKGD": bytes(6),
    b"tIME": struct.pack(">HBBBBB", 2026, 11, 21, 12, 0, 60),
    b"tEXt": b"Comment\0" + SECRET.encode(),
    b"zTXt": b"Comment\0\0" + zlib.compress(SECRET.encode()),
    b"iTXt": b"Comment\0\0\0\0\0" + SECRET.encode(),
    b"sRGB": b"\0",
    b"eXIf": b"MM\0*\0\0\0\x08\0\0\0\0\0\0",
    b"xyZz": SECRET.encode(),
}


def encode(image: Image.Image, file_format: str, **options: object) -> bytes:
    """Return a picture as a file."""
    out = io.BytesIO()
    image.save(out, file_format, **options)
    return out.getvalue()


def bomb(size: tuple[int, int], *, colour_type: int = 2, depth: int = 8) -> bytes:
    """Return a PNG that is small as a file and whole, and huge as a picture."""
    header = struct.pack(">IIBBBBB", *size, depth, colour_type, 0, 0, 0)
    row = bytes(1 + (size[0] * CHANNELS[colour_type] * depth + 7) // 8)
    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(row) for _ in range(size[1])) + packer.flush()
    return PNG + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def scan_bomb(scans: int, *, side: int = 2048) -> bytes:
    """Return a progressive JPEG that asks for one of its scans again and again."""
    whole = encode(Image.new("RGB", (side, side), "gray"), "JPEG", progressive=True)
    starts = [index for index in range(len(whole)) if whole.startswith(b"\xff\xda", index)]
    scan = whole[starts[-1] : -2]
    return whole[:-2] + scan * scans + b"\xff\xd9"


def many_frames(file_format: str, frames: int, side: int) -> bytes:
    """Return an animation."""
    images = [Image.new("P", (side, side), index % 2) for index in range(frames)]
    return encode(images[0], file_format, save_all=True, append_images=images[1:])


def with_location(file_format: str) -> bytes:
    """Return a photo that says where it was taken, in every way that its format has."""
    exif = Image.Exif()
    exif[0x010E] = SECRET
    gps = exif.get_ifd(0x8825)
    gps[1], gps[2], gps[29] = "N", (52.0, 31.0, 12.0), SECRET
    image = Image.effect_noise((48, 32), 80).convert("RGB")
    options: dict[str, object] = {"exif": exif}
    match file_format:
        case "JPEG":
            options |= {"comment": SECRET, "xmp": SECRET.encode()}
        case "WEBP":
            options |= {"xmp": SECRET.encode(), "lossless": True}
        case "PNG":
            text = PngImagePlugin.PngInfo()
            text.add_text("Comment", SECRET)
            options["pnginfo"] = text
        case "GIF":
            options = {"comment": SECRET}
    return encode(image, file_format, **options) + SECRET.encode()


def turned(file_format: str) -> bytes:
    """Return a picture, blue above and red below, that its camera saw lying on its side."""
    upright = Image.new("RGB", (40, 60), "red")
    upright.paste("blue", (0, 0, 40, 30))
    exif = Image.Exif()
    exif[0x0112] = 6
    return encode(upright.transpose(Image.Transpose.ROTATE_90), file_format, exif=exif)
