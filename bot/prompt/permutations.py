r"""Permutations: one text with braces stands for many texts.

    text   = (character | escape | group)*
    group  = "{" text ("," text)* "}"
    escape = "\," | "\{" | "\}"

`{red, green} bird` stands for `red bird` and `green bird`; several groups multiply, and groups lie
in groups. Works on the bare text, so braces may stand anywhere: in words, links, weights, values
and names. `\,` is a comma in a group. `\{` and `\}` stay as they are typed, so that a text without
groups stands for itself however often it is read.

The texts are counted before they are made, and a group in a group is at most ten deep, so the work
grows with the length of the text times the number of texts, and not faster.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn

from bot.prompt.errors import PromptError
from bot.prompt.tokenizer import COMMAS

MAX_DEPTH = 10
MAX_COUNTED = 1_000_000_000
"""More than these are not told apart."""

_PIECE = re.compile(
    rf"""
      (?P<escape> \\[{{}}{COMMAS}] )
    | (?P<open> {{ )
    | (?P<close> }} )
    | (?P<comma> [{COMMAS}] )
    | (?P<text> [^\\{{}}{COMMAS}]+ | \\ )
    """,
    re.VERBOSE,
)


class _Piece(NamedTuple):
    """A run of characters, and where it was typed."""

    text: str
    start: int


class Permutation(NamedTuple):
    """One of the texts that a text with braces stands for."""

    text: str
    pieces: tuple[_Piece, ...]
    """What it was put together of, in order."""

    def place(self, position: int) -> int:
        """Return where the character at this place was typed."""
        for piece in self.pieces:
            if position < len(piece.text):
                return piece.start + position
            position -= len(piece.text)
        last = self.pieces[-1]
        return last.start + len(last.text)


@dataclass(slots=True)
class _Group:
    """What stands between two braces: options, each a row of texts and groups."""

    start: int
    options: list[list[_Piece | _Group]] = field(default_factory=lambda: [[]])
    counts: list[int] = field(default_factory=lambda: [1])
    """How many texts each option stands for."""

    def add(self, piece: _Piece | _Group) -> None:
        """Put a piece behind the last option's others."""
        self.options[-1].append(piece)
        if isinstance(piece, _Group):
            self.counts[-1] = min(self.counts[-1] * piece.count(), MAX_COUNTED)

    def separate(self) -> None:
        """Begin another option."""
        self.options.append([])
        self.counts.append(1)

    def count(self) -> int:
        """Return how many texts the group stands for, or MAX_COUNTED."""
        return min(sum(self.counts), MAX_COUNTED)

    def texts(self) -> Iterator[tuple[_Piece, ...]]:
        """Yield the texts, the first group's options slowest; outer blanks are dropped."""
        for option in self.options:
            rows = (
                [(piece,)] if isinstance(piece, _Piece) else [*piece.texts()] for piece in option
            )
            for pieces in itertools.product(*rows):
                yield _stripped([*itertools.chain.from_iterable(pieces)])


def _stripped(pieces: list[_Piece]) -> tuple[_Piece, ...]:
    while pieces and not pieces[-1].text.strip():
        pieces.pop()
    first = next((index for index, piece in enumerate(pieces) if piece.text.strip()), 0)
    kept = pieces[first:]
    if kept:
        text, start = kept[0]
        kept[0] = _Piece(text.lstrip(), start + len(text) - len(text.lstrip()))
        kept[-1] = kept[-1]._replace(text=kept[-1].text.rstrip())
    return tuple(kept)


def count_permutations(text: str) -> int:
    """Return how many texts this one stands for, at most MAX_COUNTED. Raises PromptError."""
    return _read(text).count()


def permutations(text: str, *, limit: int) -> list[str]:
    """Return the texts that this one stands for. Raises PromptError, also above `limit`."""
    return [one.text for one in written_out(text, limit=limit)]


def written_out(text: str, *, limit: int) -> list[Permutation]:
    """Return the same, each with the way back to what was typed."""
    root = _read(text)
    count = root.count()
    if count > limit:
        amount = f"more than {count - 1:,}" if count == MAX_COUNTED else f"{count:,}"
        raise PromptError(
            f"The braces make {amount} prompts of this one, the limit is {limit}.",
            source=text,
            start=text.index("{"),
            end=text.rindex("}") + 1,
            hint="Leave out some of what is between them.",
        )
    if count == 1 and "{" not in text and "}" not in text:
        return [Permutation(text, (_Piece(text, 0),))]
    return [Permutation("".join(piece.text for piece in pieces), pieces) for pieces in root.texts()]


def _read(text: str) -> _Group:
    """Read text; the root is a group without braces. Raises PromptError."""
    root = _Group(0)
    opened = [root]
    for piece in _PIECE.finditer(text):
        group = opened[-1]
        match piece.lastgroup:
            case "open":
                if len(opened) > MAX_DEPTH:
                    reason = f"Braces lie in braces more than {MAX_DEPTH} deep."
                    _refuse(text, piece.start(), reason, "Write out some of them.")
                opened.append(_Group(piece.start()))
            case "close":
                if group is root:
                    _refuse(text, piece.start(), "This brace closes nothing.", r"Write \} for a }.")
                opened.pop()
                _check(text, group, piece.end())
                opened[-1].add(group)
            case "comma" if group is not root:
                group.separate()
            case "escape" if group is not root and piece[0][1] in COMMAS:
                group.add(_Piece(piece[0][1], piece.start() + 1))
            case _:
                group.add(_Piece(piece[0], piece.start()))
    if len(opened) > 1:
        hint = r"Write } behind the last option, or \{ for a {."
        _refuse(text, opened[-1].start, "This brace is not closed.", hint)
    return root


def _check(text: str, group: _Group, end: int) -> None:
    if not text[group.start + 1 : end - 1].strip():
        reason = "There is nothing between these braces."
        _refuse(text, group.start, reason, "Write {red, green}.", end=end)


def _refuse(text: str, start: int, message: str, hint: str, *, end: int | None = None) -> NoReturn:
    raise PromptError(message, source=text, start=start, end=end or start + 1, hint=hint)
