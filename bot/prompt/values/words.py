"""Words: a list with commas between its things, or a text of its own."""

from __future__ import annotations

from dataclasses import dataclass

from bot.prompt.errors import BadValueError
from bot.prompt.tokenizer import COMMAS, leaves_quote_open, split_at_commas

MAX_WORDS = 50


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
