"""Files from outside: what is a picture becomes pixels, what is not gets one clear sentence."""

from __future__ import annotations

import asyncio
import io
import time

import pytest
from PIL import Image

from bot.pictures.decode import FIT_PIXELS, CleanPicture, Decoder, PictureRefusedError
from engine.images import ImageRefusedError, open_image
from tests.bot.pictures.files import (
    PNG,
    SECRET,
    bomb,
    encode,
    many_frames,
    png,
    png_kinds,
    png_suite,
    scan_bomb,
    turned,
    with_location,
)

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")


async def decoded(data: bytes) -> Image.Image:
    clean = await Decoder().decode(data)
    image = Image.open(io.BytesIO(clean.png))
    image.load()
    assert (image.format, image.mode, image.size) == ("PNG", "RGB", (clean.width, clean.height))
    return image


VALID = {**png_suite("valid"), **dict(png_kinds())}
CORRUPT = png_suite("corrupt")


@pytest.mark.parametrize("name", VALID)
def test_every_kind_of_png_is_a_picture(name: str) -> None:
    assert open_image(VALID[name]).mode == "RGB"


@pytest.mark.parametrize("name", [name for name in VALID if name.startswith("basi")])
def test_an_interlaced_png_is_the_picture_that_it_is_without(name: str) -> None:
    image = open_image(VALID[name])
    assert len(set(image.get_flattened_data())) > 1
    assert image.tobytes() == open_image(VALID[name.replace("basi", "basn")]).tobytes()


@pytest.mark.parametrize("name", CORRUPT)
def test_a_corrupt_png_is_refused_or_whole(name: str) -> None:
    # Of this one the checksum is wrong, and all pixels are there.
    if name == "xcsn0g01.png":
        assert open_image(CORRUPT[name]).tobytes() == open_image(VALID["basn0g01.png"]).tobytes()
        return
    # Four have lost their signature, or had their line ends changed as text.
    is_recognised = CORRUPT[name].startswith(PNG)
    with pytest.raises(ImageRefusedError, match="damaged" if is_recognised else "not a PNG"):
        open_image(CORRUPT[name])


@pytest.mark.parametrize("file_format", FORMATS)
async def test_the_picture_is_kept(file_format: str) -> None:
    image = await decoded(encode(Image.new("RGB", (40, 30), "red"), file_format))
    assert image.size == (40, 30)
    red, green, blue = image.getpixel((20, 15))  # type: ignore[misc]
    assert red > 250
    assert max(green, blue) < 5


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
async def test_every_mode_of_pixels_becomes_rgb(mode: str) -> None:
    white = Image.new("RGBA", (9, 7), "white").convert("L" if mode == "I;16" else mode)
    image = Image.new(mode, (9, 7), 65535) if mode == "I;16" else white
    assert (await decoded(encode(image, "PNG"))).getpixel((4, 3)) == (255, 255, 255)


async def test_a_print_shop_s_cmyk_keeps_its_colours() -> None:
    cyan = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    red, green, blue = (await decoded(encode(cyan, "JPEG"))).getpixel((8, 8))  # type: ignore[misc]
    assert red < 30
    assert min(green, blue) > 200


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP"])
async def test_a_picture_stands_as_it_was_seen(file_format: str) -> None:
    image = await decoded(turned(file_format))
    assert image.size == (40, 60)
    top, bottom = image.getpixel((20, 10)), image.getpixel((20, 50))
    assert isinstance(top, tuple)
    assert isinstance(bottom, tuple)
    assert top[2] > 200 > top[0]
    assert bottom[0] > 200 > bottom[2]


@pytest.mark.parametrize("file_format", FORMATS)
async def test_nothing_but_pixels_survives(file_format: str) -> None:
    data = with_location(file_format)
    assert SECRET.encode() in data
    clean = await Decoder().decode(data)
    assert SECRET.encode() not in clean.png
    image = Image.open(io.BytesIO(clean.png))
    image.load()
    assert image.info == {}
    assert dict(image.getexif()) == {}
    assert clean.png.endswith(b"IEND\xaeB`\x82")


@pytest.mark.parametrize(
    ("size", "fitted"),
    [
        ((1, 1), (1, 1)),
        ((4096, 1024), (2048, 512)),
        ((1, 16384), (1, 2048)),
        ((3000, 2000), (2048, 1365)),
    ],
)
@pytest.mark.parametrize("file_format", ["PNG", "JPEG"])
async def test_large_pictures_are_made_smaller_in_shape(
    size: tuple[int, int], fitted: tuple[int, int], file_format: str
) -> None:
    image = await decoded(encode(Image.new("RGB", size, "red"), file_format))
    assert image.size == fitted
    assert max(image.size) <= FIT_PIXELS


NOISE = Image.effect_noise((64, 64), 80).convert("RGB")

HOSTILE = {
    "empty": b"",
    "text": b"a red apple",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="http://127.0.0.1/"/></svg>',
    "html": b"<!doctype html><img src=x>",
    "pdf": b"%PDF-1.7\n" + bytes(99),
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) run\n",
    "zip": b"PK\x03\x04" + bytes(99),
    "tiff": encode(NOISE, "TIFF"),
    "bmp": encode(NOISE, "BMP"),
    "icon": encode(NOISE, "ICO"),
    "only a signature": PNG,
    "no pixels": PNG + png()[8:33],
    **{f"half a {name}": encode(NOISE, name)[:900] for name in FORMATS},
    "no width": png((0, 5)),
    "no area": png((0, 0)),
    "a line": bomb((1, 100_000)),
    "13000 x 13000": bomb((13_000, 13_000), colour_type=0, depth=1),
    "9400 x 9400 of 16 bits": bomb((9_400, 9_400), colour_type=0, depth=1),
    "width of the signed": png((8, 8)).replace(b"IHDR\0\0\0\x08", b"IHDR\x7f\xff\xff\xff", 1),
    "scans": scan_bomb(2010, side=512),
    "a palette too short": png(colour_type=3, depth=8).replace(b"PLTE", b"plte", 1),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
async def test_what_is_no_picture_gets_one_clear_sentence(data: bytes) -> None:
    begun = time.monotonic()
    with pytest.raises(PictureRefusedError) as refused:
        await Decoder().decode(data)
    sentence = str(refused.value)
    assert sentence.startswith("This ")
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert len(sentence) < 150
    assert time.monotonic() - begun < 5


async def test_a_file_that_is_too_large_is_not_even_read_by_the_decoder() -> None:
    with pytest.raises(PictureRefusedError, match="25 MB"):
        await Decoder().decode(bytes(26 * 2**20))


@pytest.mark.parametrize(
    "data",
    [
        bomb((5_787, 5_787), colour_type=6),
        bomb((4_000, 8_000), colour_type=0, depth=16),
        scan_bomb(80),
        many_frames("GIF", 500, 900),
        encode(Image.new("CMYK", (5_700, 5_700)), "JPEG", progressive=True),
        encode(Image.new("RGB", (5_700, 5_700)), "WEBP"),
    ],
    ids=["rgba", "16 bits", "80 scans", "500 frames", "cmyk", "webp"],
)
async def test_what_is_just_allowed_fits_the_limits(data: bytes) -> None:
    assert await Decoder().decode(data)


async def test_a_decoder_that_hangs_is_left_and_ended() -> None:
    begun = time.monotonic()
    with pytest.raises(PictureRefusedError, match="too long"):
        await Decoder(timeout_seconds=0.01).decode(png())
    assert time.monotonic() - begun < 2


async def test_a_stop_ends_what_is_being_decoded_and_what_waits() -> None:
    decoder = Decoder(timeout_seconds=60)
    large = bomb((5_700, 5_700), colour_type=6)
    opening = [asyncio.ensure_future(decoder.decode(large)) for _ in range(4)]
    await asyncio.sleep(0)
    await decoder.aclose()
    ended = await asyncio.gather(*opening, return_exceptions=True)
    assert [type(one) for one in ended] == [asyncio.CancelledError] * 4


async def test_the_event_loop_goes_on_while_bombs_are_opened() -> None:
    decoder = Decoder()
    bombs = [scan_bomb(90, side=512), bomb((4_000, 4_000), colour_type=6)]
    opening = [asyncio.ensure_future(decoder.decode(data)) for data in bombs]
    longest = 0.0
    while not all(one.done() for one in opening):
        before = time.monotonic()
        await asyncio.sleep(0.01)
        longest = max(longest, time.monotonic() - before)
    assert [one.result() for one in opening]
    assert longest < 0.5


async def test_pictures_side_by_side_do_not_mix() -> None:
    decoder = Decoder()
    colours = [(index * 16, 255 - index * 16, 128) for index in range(12)]
    cleans: list[CleanPicture] = await asyncio.gather(
        *(decoder.decode(encode(Image.new("RGB", (8, 8), colour), "PNG")) for colour in colours)
    )
    assert [Image.open(io.BytesIO(one.png)).getpixel((0, 0)) for one in cleans] == colours


async def test_the_decoder_sees_nothing_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    # A Python that sees this does not start; and where it is, the bot's token is too.
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    assert await Decoder().decode(png())
