"""The kinds of values that a parameter can have: how each is read, checked and written.

A kind knows no parameter and no position. `read` raises `BadValueError`, `write` is its inverse,
`describe` is the range in words, `candidates` are what a text field may offer.

Errors::

    BadValueError       a text that is no value of this kind; stays inside this package
"""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from fractions import Fraction

from bot.prompt.tokenizer import COMMAS, leaves_quote_open, split_at_commas

MAX_RATIO_SIDE = 10_000
MAX_WORDS = 50

_MAX_DIGITS = 15
_MAX_NAME = 40
_NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_RATIO = re.compile(r"([0-9]{1,9}):([0-9]{1,9})")
_LOOSE_RATIO = re.compile(r"([0-9.]{1,9})(?:[:/xX*\u00d7;-]{1,2}([0-9.]{1,9}))?")


class BadValueError(Exception):
    """A text that is not what was `expected`; `suggestion` is a value to type instead, or empty."""

    def __init__(self, expected: str, suggestion: str = "") -> None:
        super().__init__(f"not {expected}")
        self.expected = expected
        self.suggestion = suggestion


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


def _plain_number(text: str) -> str:
    """Return the number that was probably meant: other scripts' digits, `1,5`, `5,`."""
    digits = "".join(_plain_character(character) for character in text[:_MAX_DIGITS])
    digits = digits.rstrip(".")
    return digits if _NUMBER.fullmatch(digits) else ""


def _plain_character(character: str) -> str:
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


@dataclass(frozen=True, slots=True)
class NumberChoice:
    """One of a few numbers, in any spelling (`.5`, `0.50`)."""

    options: tuple[float, ...]
    what: str = ""
    """What they are numbers of, where they differ from machine to machine."""
    is_last_meant: bool = False
    """Whether nothing at all means the last of them."""

    def read(self, text: str) -> float:
        """Return the option that equals the number."""
        if not text and self.is_last_meant and self.options:
            return self.options[-1]
        value = read_number(text, expected=self.describe())
        nearest = min(self.options, key=lambda option: abs(option - value), default=None)
        if nearest is None or nearest != value:
            suggestion = "" if nearest is None else number_text(nearest)
            raise BadValueError(self.describe(), suggestion)
        return value

    def write(self, value: float) -> str:
        """Return the value as it is typed."""
        return number_text(value)

    def describe(self) -> str:
        """Return the options in words."""
        if self.what and not self.options:
            return f"one of {self.what}: there is none"
        return _one_of(self.candidates(), self.what)

    def candidates(self) -> tuple[str, ...]:
        """Return values to offer."""
        return tuple(number_text(option) for option in self.options)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few names."""

    options: tuple[str, ...]

    def read(self, text: str) -> str:
        """Return the option that is spelled like this."""
        if text in self.options:
            return text
        likely = get_close_matches(text[:_MAX_NAME].lower(), self.options, n=1)
        raise BadValueError(self.describe(), likely[0] if likely else "")

    def write(self, value: str) -> str:
        """Return the value as it is typed."""
        return value

    def describe(self) -> str:
        """Return the options in words."""
        return _one_of(self.options)

    def candidates(self) -> tuple[str, ...]:
        """Return values to offer."""
        return self.options


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
    plain = "".join(_plain_character(character) for character in text[:20])
    match = _LOOSE_RATIO.fullmatch(plain)
    try:
        width, height = (Fraction(side or "1") for side in match.groups()) if match else (0, 0)
        exact = Fraction(width) / Fraction(height)
    except (ValueError, ZeroDivisionError):
        return ""
    near = exact.limit_denominator(1000)
    fits = 0 < near.numerator <= MAX_RATIO_SIDE
    return f"{near.numerator}:{near.denominator}" if fits else ""


def _refuse_open_quote(text: str) -> None:
    """Refuse a quotation mark that would take in whatever is written behind the value."""
    if leaves_quote_open(text):
        raise BadValueError("words in which every quotation mark is closed")


@dataclass(frozen=True, slots=True)
class WordList:
    """Things with commas between them."""

    def read(self, text: str) -> tuple[str, ...]:
        """Read item ("," item)*, where a comma in quotation marks separates nothing."""
        _refuse_open_quote(text)
        items = split_at_commas(text)
        words = tuple(" ".join(item.split()) for item in items if item.strip())
        if not words:
            raise BadValueError(self.describe())
        if len(words) > MAX_WORDS:
            raise BadValueError(f"a list of at most {MAX_WORDS} things, there are {len(words)}")
        return words

    def write(self, value: tuple[str, ...]) -> str:
        """Return the value as it is typed."""
        return ", ".join(value)

    def describe(self) -> str:
        """Return the form in words."""
        return "words, with commas between them"

    def candidates(self) -> tuple[str, ...]:
        """Return values to offer."""
        return ()


@dataclass(frozen=True, slots=True)
class FreeText:
    """A text of its own."""

    def read(self, text: str) -> str:
        """Read any words; blanks are folded, outer commas dropped."""
        _refuse_open_quote(text)
        words = " ".join(text.split()).strip(COMMAS + " ")
        if not words:
            raise BadValueError(self.describe())
        return words

    def write(self, value: str) -> str:
        """Return the value as it is typed."""
        return value

    def describe(self) -> str:
        """Return the form in words."""
        return "words"

    def candidates(self) -> tuple[str, ...]:
        """Return values to offer."""
        return ()


@dataclass(frozen=True, slots=True)
class Switch:
    """On when it is there; takes no value."""

    def write(self, value: bool) -> str:
        """Return the value as it is typed: nothing."""
        del value
        return ""

    def describe(self) -> str:
        """Return the form in words."""
        return "takes no value"

    def candidates(self) -> tuple[str, ...]:
        """Return values to offer."""
        return ()


ValueKind = (
    WholeNumber | Number | NumberChoice | Choice | AspectRatio | WordList | FreeText | Switch
)


def _one_of(options: tuple[str, ...], what: str = "") -> str:
    if not options:
        return "a name that is known here"
    return f"one of {what}: {', '.join(options)}" if what else f"one of {', '.join(options)}"
