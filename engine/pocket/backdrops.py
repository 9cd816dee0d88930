"""What stands behind the things: plain colours, gradients and a few drawn places."""

import random
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from engine.pocket.colours import BACKGROUNDS, RGB

PLACES: dict[str, tuple[str, ...]] = {
    "night": ("in the night sky", "at night", "in space", "at night, starry sky"),
    "sky": ("in the sky", "in the blue sky with clouds", "cloudy sky background"),
    "meadow": ("on a green meadow", "on the grass", "in a field"),
    "sunset": ("at sunset", "sunset background"),
    "sea": ("underwater", "in the ocean", "under the sea"),
    "snow": ("in the snow", "winter background"),
    "beach": ("on the beach", "at the beach"),
    "desert": ("in the desert",),
}


# The colours in which a thing would be lost before a place, or before another shade.
LIKE: dict[str, frozenset[str]] = {
    "night": frozenset({"black"}),
    "sky": frozenset({"white"}),
    "meadow": frozenset({"green"}),
    "sunset": frozenset({"orange", "yellow"}),
    "snow": frozenset({"white"}),
    "beach": frozenset({"yellow"}),
    "desert": frozenset({"orange", "yellow"}),
    "light blue": frozenset({"blue"}),
    "teal": frozenset({"green"}),
    "beige": frozenset({"white"}),
    "gray": frozenset({"gray", "white"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Backdrop:
    """One or two named colours (plain, gradient), or a named place. Empty words stay unsaid."""

    colours: tuple[str, ...] = ()
    place: str | None = None
    is_named: bool = True

    def hides(self, colour: str) -> bool:
        """Tell whether a thing of a colour would hardly be seen before this."""
        grounds = (self.place,) if self.place is not None else self.colours
        return any(colour == ground or colour in LIKE.get(ground, ()) for ground in grounds)


def draw_backdrop(backdrop: Backdrop, size: tuple[int, int], rng: random.Random) -> Image.Image:
    """Draw a backdrop of `size` (width, height)."""
    if backdrop.place is not None:
        return _PAINTERS[backdrop.place](size, rng)
    colours = [_vary(BACKGROUNDS[name], rng) for name in backdrop.colours]
    if len(colours) == 1:
        return Image.new("RGB", size, colours[0])
    return _gradient(size, colours[0], colours[1], is_vertical=rng.random() < 0.6)


def _vary(colour: RGB, rng: random.Random) -> RGB:
    """Move a colour a little, as two photographs of one wall differ."""
    red, green, blue = (min(255, max(0, part + rng.randint(-6, 6))) for part in colour)
    return red, green, blue


def _gradient(
    size: tuple[int, int], start: RGB, end: RGB, *, is_vertical: bool = True
) -> Image.Image:
    """Blend two colours from top to bottom, or from left to right."""
    width, height = size
    ramp = np.linspace(0, 1, height if is_vertical else width)[:, None]
    line = (np.array(start) * (1 - ramp) + np.array(end) * ramp).astype(np.uint8)
    shape = line[:, None] if is_vertical else line[None]
    return Image.fromarray(np.ascontiguousarray(np.broadcast_to(shape, (height, width, 3))))


def _dots(
    image: Image.Image, rng: random.Random, count: int, radius: float, colour: RGB
) -> Image.Image:
    """Strew small discs over a picture."""
    draw = ImageDraw.Draw(image)
    for _ in range(count):
        x, y = rng.uniform(0, image.width), rng.uniform(0, image.height)
        r = radius * rng.uniform(0.5, 1.2)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)
    return image


def _hill(image: Image.Image, top: float, colour: RGB) -> None:
    """Let a hill rise from the lower edge to `top` (a share of the height)."""
    width, height = image.size
    box = (-0.4 * width, top * height, 1.4 * width, (2.4 - top) * height)
    ImageDraw.Draw(image).ellipse(box, fill=colour)


def _night(size: tuple[int, int], rng: random.Random) -> Image.Image:
    return _dots(_gradient(size, (8, 12, 40), (36, 40, 100)), rng, 34, 1.3, (255, 255, 225))


def _sky(size: tuple[int, int], rng: random.Random) -> Image.Image:
    image = _gradient(size, (80, 165, 240), (185, 222, 250))
    draw = ImageDraw.Draw(image)
    for _ in range(rng.randint(2, 4)):
        x, y = rng.uniform(0, size[0]), rng.uniform(0.05, 0.9) * size[1]
        for _ in range(4):
            dx, r = rng.uniform(-15, 15), rng.uniform(6, 11)
            draw.ellipse((x + dx - r, y - 0.8 * r, x + dx + r, y + 0.8 * r), fill=(250, 252, 255))
    return image


def _meadow(size: tuple[int, int], rng: random.Random) -> Image.Image:
    image = _gradient(size, (130, 200, 245), (205, 235, 250))
    _hill(image, rng.uniform(0.52, 0.62), (86, 178, 74))
    return image


def _sunset(size: tuple[int, int], rng: random.Random) -> Image.Image:
    image = _gradient(size, (250, 110, 80), (255, 205, 110))
    x, y, r = rng.uniform(0.2, 0.8) * size[0], 0.68 * size[1], 20
    draw = ImageDraw.Draw(image)
    draw.ellipse((x - r, y - r, x + r, y + r), fill=(255, 236, 150))
    draw.rectangle((0, y, *size), fill=(120, 60, 110))
    return image


def _sea(size: tuple[int, int], rng: random.Random) -> Image.Image:
    image = _gradient(size, (20, 104, 160), (4, 28, 78))
    draw = ImageDraw.Draw(image)
    for _ in range(12):
        x, y, r = rng.uniform(0, size[0]), rng.uniform(0, size[1]), rng.uniform(2, 5)
        draw.ellipse((x - r, y - r, x + r, y + r), outline=(150, 215, 245))
    return image


def _snow(size: tuple[int, int], rng: random.Random) -> Image.Image:
    image = _gradient(size, (150, 185, 225), (225, 238, 250))
    _hill(image, 0.68, (250, 252, 255))
    return _dots(image, rng, 30, 1.4, (255, 255, 255))


def _beach(size: tuple[int, int], rng: random.Random) -> Image.Image:
    image = _gradient(size, (120, 200, 250), (190, 230, 250))
    draw = ImageDraw.Draw(image)
    line = rng.uniform(0.42, 0.5)
    draw.rectangle((0, line * size[1], *size), fill=(40, 140, 200))
    draw.rectangle((0, (line + 0.22) * size[1], *size), fill=(240, 215, 160))
    return image


def _desert(size: tuple[int, int], rng: random.Random) -> Image.Image:
    image = _gradient(size, (250, 200, 130), (255, 230, 180))
    _hill(image, rng.uniform(0.58, 0.68), (220, 158, 85))
    return image


_PAINTERS = {
    "night": _night,
    "sky": _sky,
    "meadow": _meadow,
    "sunset": _sunset,
    "sea": _sea,
    "snow": _snow,
    "beach": _beach,
    "desert": _desert,
}
