"""What pictures in a prompt mean: --iw, --sref, --cref, blends and variations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from bot.prompt import ImagePrompt, Parameters, Prompt
from bot.recipe.errors import CannotDrawError
from engine.api import ImageCondition, RequestError, WeightedImage
from engine.models.card import ImageUse

IW_BASE = 0.45
"""Each 1 of --iw takes away 55 % of what the words have left."""
SW_HALVES = 100
"""Each 100 of --sw halves what is left of the drawing's own style."""
FACE_SCALE, CLOTHES_SCALE = 0.3, 0.8
"""How much --cref counts at --cw 0 and at --cw 100."""


class Variation(StrEnum):
    """How far a variation may go from its picture."""

    SUBTLE = "subtle"
    """The composition stays."""
    STRONG = "strong"
    """What is to be seen stays."""


class _Kept(NamedTuple):
    """What a variation of a picture that was drawn here keeps of it."""

    strength: float
    noise_interpolation: float
    scale: float


KEPT = {
    Variation.SUBTLE: _Kept(strength=0.5, noise_interpolation=0.15, scale=0.8),
    Variation.STRONG: _Kept(strength=0.75, noise_interpolation=0.35, scale=0.5),
}

KEPT_COMPOSITION = 0.6
"""The `strength` of a subtle variation of any picture. Its noise is not known, so all of it is new:
from 0.7 on, the built-in model loses the shapes of things."""

_SCALE_ALONE = {Variation.SUBTLE: 1.0, Variation.STRONG: 0.5}
_SCALE_WITH_WORDS = {Variation.SUBTLE: 0.91, Variation.STRONG: 0.4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A picture that was drawn here, so that its noise is known."""

    sha256: str
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What pictures say of a drawing; the fields are the request's."""

    image_prompt: ImageCondition | None = None
    style_reference: ImageCondition | None = None
    character_reference: ImageCondition | None = None

    def uses(self) -> Iterator[ImageUse]:
        """Yield what the pictures are for: a model may know some of it only."""
        if self.image_prompt is not None:
            yield ImageUse.PROMPT
        if self.style_reference is not None:
            yield ImageUse.STYLE
        if self.character_reference is not None:
            yield ImageUse.CHARACTER


def conditions(
    prompt: Prompt, sources: Mapping[str, str], *, variation: Variation | None = None
) -> Conditions:
    """Return what the prompt's pictures say; `sources` has the sha256 of each by its link.

    `variation`: they are what is to be varied, and --iw is not asked. Raises CannotDrawError.
    """
    parameters = prompt.parameters
    scale = _scale(prompt, variation)
    if prompt.images and scale == 0 and not prompt.parts:
        raise CannotDrawError(
            "With --iw 0 nothing is left to draw from. Add words, or leave --iw out."
        )
    return Conditions(
        image_prompt=_condition(prompt.images, sources, scale),
        style_reference=_condition(parameters.sref, sources, _style_scale(parameters)),
        character_reference=_condition(parameters.cref, sources, _character_scale(parameters)),
    )


def itself(picture: Drawn, variation: Variation) -> ImageCondition:
    """Return what a picture that was drawn here says of its own variations."""
    return ImageCondition(
        images=(WeightedImage(image=picture.sha256),), scale=KEPT[variation].scale
    )


def _condition(
    images: Sequence[ImagePrompt], sources: Mapping[str, str], scale: float
) -> ImageCondition | None:
    weighted = tuple(
        WeightedImage(image=sources[image.url], weight=image.weight)
        for image in images
        if image.weight > 0
    )
    if not weighted or scale == 0:
        return None
    try:
        return ImageCondition(images=weighted, scale=scale)
    except RequestError as error:
        raise CannotDrawError(
            "Two of the pictures are the same. Leave one out, or give it more weight: link::2."
        ) from error


def _scale(prompt: Prompt, variation: Variation | None) -> float:
    if variation is not None:
        return (_SCALE_WITH_WORDS if prompt.parts else _SCALE_ALONE)[variation]
    share: float = 1 - IW_BASE**prompt.parameters.iw
    # Where there are no words, the pictures have nothing to be weighed against.
    return 1.0 if share and not prompt.parts else share


def _style_scale(parameters: Parameters) -> float:
    share: float = 1 - 0.5 ** (parameters.sw / SW_HALVES)
    return share


def _character_scale(parameters: Parameters) -> float:
    return FACE_SCALE + (CLOTHES_SCALE - FACE_SCALE) * parameters.cw / 100
