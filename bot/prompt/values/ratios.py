"""The shape of a picture: width to height."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction

from bot.prompt.errors import BadValueError
from bot.prompt.values.numbers import plain_character

MAX_RATIO_SIDE = 10_000

_RATIO = re.compile(r"([0-9]{1,9}):([0-9]{1,9})")
_LOOSE_RATIO = re.compile(r"([0-9.]{1,9})(?:[:/xX*\u00d7;-]{1,2}([0-9.]{1,9}))?")


@dataclass(frozen=True, slots=True, order=True)
class Ratio:
    """A width to height ratio in lowest terms."""

    width: int = 1
    height: int = 1

    def __post_init__(self) -> None:
        for side in (self.width, self.height):
            if not 1 <= side <= MAX_RATIO_SIDE:
                raise ValueError(f"a ratio's side is {side}, outside 1 to {MAX_RATIO_SIDE}")
        divisor = math.gcd(self.width, self.height)
        object.__setattr__(self, "width", self.width // divisor)
        object.__setattr__(self, "height", self.height // divisor)

    def __str__(self) -> str:
        return f"{self.width}:{self.height}"


SQUARE = Ratio()


@dataclass(frozen=True, slots=True)
class AspectRatio:
    """Width to height, in whole numbers."""

    offered: tuple[str, ...] = ()

    def read(self, text: str) -> Ratio:
        """Read digits ":" digits."""
        match = _RATIO.fullmatch(text)
        if match is None:
            raise BadValueError(self.describe(), _whole_ratio(text))
        width, height = int(match[1]), int(match[2])
        if not (1 <= width <= MAX_RATIO_SIDE and 1 <= height <= MAX_RATIO_SIDE):
            raise BadValueError(self.describe())
        return Ratio(width, height)

    def write(self, value: Ratio) -> str:
        """Return the value as it is typed."""
        return str(value)

    def describe(self) -> str:
        """Return the form in words."""
        return f"width:height in whole numbers from 1 to {MAX_RATIO_SIDE}"

    def candidates(self) -> tuple[str, ...]:
        """Return values to offer."""
        return self.offered


def _whole_ratio(text: str) -> str:
    """Return the ratio that was probably meant: `1.39:1` is `139:100`, `1920x1080` is `16:9`."""
    plain = "".join(plain_character(character) for character in text[:20])
    match = _LOOSE_RATIO.fullmatch(plain)
    try:
        width, height = (Fraction(side or "1") for side in match.groups()) if match else (0, 0)
        exact = Fraction(width) / Fraction(height)
    except (ValueError, ZeroDivisionError):
        return ""
    near = exact.limit_denominator(1000)
    fits = 0 < near.numerator <= MAX_RATIO_SIDE
    return f"{near.numerator}:{near.denominator}" if fits else ""
