"""The parameters, behind the text: names that have to be known, and their values."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, takewhile
from typing import Any, NoReturn

from bot.prompt.errors import BadValueError, quoted
from bot.prompt.flags import ELSEWHERE, Flag, likely_name, plain_name
from bot.prompt.parameters import Parameters
from bot.prompt.parser.combinations import Given, check_exclusion, check_weighed
from bot.prompt.parser.cursor import Cursor
from bot.prompt.tokenizer import Kind, Token
from bot.prompt.values import FreeText, Links, Switch, WordList


def read_parameters(cursor: Cursor, table: dict[str, Flag], *, has_images: bool) -> Parameters:
    """Read (flag value?)*."""
    values: dict[str, Any] = {}
    given: dict[str, Given] = {}
    while not cursor.is_at_end:
        one = _flag(cursor, table)
        check_exclusion(cursor, one, given)
        given[one.flag.name] = one
        values[one.flag.field] = _value(cursor, one)
    for one in given.values():
        check_weighed(cursor, one, given, has_images=has_images)
    return Parameters(**values)


def _flag(cursor: Cursor, table: dict[str, Flag]) -> Given:
    """Read dashes name; it has to be known."""
    token = cursor.take()
    if token.value not in table:
        _refuse_unknown(cursor, token, table)
    return Given(table[token.value], token)


def _value(cursor: Cursor, one: Given) -> Any:
    """Read nothing for a switch, all words for a word list, else one word."""
    tokens, kind = cursor.take_until_flag(), one.flag.kind
    taken = _taken(one.flag, tokens)
    if rest := tokens[len(taken) :]:
        _refuse_rest(cursor, one, rest)
    if isinstance(kind, Switch):
        return True
    if not taken:
        if one.flag.means_last:
            return kind.read("")
        reason = f"{one.typed} needs a value: {kind.describe()}."
        cursor.refuse(reason, _example(one.flag), one.token)
    typed = cursor.typed(*taken)
    try:
        return kind.read(typed)
    except BadValueError as error:
        reason = f"{one.typed}: {quoted(typed)} is not {error.expected}."
        cursor.refuse(reason, _instead(one, error), *taken, cause=error)


def _taken(flag: Flag, tokens: Sequence[Token]) -> Sequence[Token]:
    """Return the tokens that are this flag's value: a word has no space inside."""
    if isinstance(flag.kind, Switch):
        return ()
    if isinstance(flag.kind, WordList | FreeText | Links):
        return tokens
    joined = takewhile(lambda pair: pair[0].end == pair[1].start, pairwise(tokens))
    return tokens[: 1 + sum(1 for _ in joined)]


def _refuse_unknown(cursor: Cursor, token: Token, table: dict[str, Flag]) -> NoReturn:
    name = token.value
    if (plain := plain_name(name)) in ELSEWHERE:
        cursor.refuse(f"There is no parameter --{plain}.", ELSEWHERE[plain], token)
    letters = len(name) - len(name.lstrip("abcdefghijklmnopqrstuvwxyz"))
    glued, value = name[:letters], name[letters:].lstrip("=:")
    if glued in table and value:
        hint = f"Put a space before the value: --{glued} {quoted(value)}."
    elif (likely := likely_name(name, table)) == "model":
        hint = f"Did you mean --model? It takes {table['model'].kind.describe()}."
    elif likely:
        hint = f"Did you mean --{likely}?"
    elif not cursor.typed(token).startswith("-"):
        hint = "If it is text, put a space behind the dash."
    else:
        names = dict.fromkeys(flag.name for flag in table.values())
        hint = "There are " + ", ".join(f"--{name}" for name in names) + "."
    cursor.refuse(f"There is no parameter --{quoted(name)}.", hint, token)


def _refuse_rest(cursor: Cursor, one: Given, rest: Sequence[Token]) -> NoReturn:
    if all(token.kind is Kind.COMMA for token in rest):
        reason, hint = "Parameters are separated by spaces, not commas.", "Leave the comma out."
    else:
        text = quoted(cursor.typed(*rest))
        reason = f"Parameters go last, but {text} comes behind {one.typed}."
        first = next(token for token in cursor.tokens if token.kind is Kind.FLAG)
        hint = f"Move it before --{first.value}."
    cursor.refuse(reason, hint, *rest)


def _example(flag: Flag) -> str:
    return f"For example: {flag.usage()}." if flag.example else "Leave it out."


def _instead(one: Given, error: BadValueError) -> str:
    """Return what to type instead: the value that was probably meant, if it is one."""
    kind = one.flag.kind
    if isinstance(kind, Switch):
        return "Leave the value out."
    try:
        kind.read(error.suggestion)
    except BadValueError:
        return _example(one.flag)
    return f"Try {one.typed} {error.suggestion}."
