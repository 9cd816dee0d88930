"""Numbers, in a range or as a weight."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal

from bot.prompt.errors import BadValueError
from bot.prompt.tokenizer import COMMAS

MAX_WEIGHT = 1000
"""Of a part of the text, or of a picture among the others. Only ratios matter."""

_MAX_DIGITS = 15
_NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_MINUS = re.compile("[\u2212\u2013]")


def number_text(value: float) -> str:
    """Write a number with as few characters as read back to it: `0.25`, `2`, never `1e-05`."""
    return format(Decimal(str(float(value))), "f").rstrip("0").rstrip(".")


def read_number(text: str, *, expected: str = "a number") -> float:
    """Read ["+" | "-"] (digits ["." [digits]] | "." digits), the digits being 0 to 9."""
    if not _NUMBER.fullmatch(text):
        raise BadValueError(expected, _plain_number(text))
    # A leading zero does not count: it is written where it was not typed.
    if sum(character.isdigit() for character in text.lstrip("+-0")) > _MAX_DIGITS:
        raise BadValueError(f"{expected}, in at most {_MAX_DIGITS} digits")
    return float(text)


def read_weight(text: str, *, expected: str = "a number") -> float:
    """Read a number whose minus may be the sign or the en-dash that phones make of a hyphen."""
    return read_number(_MINUS.sub("-", text), expected=expected)


def _plain_number(text: str) -> str:
    """Return the number that was probably meant: other scripts' digits, `1,5`, `5,`."""
    digits = "".join(plain_character(character) for character in text[:_MAX_DIGITS])
    digits = digits.rstrip(".")
    return digits if _NUMBER.fullmatch(digits) else ""


def plain_character(character: str) -> str:
    """Return what was probably meant by a character of a number: its digit, a point, a hyphen."""
    if (digit := unicodedata.decimal(character, None)) is not None:
        return str(digit)
    return "." if character in COMMAS + "\u066b" else character.replace("\u2212", "-")


@dataclass(frozen=True, slots=True)
class WholeNumber:
    """A whole number in a range."""

    low: int
    high: int

    def read(self, text: str) -> int:
        """Read ["+" | "-"] digits."""
        value = read_number(text, expected=self.describe())
        nearest = min(max(round(value), self.low), self.high)
        if "." in text or nearest != value:
            raise BadValueError(self.describe(), str(nearest))
        return nearest

    def write(self, value: int) -> str:
        """Return the value as it is typed."""
        return str(value)

    def describe(self) -> str:
        """Return the range in words."""
        return f"a whole number from {self.low} to {self.high}"

    def candidates(self) -> tuple[str, ...]:
        """Return values to offer."""
        return ()


@dataclass(frozen=True, slots=True)
class Number:
    """A number in a range."""

    low: float
    high: float

    def read(self, text: str) -> float:
        """Return the number. See `read_number` for its grammar."""
        value = read_number(text, expected=self.describe())
        nearest = min(max(value, self.low), self.high)
        if nearest != value:
            raise BadValueError(self.describe(), number_text(nearest))
        return value

    def write(self, value: float) -> str:
        """Return the value as it is typed."""
        return number_text(value)

    def describe(self) -> str:
        """Return the range in words."""
        return f"a number from {number_text(self.low)} to {number_text(self.high)}"

    def candidates(self) -> tuple[str, ...]:
        """Return values to offer."""
        return ()
