"""Cut a prompt into tokens that know their place.

The grammar of tokens, on text whose blanks and invisible characters are spaces::

    prompt    = (space | separator | comma | flag | quoted | link | lora | word)*
    separator = "::" [weight]
    flag      = dashes name              at the start of a word; "--", an em-dash or an en-dash
    quoted    = '"' ... '"' | "“" ... "”"
                                         opened at the start of a word, and closed somewhere
    link      = ("http" ["s"] | "file") "://" ...
                                         at the start of a word
    lora      = "<lora:" ... [">"]       anywhere

Knows no parameter: whether a flag exists and what its value means is the parser's business. No
alternative looks further than to its own end or to the next quotation mark, so the work grows with
the length of the text and not faster.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

COMMAS = ",\uff0c\u3001\u060c"
"""The commas of Latin, Chinese, Japanese and Arabic keyboards."""

DASHES = "-\u2013\u2014"
"""Hyphen, en-dash and em-dash: phones turn two hyphens into one of the others."""

_JOINERS = "\u200c\u200d"
"""Invisible, but part of how emoji and Persian words are spelled."""

# An inch mark (`6"`) does not open, and a mark that nothing closes is an ordinary character.
_QUOTED = rf'(?:(?<![^\ {COMMAS}(\[{{])|(?<=::))(?:"[^"]*"|“[^“”]*”)'

_TOKEN = re.compile(
    rf"""
    (?P<separator> :{{2,}} (?P<weight> (?=[-+\u2212\u2013]?\.?\d) [^\ :{COMMAS}]+ )? )
    | (?P<comma> [{COMMAS}] )
    | (?P<quoted> {_QUOTED} )
    | (?: (?<![^\ {COMMAS}]) | (?<=::) )
      (?:
        # A long dash before anything but a letter is prose, or a minus sign.
        (?P<flag> (?: --[{DASHES}]*(?=[^\W_]) | [{DASHES[1:]}]-*(?=[A-Za-z]) )
                  (?P<name> [^\ {COMMAS}]* ) )
        # A comma within a link is followed by more of the link.
        | (?P<link> <?(?:[hH][tT][tT][pP][sS]?|file)://
                    (?: [^\ {COMMAS}] | [{COMMAS}](?![{DASHES}\ {COMMAS}"“]|$) )+ )
      )
    | (?P<lora> <lora: [^<>\ {COMMAS}]* >? )
    | (?P<word> (?: [^\ {COMMAS}:(\[{{<] | <(?!lora:) | :(?!:) | [(\[{{](?!["“]) )+ | [(\[{{] )
    """,
    re.VERBOSE,
)
_QUOTED_ALONE = re.compile(_QUOTED)
_OPENING = re.compile(rf"(?<![^\ {COMMAS}(\[{{])[\"“]")
_QUOTED_OR_COMMA = re.compile(rf"{_QUOTED}|(?P<comma>[{COMMAS}])")


class Kind(StrEnum):
    """What a token is: the names of the groups in the grammar."""

    WORD = "word"
    """A run of text."""
    QUOTED = "quoted"
    """Text in quotation marks, the marks included."""
    LINK = "link"
    """A web address, with the weight behind it."""
    LORA = "lora"
    """A LoRA and its weight, the brackets included."""
    COMMA = "comma"
    FLAG = "flag"
    """Dashes and a name; `value` is the name."""
    SEPARATOR = "separator"
    """Two or more colons, and the number behind them; `value` is the number as typed, or empty."""


class Token(NamedTuple):
    """A piece of the prompt: `source[start:end]`."""

    kind: Kind
    start: int
    end: int
    value: str


_VALUE_GROUPS = {Kind.FLAG: "name", Kind.SEPARATOR: "weight"}
_KINDS = {str(kind): (kind, _VALUE_GROUPS.get(kind, 0)) for kind in Kind}


def visible(text: str) -> str:
    """Replace every blank, control, direction or other invisible character by one space.

    The length stays, so a place in the result is a place in what was typed.
    """
    if text.isprintable():
        return text
    return text.translate({ord(character): " " for character in set(text) if _is_blank(character)})


def _is_blank(character: str) -> bool:
    if character.isspace():
        return True
    return unicodedata.category(character) in {"Cc", "Cf", "Cs"} and character not in _JOINERS


def tokenize(text: str) -> Iterator[Token]:
    """Yield the tokens of a text that went through `visible`, in order."""
    for match in _TOKEN.finditer(text):
        kind, group = _KINDS[match.lastgroup or ""]
        yield Token(kind, *match.span(), match[group] or "")


def leaves_quote_open(text: str) -> bool:
    """Whether a quotation mark opens in the text and nothing closes it there."""
    return _OPENING.search(_QUOTED_ALONE.sub("x", text)) is not None


def split_at_commas(text: str) -> list[str]:
    """Return what lies between the commas; a comma in quotation marks separates nothing."""
    pieces, start = [], 0
    for match in _QUOTED_OR_COMMA.finditer(text):
        if match["comma"]:
            pieces.append(text[start : match.start()])
            start = match.end()
    return [*pieces, text[start:]]
