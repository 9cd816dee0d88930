"""What a picture shows, among what the built-in model can say: retrieval, not writing.

Its CLIP was trained on captions that are composed (one thing, several of a kind or two different
ones; colours, what is behind them, a style), so that the right caption is found part by part.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import torch
from PIL import Image

from engine.image_encoder import ImageEncoder
from engine.pocket.backdrops import PLACES
from engine.pocket.captions import STYLE_WORDS, article, plural
from engine.pocket.colours import BACKGROUNDS, TINTS
from engine.pocket.concepts import CONCEPTS
from engine.prompt_encoder import Tower

SOURCE = "Pocket's own vocabulary"
PROMPTS = 4
_BEAM = 8
"""Captions of each kind that are kept from one part to the next."""
_ROUGH = 12
"""Things that are tried before every backdrop."""
_GROUNDS_KEPT = 2
_COUNTED = 60
"""Captions of one thing that are tried of several, too."""
_PAIRED = 20
"""Things of which any two may make a pair."""
_PAIR_HANDICAP = 0.03
"""Of so many pairs one fits anything well by chance."""
_SPREAD = 0.02
"""How much of a cosine another seed may move a caption up or down."""


@dataclass(frozen=True, slots=True)
class _Thing:
    """A name, and a colour if it is said."""

    name: str
    colour: str = ""

    def __str__(self) -> str:
        return f"{self.colour} {self.name}".strip()


@dataclass(frozen=True, slots=True)
class _Caption:
    """A caption in parts; what is not said is empty."""

    things: tuple[_Thing, ...]
    number: str = ""
    ground: str = ""
    style: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Name what it shows, whatever the colours."""
        return tuple(thing.name for thing in self.things)

    def painted(self, index: int, colour: str) -> _Caption:
        """Return the same with one thing in a colour."""
        things = list(self.things)
        things[index] = replace(things[index], colour=colour)
        return replace(self, things=tuple(things))

    def __str__(self) -> str:
        if self.number:
            words = f"{self.number} {plural(str(self.things[0]))}"
        else:
            words = " and ".join(article(str(thing)) for thing in self.things)
        behind = f"{words} {self.ground}" if self.ground else words
        return f"{behind}, {self.style}" if self.style else behind


_NAMES = tuple(concept.names[0] for concept in CONCEPTS)
_COLOURS = ("", *TINTS)
_NUMBERS = ("two", "three")
_NAMED = tuple(_Caption((_Thing(name),)) for name in _NAMES)
_SINGLES = tuple(_Caption((_Thing(name, colour),)) for name in _NAMES for colour in _COLOURS)
_GROUNDS = (
    "",
    *(f"on {article(f'{colour} background')}" for colour in BACKGROUNDS),
    *(words[0] for words in PLACES.values()),
)
_STYLES = ("", *(words[0] for words in STYLE_WORDS.values()))


class Vocabulary:
    """Everything that the built-in model can say, ready to be compared with pictures."""

    def __init__(self, tower: Tower, image_encoder: ImageEncoder) -> None:
        """`tower` and `image_encoder` are the two halves of one CLIP."""
        self._tower = tower
        self._image_encoder = image_encoder
        self._singles = self._embed(_SINGLES)

    @torch.inference_mode()
    def describe(self, image: Image.Image, *, seed: int) -> list[str]:
        """Return four captions that differ in more than style, the best first.

        Another seed finds others that fit nearly as well.
        """
        seen = torch.nn.functional.normalize(self._image_encoder.image_embeds(image), dim=-1)[0]

        def ranked(captions: Sequence[_Caption]) -> list[_Caption]:
            return [caption for caption, _ in _ranked(captions, self._fit(captions, seen))]

        rough = [single for single, _ in _ranked(_SINGLES, self._singles @ seen)[:_ROUGH]]
        grounded = ranked([replace(one, ground=words) for one in rough for words in _GROUNDS])
        grounds = list(dict.fromkeys(caption.ground for caption in grounded))[:_GROUNDS_KEPT]
        alone = ranked([replace(one, ground=ground) for one in _NAMED for ground in grounds])
        several = [replace(one, number=number) for one in alone[:_COUNTED] for number in _NUMBERS]
        found = [*alone[:_BEAM], *ranked(several)[:_BEAM], *ranked(list(_pairs(alone)))[:_BEAM]]
        for index in (0, 1):
            found = _best_of_each(ranked(_painted(found, index)))
        return self._choose(found, seen, random.Random(seed))

    def _choose(
        self, found: Sequence[_Caption], seen: torch.Tensor, rng: random.Random
    ) -> list[str]:
        """Choose among captions that differ in more than colour, and say their styles."""
        styled = []
        for caption, _ in _ranked(found, self._fit(found, seen), rng)[:PROMPTS]:
            choices = [replace(caption, style=words) for words in _STYLES]
            styled.append(_ranked(choices, self._fit(choices, seen), rng)[0])
        styled.sort(key=lambda pair: -pair[1])
        return [str(caption) for caption, _ in styled]

    def _fit(self, captions: Sequence[_Caption], seen: torch.Tensor) -> torch.Tensor:
        """Return how well captions fit what is seen: cosines, less the handicap of pairs. (N,)."""
        handicaps = torch.tensor([_PAIR_HANDICAP * (len(one.things) > 1) for one in captions])
        return self._embed(captions) @ seen - handicaps

    @torch.inference_mode()
    def _embed(self, captions: Iterable[_Caption]) -> torch.Tensor:
        """Return unit vectors (N, D), float32, on the CPU."""
        embeds = self._tower.pooled([str(caption) for caption in captions])
        return torch.nn.functional.normalize(embeds, dim=-1)


def _pairs(ranked: Sequence[_Caption]) -> Iterator[_Caption]:
    """Any two of the things that fit best alone, before the backdrop of the first."""
    best: dict[tuple[str, ...], _Caption] = {}
    for caption in ranked:
        best.setdefault(caption.names, caption)
    for one, other in combinations(list(best.values())[:_PAIRED], 2):
        yield replace(one, things=one.things + other.things)


def _painted(captions: Sequence[_Caption], index: int) -> list[_Caption]:
    """Captions with one of their things in every colour, those without that thing as they are."""
    painted = [
        caption.painted(index, colour) if index < len(caption.things) else caption
        for caption in captions
        for colour in _COLOURS
    ]
    return list(dict.fromkeys(painted))


def _best_of_each(ranked: Sequence[_Caption]) -> list[_Caption]:
    """Leave of captions that differ in colour alone the first."""
    best: dict[tuple[tuple[str, ...], str, str], _Caption] = {}
    for caption in ranked:
        best.setdefault((caption.names, caption.number, caption.ground), caption)
    return list(best.values())


def _ranked(
    captions: Sequence[_Caption], scores: torch.Tensor, rng: random.Random | None = None
) -> list[tuple[_Caption, float]]:
    """Return the captions with their scores, the best first; `rng` shakes their order a little."""
    pairs = list(zip(captions, scores.tolist(), strict=True))
    pairs.sort(key=lambda pair: -(pair[1] + (rng.gauss(0, _SPREAD) if rng else 0.0)))
    return pairs
