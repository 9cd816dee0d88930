"""What a request that asks for words is answered with. Stored with its job, as requests are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

ANSWER_VERSION = 1
"""Stored beside every answer. Raise it when a field changes its meaning, and convert on read."""


class Described(msgspec.Struct, frozen=True, kw_only=True, tag="described"):
    """A picture in words."""

    prompts: list[str]
    """Prompts that might have drawn it, the best first."""
    width: int
    """Pixels of the picture."""
    height: int
    source: str
    """Who found the words, as a user may read it."""


class WordWeight(msgspec.Struct, frozen=True, kw_only=True):
    """A word of a prompt, as it was typed, and how much it matters."""

    word: str
    weight: float
    """0 to 1; the weightiest word of a prompt has 1."""


class Shortened(msgspec.Struct, frozen=True, kw_only=True, tag="shortened"):
    """What matters in a prompt."""

    words: list[WordWeight]
    """Every word, in order."""
    prompts: list[str]
    """The prompt without its lighter words, each shorter than the one before; up to five."""


Answer = Described | Shortened


def answer_to_json(answer: Answer) -> dict[str, Any]:
    """Return the answer as plain JSON values, with its version and its kind."""
    fields: dict[str, Any] = msgspec.to_builtins(answer)
    return {"version": ANSWER_VERSION, **fields}


def answer_from_json(value: Mapping[str, Any]) -> Answer:
    """Read back what `answer_to_json` wrote. Raises ValueError for anything else."""
    fields = dict(value)
    version = fields.pop("version", None)
    if version != ANSWER_VERSION:
        raise ValueError(f"version: {version!r} is not {ANSWER_VERSION}")
    answer: Answer = msgspec.convert(fields, Answer)
    return answer
