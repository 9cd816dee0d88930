"""A user's own parameters and suffix, which become text before the prompt is read.

`--mine` is replaced by what the user saved under that name; the suffix goes last, without what the
text says already. Knows neither who the user is nor where the two are kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from bot.prompt.errors import PromptError
from bot.prompt.flags import flag_table
from bot.prompt.parser import MAX_CHARACTERS
from bot.prompt.tokenizer import Kind, Token, tokenize, visible

_TABLE = flag_table()
_BRACE = re.compile(r"(\\[{}])|[{}]")


def expand(text: str, options: Mapping[str, str], suffix: str) -> str:
    """Return the text with the user's own `options` (by name) and `suffix` written out.

    A parameter of the table cannot be replaced, and what an option stands for is not expanded
    again. Raises PromptError where the suffix holds more than parameters, and where the whole
    becomes too long.
    """
    expanded = _with_options(text, options)
    return " ".join([expanded, *_missing(expanded, suffix)]) if suffix.strip() else expanded


def _with_options(text: str, options: Mapping[str, str]) -> str:
    if not options:
        return text
    pieces, position, length = [], 0, len(text)
    for token in _flags(text):
        if token.value in options and token.value not in _TABLE:
            value = options[token.value]
            length += len(value) - (token.end - token.start)
            if length > MAX_CHARACTERS and length > len(text):
                raise PromptError(
                    f"--{token.value} makes the prompt longer than {MAX_CHARACTERS} characters.",
                    source=text,
                    start=token.start,
                    end=token.end,
                    hint="Leave it out, or save something shorter under that name.",
                )
            pieces += [text[position : token.start], value]
            position = token.end
    return "".join([*pieces, text[position:]])


def _missing(text: str, suffix: str) -> Iterator[str]:
    """Yield the parameters of the suffix that the text does not give, or rule out, itself."""
    given = {_TABLE[token.value].name for token in _flags(text) if token.value in _TABLE}
    flags = list(_flags(suffix))
    head = suffix[: flags[0].start] if flags else suffix
    if head.strip():
        raise PromptError(
            "A suffix holds parameters only.",
            source=suffix,
            start=0,
            end=len(head.rstrip()),
            hint="Begin it with --, as in --no text.",
        )
    ends = [*(token.start for token in flags[1:]), len(suffix)]
    for token, end in zip(flags, ends, strict=True):
        flag = _TABLE.get(token.value)
        if flag is None or not given.intersection((flag.name, *flag.excludes)):
            yield suffix[token.start : end].strip()


def _flags(text: str) -> Iterator[Token]:
    """Yield the flags of a text in which braces of permutations may stand around them."""
    bare = _BRACE.sub(lambda brace: brace[1] or " ", visible(text))
    return (token for token in tokenize(bare) if token.kind is Kind.FLAG)
