r"""Emphasis in a prompt: which words count how much. Knows neither tokens nor tensors.

The notation is that of AUTOMATIC1111's web UI, as users know it::

    prompt   = segment *( "BREAK" segment )
    segment  = *( text / emphasis )
    emphasis = "(" segment ":" number ")"       ; times number
             / "(" segment ")"                  ; times 1.1
             / "[" segment "]"                  ; divided by 1.1
    text     = any characters; "\(" "\)" "\[" "\]" "\\" stand for themselves

Any text is a prompt: a bracket without its partner is an ordinary character.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

EMPHASIS = 1.1
_TOKEN = re.compile(
    r"""
      \\(?P<escaped>[()\[\]\\])
    | (?P<opening>[(\[])
    | :\s*(?P<weight>[+-]?(?:\d+\.?\d*|\.\d+))\s*\)
    | (?P<closing>[)\]])
    | (?P<break>\bBREAK\b)
    | (?P<text>[^\\()\[\]:B]+|.)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Fragment:
    """Words that count equally much."""

    text: str
    weight: float = 1.0


def parse_weights(prompt: str) -> list[list[Fragment]]:
    """Split a prompt at BREAK, and each segment where the weight changes."""
    segments = [_Segment()]
    for token in _TOKEN.finditer(prompt):
        if token["break"]:
            segments.append(_Segment())
        else:
            segments[-1].read(token)
    return [segment.fragments() for segment in segments]


class _Segment:
    """What was read between two BREAKs."""

    def __init__(self) -> None:
        self._pieces: list[Fragment] = []
        self._open: list[int] = []  # where in `_pieces` the brackets stand that are still open

    def read(self, token: re.Match[str]) -> None:
        if token["escaped"]:
            self._add(token["escaped"])
        elif token["opening"]:
            self._open.append(len(self._pieces))
            self._add(token["opening"])
        elif token["weight"]:
            self._close("(", float(token["weight"]), token[0])
        elif token["closing"] == ")":
            self._close("(", EMPHASIS, token[0])
        elif token["closing"] == "]":
            self._close("[", 1 / EMPHASIS, token[0])
        else:
            self._add(token["text"])

    def fragments(self) -> list[Fragment]:
        """Return what was read, neighbours of equal weight joined."""
        joined: list[Fragment] = []
        for piece in self._pieces:
            if joined and joined[-1].weight == piece.weight:
                joined[-1] = Fragment(joined[-1].text + piece.text, piece.weight)
            elif piece.text:
                joined.append(piece)
        return joined

    def _add(self, text: str) -> None:
        self._pieces.append(Fragment(text))

    def _close(self, opening: str, factor: float, literal: str) -> None:
        if not self._open or self._pieces[self._open[-1]].text != opening:
            self._add(literal)
            return
        start = self._open.pop()
        inside = self._pieces[start + 1 :]
        self._pieces[start:] = [Fragment(piece.text, piece.weight * factor) for piece in inside]
