"""What a picture shows, among what the built-in model can say: retrieval, not writing.

Its CLIP was trained on captions that are composed (a thing, its colour, what is behind it, a
style), so that the right caption is found part by part: the best things first, then the best
backdrops of these, then the best styles.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import torch
from PIL import Image

from engine.image_encoder import ImageEncoder
from engine.pocket.backdrops import PLACES
from engine.pocket.captions import STYLE_WORDS
from engine.pocket.colours import BACKGROUNDS, TINTS
from engine.pocket.concepts import CONCEPTS
from engine.prompt_encoder import Tower

SOURCE = "Pocket's own vocabulary"
PROMPTS = 4
_BEAM = 24
"""Things that are tried before every backdrop."""
_SPREAD = 0.02
"""How much of a cosine another seed may move a caption up or down."""


@dataclass(frozen=True, slots=True)
class _Caption:
    """A caption in parts; what is not said is empty."""

    colour: str = ""
    thing: str = ""
    ground: str = ""
    style: str = ""

    def __str__(self) -> str:
        words = f"{self.colour} {self.thing}".strip()
        words = f"{'an' if words[0] in 'aeiou' else 'a'} {words}"
        behind = f"{words} {self.ground}" if self.ground else words
        return f"{behind}, {self.style}" if self.style else behind


_THINGS = tuple(
    _Caption(colour, concept.names[0]) for concept in CONCEPTS for colour in ("", *TINTS)
)
_GROUNDS = (
    "",
    *(f"on a {colour} background" for colour in BACKGROUNDS),
    *(words[0] for words in PLACES.values()),
)
_STYLES = ("", *(words[0] for words in STYLE_WORDS.values()))


class Vocabulary:
    """Everything that the built-in model can say, ready to be compared with pictures."""

    def __init__(self, tower: Tower, image_encoder: ImageEncoder) -> None:
        """`tower` and `image_encoder` are the two halves of one CLIP."""
        self._tower = tower
        self._image_encoder = image_encoder
        self._things = self._embed(_THINGS)

    @torch.inference_mode()
    def describe(self, image: Image.Image, *, seed: int) -> list[str]:
        """Return four captions that differ in more than style, the best first.

        Another seed finds others that fit nearly as well.
        """
        seen = torch.nn.functional.normalize(self._image_encoder.image_embeds(image), dim=-1)[0]
        rng = random.Random(seed)
        things = _ranked(_THINGS, self._things @ seen, rng)[:_BEAM]
        grounded = [replace(one, ground=words) for one, _ in things for words in _GROUNDS]
        distinct: dict[tuple[str, str], _Caption] = {}
        for caption, _ in _ranked(grounded, self._embed(grounded) @ seen, rng):
            distinct.setdefault((caption.thing, caption.ground), caption)
        styled = []
        for caption in list(distinct.values())[:PROMPTS]:
            choices = [replace(caption, style=words) for words in _STYLES]
            styled.append(_ranked(choices, self._embed(choices) @ seen, rng)[0])
        styled.sort(key=lambda pair: -pair[1])
        return [str(caption) for caption, _ in styled]

    @torch.inference_mode()
    def _embed(self, captions: Iterable[_Caption]) -> torch.Tensor:
        """Return unit vectors (N, D), float32, on the CPU."""
        embeds = self._tower.pooled([str(caption) for caption in captions])
        return torch.nn.functional.normalize(embeds, dim=-1)


def _ranked(
    captions: Sequence[_Caption], scores: torch.Tensor, rng: random.Random
) -> list[tuple[_Caption, float]]:
    """Return the captions, the best first but shaken a little, with their scores unshaken."""
    pairs = list(zip(captions, scores.tolist(), strict=True))
    pairs.sort(key=lambda pair: -(pair[1] + rng.gauss(0, _SPREAD)))
    return pairs
