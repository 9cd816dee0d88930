"""What is wrong with a prompt, and a picture of where.

Errors::

    BadValueError   a text that is no value of its kind; stays inside this package
    PromptError     a prompt that cannot be read: names the parameter, the value and the range,
                    points at the characters, and says what to type instead

Knows no Discord: the sentences are plain text, to be escaped by whoever shows them. The drawing in
`PromptError.excerpt` is a code block that is safe as it stands.
"""

from __future__ import annotations

import unicodedata

_COLUMNS = 56
"""Width of the drawing: a code block wider than this wraps on a phone."""
_COLUMNS_BEFORE = 24
_MAX_QUOTED = 40


class BadValueError(Exception):
    """A text that is not what was `expected`; `suggestion` is a value to type instead, or empty."""

    def __init__(self, expected: str, suggestion: str = "") -> None:
        super().__init__(f"not {expected}")
        self.expected = expected
        self.suggestion = suggestion


class PromptError(ValueError):
    """A prompt that cannot be read.

    `start` and `end` count characters of `source`, the prompt as it was typed. `hint` is a sentence
    that says what to type instead, or empty.
    """

    def __init__(self, message: str, *, source: str, start: int, end: int, hint: str = "") -> None:
        super().__init__(f"{message} {hint}".rstrip())
        self.message = message
        self.source = source
        self.start = start
        self.end = end
        self.hint = hint

    def excerpt(self) -> str:
        """Return a code block of two lines: the prompt around the place, and carets under it."""
        return point_at(self.source, self.start, self.end)

    def render(self) -> str:
        """Return the code block and, below it, the sentences."""
        return f"{self.excerpt()}\n{self}"


def quoted(text: str) -> str:
    """Return a piece of the prompt for use in a sentence: on one line, short, no code block."""
    line = " ".join(text.split()).replace("`", "\u02cb")
    return line if len(line) <= _MAX_QUOTED else line[: _MAX_QUOTED - 1] + "…"


def point_at(source: str, start: int, end: int) -> str:
    """Draw carets under `source[start:end]`, in a code block that nothing in it can close."""
    first = max(0, start - _COLUMNS_BEFORE)
    last = min(len(source), first + _COLUMNS)
    before = ("…" if first else "") + _shown(source[first:start])
    marked = _shown(source[start : min(end, last)])
    after = _shown(source[max(start, min(end, last)) : last]) + ("…" if last < len(source) else "")
    carets = "^" * max(1, columns(marked))
    return f"```\n{before}{marked}{after}\n{' ' * columns(before)}{carets}\n```"


def columns(text: str) -> int:
    """Return how many columns of a monospaced font the text covers: 0, 1 or 2 for a character."""
    return sum(_columns_of(character) for character in text)


def _columns_of(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _shown(text: str) -> str:
    # A backtick could close the code block; a control or direction character would move the carets.
    return "".join(
        "\u02cb"
        if character == "`"
        else character
        if character.isprintable() or character in "\u200c\u200d"
        else " "
        for character in text
    )
