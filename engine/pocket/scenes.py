"""Captioned pictures without end: things from the icon library, set on backdrops, and put in words.

What a picture shows is decided first (a Scene), then drawn and described, each from the same
decisions: a caption can therefore not promise what the picture lacks. The art is an argument.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from engine.pocket.backdrops import PLACES, Backdrop, draw_backdrop
from engine.pocket.captions import describe
from engine.pocket.chinese import describe_in_chinese
from engine.pocket.colours import BACKGROUNDS, TINTS, Coat, find_coat, tint
from engine.pocket.icons import Art
from engine.pocket.kept_out import is_unseen_sight, is_unseen_tint
from engine.pocket.layouts import COUNTS, LAYOUT_WEIGHTS, Cell, Layout, cells

# Width and height; about one pixel count, as SDXL's buckets have.
BUCKETS = {(128, 128): 0.8, (160, 112): 0.06, (112, 160): 0.06, (176, 96): 0.04, (96, 176): 0.04}
STYLE_WEIGHTS = {"3d": 0.42, "glossy": 0.16, "flat": 0.12, "cartoon": 0.3}
BACKGROUND_WEIGHTS = {"white": 3.0, "teal": 0.5, "brown": 0.6, "beige": 0.5, "gray": 0.7}
CHINESE_SHARE = 0.07
# How much of its cell a thing fills: alone it may be smaller, among others it is as large as fits.
FILLS = {Layout.SINGLE: (0.64, 0.96)}
FILL_AMONG_OTHERS = (0.84, 0.97)
LARGEST_SHIFT = 0.1
LARGEST_TURN = 12.0
LARGEST_STRETCH = 1.12
# Seldom: what is drawn facing either way as often comes out as both at once.
MIRRORED_SHARE = 0.15


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

    @property
    def is_side_by_side(self) -> bool:
        """Tell whether two things stand left and right, not above and below."""
        return self.size[0] >= self.size[1]

    @property
    def is_kept_out(self) -> bool:
        """Tell whether this must not be shown in training (see `kept_out`)."""
        grounds = (self.backdrop.place,) if self.backdrop.place else self.backdrop.colours
        return any(
            is_unseen_sight(thing.art.concept.label, thing.colour, ground)
            for thing in self.things
            for ground in grounds
            if self.backdrop.is_named
        ) or any(
            is_unseen_tint(thing.art.concept.label, thing.colour)
            for thing in self.things
            if thing.colour and thing.coat and thing.colour != thing.coat.colour
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """How a drawing is changed before it is placed, so that no picture comes twice."""

    fill: float
    turn: float = 0.0
    stretch: float = 1.0
    is_mirrored: bool = False

    @classmethod
    def choose(cls, layout: Layout, rng: random.Random) -> "Pose":
        """Choose a pose that suits a layout."""
        return cls(
            fill=rng.uniform(*FILLS.get(layout, FILL_AMONG_OTHERS)),
            turn=rng.uniform(-LARGEST_TURN, LARGEST_TURN) if rng.random() < 0.5 else 0.0,
            stretch=LARGEST_STRETCH ** rng.uniform(-1, 1),
            is_mirrored=rng.random() < MIRRORED_SHARE,
        )


def draw(scene: Scene, rng: random.Random) -> Image.Image:
    """Draw a scene: turned, stretched and shifted a little."""
    image = draw_backdrop(scene.backdrop, scene.size, rng)
    pose = Pose.choose(scene.layout, rng)
    things = scene.things * COUNTS.get(scene.layout, 1)
    places = cells(scene.layout, is_wide=scene.is_side_by_side)
    for thing, cell in zip(things, places, strict=True):
        place(image, thing, cell, pose=pose, rng=rng)
    return image


def place(image: Image.Image, thing: Thing, cell: Cell, *, pose: Pose, rng: random.Random) -> None:
    """Fit a thing into its cell, and shift it as far as the cell allows."""
    icon = _pose(_paint(thing), pose)
    width, height = cell.width * image.width, cell.height * image.height
    scale = pose.fill * min(width, height) / max(icon.size)
    icon = icon.resize(
        (max(1, round(scale * icon.width)), max(1, round(scale * icon.height))),
        Image.Resampling.LANCZOS,
    )
    across = min(LARGEST_SHIFT * width, (width - icon.width) / 2)
    along = min(LARGEST_SHIFT * height, (height - icon.height) / 2)
    x = cell.x * image.width + rng.uniform(-across, across) - icon.width / 2
    y = cell.y * image.height + rng.uniform(-along, along) - icon.height / 2
    image.paste(icon, (round(x), round(y)), icon)


def _pose(icon: Image.Image, pose: Pose) -> Image.Image:
    """Mirror, turn and stretch a drawing, and cut off what is empty round it."""
    if pose.is_mirrored:
        icon = icon.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if pose.turn:
        icon = icon.rotate(pose.turn, Image.Resampling.BICUBIC, expand=True)
    icon = icon.resize((round(pose.stretch * icon.width), icon.height), Image.Resampling.LANCZOS)
    return icon.crop(icon.getbbox())


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
        """Invent a scene for training, and return its picture and its caption."""
        rng = random.Random(seed)
        scene = self.invent_shown(rng, size)
        is_chinese = rng.random() < CHINESE_SHARE
        words = describe_in_chinese if is_chinese else describe
        return draw(scene, rng), words(scene, rng)

    def invent_shown(
        self, rng: random.Random, size: tuple[int, int], layout: Layout | None = None
    ) -> Scene:
        """Decide what a picture for training shows: nothing that is kept out."""
        scene = self.invent(rng, size, layout)
        while scene.is_kept_out:
            scene = self.invent(rng, size, layout)
        return scene

    def invent(
        self, rng: random.Random, size: tuple[int, int], layout: Layout | None = None
    ) -> Scene:
        """Decide what a picture shows, in a given layout or in any."""
        if layout is None:
            layout = rng.choices(list(LAYOUT_WEIGHTS), list(LAYOUT_WEIGHTS.values()))[0]
        backdrop = _choose_backdrop(rng)
        things = [self._choose_thing(rng, backdrop)]
        while layout is Layout.PAIR and len(things) < 2:
            other = self._choose_thing(rng, backdrop)
            if _go_together(things[0].art, other.art):
                things.append(other)
        return Scene(things=tuple(things), layout=layout, backdrop=backdrop, size=size)

    def _choose_thing(self, rng: random.Random, backdrop: Backdrop) -> Thing:
        """Choose a drawing, a name for it and perhaps a colour, so that it stands out."""
        while True:
            i = rng.choices(range(len(self._library)), self._weights)[0]
            thing = _name(self._library[i], self._coats[i], rng)
            colour = thing.colour or (thing.coat.colour if thing.coat else None)
            if colour is None or not backdrop.is_named or not backdrop.hides(colour):
                return thing


def _go_together(one: Art, other: Art) -> bool:
    """Tell whether two drawings make a pair: different things in one style."""
    return one.style == other.style and one.concept != other.concept


def _name(art: Art, coat: Coat | None, rng: random.Random) -> Thing:
    """Name a drawing, and say a colour: often one it is given, sometimes its own."""
    names = art.concept.names
    name = names[0] if rng.random() < 0.6 else rng.choice(names)
    if coat is None or any(word in TINTS for word in name.split()):
        return Thing(art=art, name=name, coat=coat)
    roll = rng.random()
    if roll < 0.36:
        return Thing(art=art, name=name, colour=rng.choice(list(TINTS)), coat=coat)
    if roll < 0.6:
        return Thing(art=art, name=name, colour=coat.colour, coat=coat)
    return Thing(art=art, name=name, coat=coat)


def _choose_backdrop(rng: random.Random) -> Backdrop:
    """Choose what stands behind: mostly one plain colour that the caption names."""
    roll = rng.random()
    names = list(BACKGROUNDS)
    if roll < 0.2:
        return Backdrop(colours=("white",), is_named=False)
    if roll < 0.78:
        weights = [BACKGROUND_WEIGHTS.get(name, 1.0) for name in names]
        return Backdrop(colours=(rng.choices(names, weights)[0],))
    if roll < 0.82:
        first, second = rng.sample(names, 2)
        return Backdrop(colours=(first, second))
    return Backdrop(place=rng.choice(list(PLACES)))
