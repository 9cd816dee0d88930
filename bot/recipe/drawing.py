"""What a prompt's words and parameters mean, as the request of a drawing."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

from bot.prompt import Parameters, Part, Prompt, Ratio
from bot.prompt.values import number_text
from bot.recipe.pictures import KEPT, KEPT_COMPOSITION, Conditions, Drawn, Variation
from engine.api import MAX_LCM_STEPS, ImageToImage, LoraWeight, Sampler, TextToImage
from engine.models.card import Draft, ModelCard

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
    "lcm": Sampler.LCM,
}

MAX_WEIRD = 3000
WEIRDEST = 0.6
"""Of a right angle; beyond it nothing is left of what was asked for."""

STRONG_GUIDANCE = 1.5
"""Times the model's own: what is stronger burns colours, and is held back."""
MAX_RESCALE = 0.4
"""phi (arXiv 2305.08891, section 3.4) for a guidance as strong as can be; 0.7 makes it dull."""
FULL_EXCESS = 2.5
"""Beyond STRONG_GUIDANCE, where that is."""

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

NO_PICTURES = Conditions()

_ESCAPED_BRACE = re.compile(r"\\([{}])")
_BRACKET = re.compile(r"\\[()\[\]\\]|[()\[\]]")
"""A bracket, or an escaped character."""


def text_to_image(
    prompt: Prompt, *, card: ModelCard, seed: int, pictures: Conditions = NO_PICTURES
) -> TextToImage:
    """Return the request for a first grid. `seed` is the one drawn; the prompt's own goes first.

    `pictures` are the prompt's own, as `conditions` returns them.
    """
    return TextToImage(**_first_grid(prompt, card=card, seed=seed, pictures=pictures))


def image_to_image(
    prompt: Prompt,
    *,
    card: ModelCard,
    seed: int,
    picture: Drawn,
    variation: Variation,
    pictures: Conditions = NO_PICTURES,
) -> ImageToImage:
    """Return the request for variations of a picture that was drawn here.

    They inherit what shapes every picture (--ar, --no, --sref) and leave out what shapes a first
    grid only (--chaos, --quality, --seed, --stylize). A model that does not look at the picture
    gets new noise: with the picture's own it would draw the same once more.
    """
    kept = KEPT[variation]
    looks = pictures.image_prompt is not None
    fields = _drawing(prompt.for_variations(), card=card, seed=seed, pictures=pictures)
    return ImageToImage(
        **_starting_at(picture.sha256, fields, strength=kept.strength),
        source_seed=picture.seed if looks else None,
        noise_interpolation=kept.noise_interpolation if looks else 1.0,
    )


def keeping_composition(
    prompt: Prompt, *, card: ModelCard, seed: int, pictures: Conditions
) -> ImageToImage:
    """Return the request for a first grid that starts at its one picture, from wherever that came.

    What does not fit the grid's shape is cut. `pictures` are the prompt's own, as `conditions`
    returns them.
    """
    if pictures.image_prompt is None:
        raise ValueError("the prompt has no picture")
    (source,) = pictures.image_prompt.images
    fields = _first_grid(prompt, card=card, seed=seed, pictures=pictures)
    return ImageToImage(**_starting_at(source.image, fields, strength=KEPT_COMPOSITION))


def nearest_size(ratio: Ratio, sizes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Return the trained (width, height) whose shape is nearest; the first of equals."""
    wanted = math.log(ratio.width / ratio.height)
    return min(sizes, key=lambda size: abs(math.log(size[0] / size[1]) - wanted))


def _first_grid(
    prompt: Prompt, *, card: ModelCard, seed: int, pictures: Conditions
) -> dict[str, Any]:
    """Return the fields of what was typed itself: its own seed counts, and --sameseed."""
    own_seed = prompt.seed
    seed = seed if own_seed is None else own_seed
    return {
        **_drawing(prompt, card=card, seed=seed, pictures=pictures),
        "same_seed": prompt.parameters.sameseed is not None,
        "num_candidates": _candidates(prompt, card, pictures),
    }


def _starting_at(sha256: str, fields: dict[str, Any], *, strength: float) -> dict[str, Any]:
    """Return the fields of a drawing that starts at a picture."""
    limit = _most_steps(fields["sampler"])
    steps = _steps_that_draw(fields["num_inference_steps"], strength, limit=limit)
    return {**fields, "num_inference_steps": steps, "image": sha256, "strength": strength}


def _drawing(prompt: Prompt, *, card: ModelCard, seed: int, pictures: Conditions) -> dict[str, Any]:
    """Return the fields that every request shares."""
    parameters = prompt.parameters
    draft = card.draft if parameters.draft else None
    is_raw = parameters.raw or parameters.style == "raw"
    stylize = parameters.stylize * (RAW_SHARE if is_raw else 1)
    style_words = () if is_raw else _style_words(card, stylize)
    loras = _loras(prompt, draft)
    sampler = draft.sampler if draft else SAMPLERS[parameters.sampler]
    steps = draft.num_inference_steps if draft else _steps(parameters, card)
    width, height = nearest_size(parameters.ar, card.sizes)
    return {
        "model": card.name,
        "prompt": _positive(prompt.parts, style_words=style_words),
        "negative_prompt": _negative(prompt.parts, parameters),
        "height": height,
        "width": width,
        "seed": seed,
        "num_inference_steps": min(steps, _most_steps(sampler)),
        **_guidance(parameters, card, stylize),
        # A refiner knows nothing of a LoRA or of pictures, and would paint over what they add.
        "denoising_end": 1.0 if loras or not prompt.parts else _denoising_end(card, stylize),
        "aesthetic_score": round(_between(stylize, _AESTHETIC_SCORE), 2),
        # Noise on the text's embedding, drawn anew for each picture, is what tells them apart.
        "condition_noise": parameters.chaos / 100,
        "condition_rotation": parameters.weird / MAX_WEIRD * WEIRDEST,
        "stop_at": parameters.stop / 100,
        "circular_padding": parameters.tile,
        "clip_skip": parameters.clip_skip,
        "sampler": sampler,
        "loras": loras,
        "image_prompt": pictures.image_prompt,
        "style_reference": pictures.style_reference,
        "character_reference": pictures.character_reference,
    }


# Words


def _positive(parts: Iterable[Part], *, style_words: Iterable[str]) -> str:
    """Join the wanted parts, weighted relative to their mean: `(hot:1.33), (dog:0.67)`."""
    wanted = [part for part in parts if part.weight > 0]
    if not wanted:
        return ""  # drawn from pictures alone, and no word is invented
    mean = sum(part.weight for part in wanted) / len(wanted)
    texts = [_emphasised(part.text, part.weight / mean) for part in wanted]
    said = " ".join(texts).lower()
    return ", ".join([*texts, *(word for word in style_words if word.lower() not in said)])


def _negative(parts: Sequence[Part], parameters: Parameters) -> str:
    """Join what --no lists, --negative and the parts of negative weight."""
    wanted = [part.weight for part in parts if part.weight > 0]
    scale = NO_WEIGHT * sum(wanted) / max(1, len(wanted))
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
    return max(round(card.num_inference_steps * parameters.quality), floor)


def _most_steps(sampler: Sampler) -> int:
    return MAX_LCM_STEPS if sampler is Sampler.LCM else MAX_STEPS


def _steps_that_draw(steps: int, strength: float, *, limit: int) -> int:
    """Return at least as many steps as it takes for one of them to be drawn."""
    while math.floor(steps * strength) < 1 and steps < limit:
        steps += 1
    return steps


def _guidance(parameters: Parameters, card: ModelCard, stylize: float) -> dict[str, float]:
    """Return guidance, and beyond what the model likes the means against burnt pictures."""
    scale = _guidance_scale(parameters, card, stylize)
    excess = scale / card.guidance_scale - STRONG_GUIDANCE
    if excess <= 0:
        return {"guidance_scale": scale}
    return {
        "guidance_scale": scale,
        "mimic_scale": round(math.sqrt(scale * card.guidance_scale), 2),
        "guidance_rescale": round(MAX_RESCALE * min(excess / FULL_EXCESS, 1.0), 3),
    }


def _guidance_scale(parameters: Parameters, card: ModelCard, stylize: float) -> float:
    """Return --cfg as it is; else the model's own, nudged by --stylize."""
    if parameters.cfg is not None:
        return parameters.cfg
    if parameters.draft and card.draft is not None:
        return card.draft.guidance_scale
    if card.guidance_scale == 1:
        return 1.0  # a distilled model that draws without guidance
    nudged = card.guidance_scale * _between(stylize, _GUIDANCE_FACTOR)
    return round(min(max(nudged, 1.0), 30.0), 2)


def _candidates(prompt: Prompt, card: ModelCard, pictures: Conditions) -> int:
    """Return how many pictures to choose from: of a blend alone, since words have a say too."""
    condition = pictures.image_prompt
    if condition is None or not condition.is_blend or prompt.parts or prompt.parameters.draft:
        return 1
    return card.blend_candidates


def _loras(prompt: Prompt, draft: Draft | None) -> tuple[LoraWeight, ...]:
    """Return the prompt's own, and the one that a draft is drawn with."""
    weights = {lora.name: lora.weight for lora in prompt.loras if lora.weight}
    if draft is not None and draft.lora:
        weights[draft.lora] = 1.0
    return tuple(LoraWeight(name=name, weight=weight) for name, weight in weights.items())


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
