"""One of a few names or numbers; on or off."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from bot.prompt.errors import BadValueError
from bot.prompt.values.numbers import number_text, read_number

_MAX_NAME = 40


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


def _one_of(options: tuple[str, ...], what: str = "") -> str:
    if not options:
        return "a name that is known here"
    return f"one of {what}: {', '.join(options)}" if what else f"one of {', '.join(options)}"
