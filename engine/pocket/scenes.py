"""Captioned pictures without end: things from the icon library, set on backdrops, and put in words.

What a picture shows is decided first (a Scene), then drawn and described, each from the same
decisions: a caption can therefore not promise what the picture lacks. The art is an argument.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from PIL import Image

from engine.pocket.backdrops import PLACES, Backdrop, draw_backdrop
from engine.pocket.captions import describe
from engine.pocket.colours import BACKGROUNDS, TINTS, Coat, find_coat, tint
from engine.pocket.icons import Art

# Width and height; about one pixel count, as SDXL's buckets have.
BUCKETS = {(128, 128): 0.8, (160, 112): 0.06, (112, 160): 0.06, (176, 96): 0.04, (96, 176): 0.04}
STYLE_WEIGHTS = {"3d": 0.6, "flat": 0.16, "cartoon": 0.24}
BACKGROUND_WEIGHTS = {"white": 3.0, "teal": 0.5, "brown": 0.6, "beige": 0.5, "gray": 0.7}


class Layout(StrEnum):
    """Where the things stand."""

    SINGLE = "single"  # one thing fills the frame
    SMALL = "small"  # one small thing in the middle
    LEFT = "left"
    RIGHT = "right"
    TWO = "two"  # the same thing, several times
    THREE = "three"
    FOUR = "four"
    PAIR = "pair"  # two different things side by side


LAYOUT_WEIGHTS = {
    Layout.SINGLE: 0.84,
    Layout.SMALL: 0.01,
    Layout.LEFT: 0.01,
    Layout.RIGHT: 0.01,
    Layout.TWO: 0.04,
    Layout.THREE: 0.04,
    Layout.FOUR: 0.01,
    Layout.PAIR: 0.04,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """A drawing under one of its names, in a colour of its own or in a given one."""

    art: Art
    name: str
    colour: str | None = None
    coat: Coat | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Everything a picture shows. size: (width, height) in pixels."""

    things: tuple[Thing, ...]
    layout: Layout
    backdrop: Backdrop
    size: tuple[int, int]


def draw(scene: Scene, rng: random.Random) -> Image.Image:
    """Draw a scene."""
    image = draw_backdrop(scene.backdrop, scene.size, rng)
    short = min(scene.size)
    slots = _slots(scene.layout, is_wide=scene.size[0] >= scene.size[1])
    scale = _SCALES[scene.layout] * rng.uniform(0.92, 1.06)
    is_mirrored = rng.random() < 0.15
    for place, thing in enumerate(_repeat(scene)):
        side = round(scale * short)
        icon = _paint(thing).resize((side, side), Image.Resampling.LANCZOS)
        if is_mirrored:
            icon = icon.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        slack = 0.03 * short
        x = slots[place][0] * scene.size[0] + rng.uniform(-slack, slack) - side / 2
        y = slots[place][1] * scene.size[1] + rng.uniform(-slack, slack) - side / 2
        image.paste(icon, (round(x), round(y)), icon)
    return image


_SCALES = {
    Layout.SINGLE: 0.84,
    Layout.SMALL: 0.42,
    Layout.LEFT: 0.46,
    Layout.RIGHT: 0.46,
    Layout.TWO: 0.46,
    Layout.THREE: 0.42,
    Layout.FOUR: 0.42,
    Layout.PAIR: 0.48,
}
_COUNTS = {Layout.TWO: 2, Layout.THREE: 3, Layout.FOUR: 4}


def _repeat(scene: Scene) -> tuple[Thing, ...]:
    """List what stands in each slot."""
    return scene.things * _COUNTS.get(scene.layout, 1)


def _slots(layout: Layout, *, is_wide: bool) -> list[tuple[float, float]]:
    """Return the centres of the slots, as shares of width and height."""
    match layout:
        case Layout.SINGLE | Layout.SMALL:
            return [(0.5, 0.5)]
        case Layout.LEFT:
            return [(0.27, 0.5)]
        case Layout.RIGHT:
            return [(0.73, 0.5)]
        case Layout.TWO | Layout.PAIR:
            return [(0.27, 0.5), (0.73, 0.5)] if is_wide else [(0.5, 0.27), (0.5, 0.73)]
        case Layout.THREE:
            return [(0.5, 0.28), (0.27, 0.72), (0.73, 0.72)]
        case Layout.FOUR:
            return [(0.27, 0.27), (0.73, 0.27), (0.27, 0.73), (0.73, 0.73)]


def _paint(thing: Thing) -> Image.Image:
    """Return a thing's drawing in its colour."""
    pixels = thing.art.pixels
    if thing.colour is not None and thing.coat is not None and thing.colour != thing.coat.colour:
        pixels = tint(pixels, thing.coat, thing.colour)
    return Image.fromarray(pixels)


class Composer:
    """Invents scenes from a library of art; the same seed invents the same scene."""

    def __init__(self, library: Sequence[Art]) -> None:
        self._library = list(library)
        self._coats = [find_coat(art.pixels) for art in self._library]
        self._weights = [art.concept.weight * STYLE_WEIGHTS[art.style] for art in self._library]

    def compose(self, seed: int, size: tuple[int, int] = (128, 128)) -> tuple[Image.Image, str]:
        """Invent a scene, and return its picture and its caption."""
        rng = random.Random(seed)
        scene = self.invent(rng, size)
        return draw(scene, rng), describe(scene, rng)

    def invent(self, rng: random.Random, size: tuple[int, int]) -> Scene:
        """Decide what a picture shows."""
        layout = rng.choices(list(LAYOUT_WEIGHTS), list(LAYOUT_WEIGHTS.values()))[0]
        backdrop = _choose_backdrop(rng)
        things = [self._choose_thing(rng, backdrop)]
        if layout is Layout.PAIR:
            things.append(self._choose_thing(rng, backdrop))
        return Scene(things=tuple(things), layout=layout, backdrop=backdrop, size=size)

    def _choose_thing(self, rng: random.Random, backdrop: Backdrop) -> Thing:
        """Choose a drawing, a name for it and perhaps a colour that stands out."""
        i = rng.choices(range(len(self._library)), self._weights)[0]
        art, coat = self._library[i], self._coats[i]
        names = art.concept.names
        name = names[0] if rng.random() < 0.6 else rng.choice(names)
        if coat is None or any(word in TINTS for word in name.split()):
            return Thing(art=art, name=name)
        if rng.random() < 0.4:
            colours = [colour for colour in TINTS if colour not in backdrop.colours]
            return Thing(art=art, name=name, colour=rng.choice(colours), coat=coat)
        if rng.random() < 0.35:
            return Thing(art=art, name=name, colour=coat.colour, coat=coat)
        return Thing(art=art, name=name)


def _choose_backdrop(rng: random.Random) -> Backdrop:
    """Choose what stands behind: mostly one plain colour that the caption names."""
    roll = rng.random()
    names = list(BACKGROUNDS)
    if roll < 0.18:
        return Backdrop(colours=("white",), is_named=False)
    if roll < 0.80:
        weights = [BACKGROUND_WEIGHTS.get(name, 1.0) for name in names]
        return Backdrop(colours=(rng.choices(names, weights)[0],))
    if roll < 0.85:
        first, second = rng.sample(names, 2)
        return Backdrop(colours=(first, second))
    return Backdrop(place=rng.choice(list(PLACES)))
