"""What `judge` asks for: scenes that were kept out of training, and the words for them."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice, product

from engine.pocket.backdrops import Backdrop
from engine.pocket.captions import article, plural
from engine.pocket.colours import Coat, find_coat
from engine.pocket.dataset import SQUARE
from engine.pocket.icons import Art
from engine.pocket.kept_out import is_unseen_tint
from engine.pocket.layouts import COUNTS, Layout
from engine.pocket.scenes import Scene, Thing

GROUNDS = ("white", "black", "red", "orange", "yellow", "green", "blue", "purple", "light blue")
COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink")
# Things that one colour covers, so that a rule about colour is fair.
LABELS = (
    "red apple",
    "cat face",
    "dog face",
    "automobile",
    "red heart",
    "star",
    "fish",
    "bird",
    "rabbit face",
    "bear",
    "balloon",
    "umbrella",
    "red circle",
    "red square",
    "turtle",
    "pig face",
)


class Kind(StrEnum):
    """What a question is about."""

    SINGLE = "single"
    UNSEEN = "unseen"  # a colour that this thing never had in training
    COUNT = "count"
    SIDES = "sides"


SHARES = {Kind.SINGLE: 0.3, Kind.UNSEEN: 0.2, Kind.COUNT: 0.25, Kind.SIDES: 0.25}
LAYOUTS = {
    Kind.SINGLE: (Layout.SINGLE,),
    Kind.UNSEEN: (Layout.SINGLE,),
    Kind.COUNT: (Layout.TWO, Layout.THREE),
    Kind.SIDES: (Layout.PAIR,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A scene to ask for in words."""

    kind: Kind
    scene: Scene
    prompt: str

    @property
    def ground(self) -> str:
        """Return the colour of the background."""
        return self.scene.backdrop.colours[0]

    @property
    def colours(self) -> tuple[str, ...]:
        """Return the things' colours, from left to right."""
        return tuple(thing.colour or "" for thing in self.scene.things)

    @property
    def count(self) -> int:
        """Return how many things are asked for."""
        return COUNTS.get(self.scene.layout, len(self.scene.things))


def ask(library: Sequence[Art], count: int) -> list[Question]:
    """Make about `count` different questions, always the same."""
    rng = random.Random(1)
    coated = {
        art.concept.label: (art, find_coat(art.pixels))
        for art in library
        if art.style == "3d" and art.concept.label in LABELS
    }
    singles = list(product(coated, COLOURS))
    questions: list[Question] = []
    for kind, share in SHARES.items():
        things: list[tuple[tuple[str, str], ...]] = [(thing,) for thing in singles]
        if kind is Kind.SIDES:
            things = [pair for pair in product(singles, singles) if _differ(*pair)]
        sights = list(product(things, LAYOUTS[kind], GROUNDS))
        rng.shuffle(sights)
        scenes = (_scene(coated, *sight) for sight in sights)
        fitting = (scene for scene in scenes if _is_fair(scene, kind))
        questions += [
            Question(kind=kind, scene=scene, prompt=_words(scene, rng))
            for scene in islice(fitting, round(share * count))
        ]
    return questions


def _differ(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Tell whether two things, and their colours, differ."""
    return one[0] != other[0] and one[1] != other[1]


def _scene(
    coated: dict[str, tuple[Art, Coat | None]],
    things: tuple[tuple[str, str], ...],
    layout: Layout,
    ground: str,
) -> Scene:
    """Put things, each a label and a colour, before a plain background."""
    return Scene(
        things=tuple(
            Thing(
                art=coated[label][0],
                name=coated[label][0].concept.names[0],
                colour=colour,
                coat=coated[label][1],
            )
            for label, colour in things
        ),
        layout=layout,
        backdrop=Backdrop(colours=(ground,)),
        size=SQUARE,
    )


def _is_fair(scene: Scene, kind: Kind) -> bool:
    """Tell whether a scene was kept out of training as its kind says, and can be seen."""
    is_unseen = any(_has_unseen_tint(thing) for thing in scene.things)
    is_lost = any(scene.backdrop.hides(thing.colour or "") for thing in scene.things)
    return scene.is_kept_out and not is_lost and is_unseen is (kind is Kind.UNSEEN)


def _has_unseen_tint(thing: Thing) -> bool:
    """Tell whether a thing never had this colour in training."""
    is_tinted = thing.coat is not None and thing.colour != thing.coat.colour
    return is_tinted and is_unseen_tint(thing.art.concept.label, thing.colour or "")


def _words(scene: Scene, rng: random.Random) -> str:
    """Ask for a scene."""
    names = [f"{thing.colour} {thing.name}" for thing in scene.things]
    if scene.layout in COUNTS:
        subject = f"{scene.layout.value} {plural(names[0])}"
    elif len(names) == 2:
        first, second = (article(name) for name in names)
        subject = f"{first} {rng.choice(('and', 'to the left of'))} {second}"
    else:
        subject = article(names[0])
    return f"{subject} on {article(scene.backdrop.colours[0])} background"
