"""The border between two vocabularies: Midjourney's words become diffusers' words here.

Pure: a prompt and a model's card in, a request out. Knows no job, no user and no device. Every
number below is a choice of ours; what Midjourney does is not known.

Errors::

    CannotDrawError     a prompt that can be read and not drawn yet: says what to leave out
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

from bot.prompt import Parameters, Part, Prompt, Ratio
from bot.prompt.kinds import number_text
from engine.api import ImageToImage, Sampler, TextToImage
from engine.models.card import ModelCard

MIN_STEPS = 6
"""--quality goes no lower, unless the model itself is made for fewer."""
MAX_STEPS = 200

MIN_EMPHASIS, MAX_EMPHASIS = 0.05, 2.0
"""Beyond these a text encoder's output falls apart."""
NO_WEIGHT = -0.5
"""Midjourney's `--no red` is `red::-.5`, and --no fills the negative prompt at weight 1."""

SAMPLERS = {
    "euler": Sampler.EULER,
    "euler-a": Sampler.EULER_A,
    "heun": Sampler.HEUN,
    "lms": Sampler.LMS,
    "ddim": Sampler.DDIM,
    "dpm-2m": Sampler.DPM_2M,
    "dpm-2m-karras": Sampler.DPM_2M_KARRAS,
    "dpm-sde-karras": Sampler.DPM_SDE_KARRAS,
    "unipc": Sampler.UNIPC,
}

RAW_SHARE = 0.25
"""How much of --stylize is left by --raw."""

# --stylize, from by-the-letter over normal to as beautiful as it gets.
_STYLIZE = (0, 100, 1000)
_AESTHETIC_SCORE = (5.0, 6.0, 9.0)
"""SDXL's own default is 6; most of its training pictures lie between 4 and 7."""
_GUIDANCE_FACTOR = (1.2, 1.0, 0.8)
"""A high --stylize follows the text less closely."""
_BASE_SHARE_SHIFT = (0.1, 0.0, -0.1)
"""The refiner paints surfaces; it was trained for the last fifth of the schedule (SDXL, 2.5)."""
_MAX_BASE_SHARE, _MIN_BASE_SHARE = 0.95, 0.5
_STYLE_WORDS = (250, 500, 750)
"""--stylize at which one, two and all thirds of the model's style words are added."""

_ESCAPED_BRACE = re.compile(r"\\([{}])")
_BRACKET = re.compile(r"\\[()\[\]\\]|[()\[\]]")
"""A bracket, or an escaped character."""


class CannotDrawError(ValueError):
    """A prompt that asks for what no engine here draws."""


def check(prompt: Prompt) -> None:
    """Refuse a prompt that cannot be drawn by any model. Raises CannotDrawError."""
    if prompt.images:
        raise CannotDrawError(
            "Pictures by link are understood, but not drawn from yet. Describe them in words."
        )
    if prompt.loras:
        raise CannotDrawError("LoRAs are understood, but not drawn with yet. Leave them out.")


def text_to_image(prompt: Prompt, *, card: ModelCard, seed: int) -> TextToImage:
    """Return the request for a first grid. `seed` is the one drawn; the prompt's own goes first."""
    own_seed = prompt.seed
    fields = _drawing(prompt, card=card, seed=seed if own_seed is None else own_seed)
    return TextToImage(**fields, same_seed=prompt.parameters.sameseed is not None)


def image_to_image(
    prompt: Prompt, *, card: ModelCard, seed: int, image_sha256: str, strength: float
) -> ImageToImage:
    """Return the request for variations of a picture.

    They inherit what shapes every picture (--ar, --no) and leave out what shapes a first grid only
    (--chaos, --quality, --seed, --stylize).
    """
    fields = _drawing(prompt.for_variations(), card=card, seed=seed)
    steps = _steps_that_draw(fields.pop("num_inference_steps"), strength)
    return ImageToImage(**fields, num_inference_steps=steps, image=image_sha256, strength=strength)


def nearest_size(ratio: Ratio, sizes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Return the trained (width, height) whose shape is nearest; the first of equals."""
    wanted = math.log(ratio.width / ratio.height)
    return min(sizes, key=lambda size: abs(math.log(size[0] / size[1]) - wanted))


def _drawing(prompt: Prompt, *, card: ModelCard, seed: int) -> dict[str, Any]:
    """Return the fields that every request shares."""
    check(prompt)
    parameters = prompt.parameters
    stylize = parameters.stylize * (RAW_SHARE if parameters.raw else 1)
    width, height = nearest_size(parameters.ar, card.sizes)
    return {
        "model": card.name,
        "prompt": _positive(prompt.parts, style_words=_style_words(card, stylize)),
        "negative_prompt": _negative(prompt.parts, parameters),
        "height": height,
        "width": width,
        "seed": seed,
        "num_inference_steps": _steps(parameters, card),
        "guidance_scale": _guidance_scale(parameters, card, stylize),
        "denoising_end": _denoising_end(card, stylize),
        "aesthetic_score": round(_between(stylize, _AESTHETIC_SCORE), 2),
        # Noise on the text's embedding, drawn anew for each picture, is what tells them apart.
        "condition_noise": parameters.chaos / 100,
        "sampler": SAMPLERS[parameters.sampler],
    }


# Words


def _positive(parts: Iterable[Part], *, style_words: Iterable[str]) -> str:
    """Join the wanted parts, weighted relative to their mean: `(hot:1.33), (dog:0.67)`."""
    wanted = [part for part in parts if part.weight > 0]
    mean = sum(part.weight for part in wanted) / len(wanted)
    texts = [_emphasised(part.text, part.weight / mean) for part in wanted]
    said = " ".join(texts).lower()
    return ", ".join([*texts, *(word for word in style_words if word.lower() not in said)])


def _negative(parts: Sequence[Part], parameters: Parameters) -> str:
    """Join what --no lists, --negative and the parts of negative weight."""
    wanted = [part.weight for part in parts if part.weight > 0]
    scale = NO_WEIGHT * sum(wanted) / len(wanted)
    unwanted = [_emphasised(part.text, part.weight / scale) for part in parts if part.weight < 0]
    whole = [parameters.negative] if parameters.negative else []
    return ", ".join([*(_balanced(word) for word in (*parameters.no, *whole)), *unwanted])


def _emphasised(text: str, weight: float) -> str:
    weight = round(min(max(weight, MIN_EMPHASIS), MAX_EMPHASIS), 2)
    plain = _balanced(text)
    return plain if weight == 1 else f"({plain.rstrip(': ')}:{number_text(weight)})"


def _balanced(text: str) -> str:
    r"""Drop the brackets that have no partner: one would swallow the weights behind it.

    Brackets are A1111's weights, as in `(cat:1.2)` and `[cat]`; `\(` is a bracket and no weight.
    `\{` is how the prompt language spells a brace, which is no bracket to the engine.
    """
    opened: list[re.Match[str]] = []
    single: list[re.Match[str]] = []
    for bracket in _BRACKET.finditer(text):
        if bracket[0] in "([":
            opened.append(bracket)
        elif opened and opened[-1][0] + bracket[0] in {"()", "[]"}:
            opened.pop()
        elif bracket[0] in ")]":
            single.append(bracket)
    dropped = {bracket.start() for bracket in (*opened, *single)}
    kept = "".join(character for index, character in enumerate(text) if index not in dropped)
    return _ESCAPED_BRACE.sub(r"\1", kept)


def _style_words(card: ModelCard, stylize: float) -> Sequence[str]:
    thirds = sum(stylize >= threshold for threshold in _STYLE_WORDS)
    return card.style_words[: math.ceil(len(card.style_words) * thirds / len(_STYLE_WORDS))]


# Numbers


def _steps(parameters: Parameters, card: ModelCard) -> int:
    """Return --steps as it is; else the model's own number times --quality."""
    if parameters.steps is not None:
        return parameters.steps
    floor = min(MIN_STEPS, card.num_inference_steps)
    return min(max(round(card.num_inference_steps * parameters.quality), floor), MAX_STEPS)


def _steps_that_draw(steps: int, strength: float) -> int:
    """Return at least as many steps as it takes for one of them to be drawn."""
    while math.floor(steps * strength) < 1 and steps < MAX_STEPS:
        steps += 1
    return steps


def _guidance_scale(parameters: Parameters, card: ModelCard, stylize: float) -> float:
    """Return --cfg as it is; else the model's own, nudged by --stylize."""
    if parameters.cfg is not None:
        return parameters.cfg
    if card.guidance_scale == 1:
        return 1.0  # a distilled model that draws without guidance
    nudged = card.guidance_scale * _between(stylize, _GUIDANCE_FACTOR)
    return round(min(max(nudged, 1.0), 30.0), 2)


def _denoising_end(card: ModelCard, stylize: float) -> float:
    """Return the base model's share: a high --stylize gives the refiner more."""
    if card.denoising_end == 1:
        return 1.0  # no refiner
    share = card.denoising_end + _between(stylize, _BASE_SHARE_SHIFT)
    lowest = min(_MIN_BASE_SHARE, card.denoising_end)
    return round(min(max(share, lowest), _MAX_BASE_SHARE), 3)


def _between(stylize: float, values: tuple[float, float, float]) -> float:
    """Interpolate linearly between the three points of the --stylize scale."""
    (low, normal, high), (at_low, at_normal, at_high) = _STYLIZE, values
    if stylize <= normal:
        return at_low + (at_normal - at_low) * (stylize - low) / (normal - low)
    return at_normal + (at_high - at_normal) * (stylize - normal) / (high - normal)
