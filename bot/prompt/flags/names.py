"""Look a parameter up: by its names, by what was probably meant, and what Easel has instead.

In the two tables of mistakes a hyphen is an underscore.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from bot.prompt.flags.flag import Flag
from bot.prompt.flags.table import FLAGS
from bot.prompt.tokenizer import DASHES
from bot.prompt.vocabulary import NOTHING, Vocabulary

_LONGEST_MISTAKE = 24

MISTAKEN_FOR: Mapping[str, tuple[str, ...]] = {
    "ar": ("ratio", "size", "h", "width", "height"),
    "no": ("without",),
    "negative": ("neg", "negative_prompt"),
    "iw": ("image_weight",),
    "sref": ("style_reference", "style_ref"),
    "sw": ("style_weight",),
    "cref": ("character_reference", "character_ref"),
    "cw": ("character_weight",),
    "chaos": ("variety",),
    "draft": ("sketch", "lightning", "hyper"),
    "stylize": ("stylise",),
    "weird": ("strange",),
    "tile": ("seamless", "tiling"),
    "model": ("checkpoint", "m"),
    "niji": ("anime",),
    "steps": ("step", "num_inference_steps"),
    "cfg": ("cfg_scale", "guidance", "guidance_scale", "scale"),
    "clip-skip": ("clip_skip", "clipskip", "skip"),
    "sampler": ("scheduler", "sampling_method"),
    "sameseed": ("same_seed",),
    "repeat": ("times", "batch", "n"),
    "relax": ("relaxed", "slow"),
}
"""What people type who come from another bot, by the name of the parameter they mean."""

ELSEWHERE: Mapping[str, str] = {
    "hd": "Easel has no --hd. Try --quality 2 for more detail.",
    "video": "Easel draws no videos.",
    "exp": "Easel has no --exp. Try --stylize.",
    "oref": "Easel has no --oref. Begin with the picture's link instead.",
    "ow": "Easel has no --ow. Begin with the picture's link, and weigh it with --iw.",
    "p": "Easel has no personal styles. Describe the style in words.",
    "profile": "Easel has no personal styles. Describe the style in words.",
    "stealth": "Easel shows pictures in their channel and nowhere else.",
    "public": "Easel shows pictures in their channel and nowhere else.",
    "zoom": "A picture has to be drawn before it can be zoomed.",
}
"""What people know from elsewhere and Easel does not have: what to do instead."""


def flag_table(vocabulary: Vocabulary = NOTHING) -> dict[str, Flag]:
    """Return every flag by each of its names, with the values that it takes on this machine."""
    rows = [_here(flag, vocabulary) for flag in FLAGS]
    return {name: flag for flag in rows for name in (flag.name, *flag.aliases)}


def _here(flag: Flag, vocabulary: Vocabulary) -> Flag:
    options: Mapping[str, tuple[Any, ...]] = {
        "model": vocabulary.models,
        "version": vocabulary.versions,
        "niji": vocabulary.niji,
    }
    if flag.name not in options:
        return flag
    kind: Any = flag.kind
    kind = replace(kind, options=options[flag.name])
    return replace(flag, kind=kind, example=next(iter(kind.candidates()), ""))


def likely_name(typed: str, table: dict[str, Flag]) -> str:
    """Return the name that was probably meant by an unknown one, or empty."""
    plain = plain_name(typed)
    if not plain or len(plain) > _LONGEST_MISTAKE:
        return ""
    meant = {mistake: name for name, mistakes in MISTAKEN_FOR.items() for mistake in mistakes}
    if plain in table:
        return plain
    if plain in meant:
        return meant[plain]
    close = get_close_matches(plain, [*table, *meant], n=1, cutoff=0.6)
    if not close:
        return ""
    return close[0] if close[0] in table else meant[close[0]]


def plain_name(typed: str) -> str:
    """Return an unknown name in the spelling that the tables of mistakes use."""
    return typed.strip(DASHES).lower().replace("-", "_")
