"""Answers in words, as prompts that can be drawn."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import assert_never

from bot.prompt import Part, Prompt
from engine.api import Answer, Described, Shortened

MAX_TERM = 20
"""A described picture's ratio is said in numbers up to about this: nobody types 1365:2048."""


def described_prompts(answer: Described) -> list[str]:
    """Return the prompts for a picture, each with its shape."""
    ratio = Fraction(answer.width, answer.height)
    wide = max(ratio, 1 / ratio).limit_denominator(MAX_TERM)
    near = wide if ratio >= 1 else 1 / wide
    flag = "" if near == 1 else f" --ar {near.numerator}:{near.denominator}"
    return [f"{prompt}{flag}" for prompt in answer.prompts]


def prompts_of(answer: Answer, asked: Prompt | None) -> list[str]:
    """Return what the buttons under an answer imagine.

    `asked` is the prompt that was shortened: its parameters stay.
    """
    match answer:
        case Described():
            return described_prompts(answer)
        case Shortened():
            if asked is None:
                return answer.prompts
            return [replace(asked, parts=(Part(text),)).canonical() for text in answer.prompts]
        case _:
            assert_never(answer)
