"""Which parameters go together: given once, not against another, not without what they weigh."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from bot.prompt.flags import Flag
from bot.prompt.parser.cursor import Cursor
from bot.prompt.tokenizer import Token

_WHY_NOT_BOTH: Mapping[frozenset[str], str] = {
    frozenset({"seed", "repeat"}): "would draw the same pictures again and again",
    frozenset({"sameseed", "repeat"}): "would draw the same pictures again and again",
    **dict.fromkeys(
        (frozenset({"turbo", "fast"}), frozenset({"turbo", "relax"}), frozenset({"fast", "relax"})),
        "are two lanes, and a job waits in one",
    ),
}
"""Why two flags exclude each other, where they do not just say the same thing in two ways."""


class Given(NamedTuple):
    """A flag, and where it was typed."""

    flag: Flag
    token: Token

    @property
    def typed(self) -> str:
        """The flag by the name that it was given by."""
        return f"--{self.token.value}"


def check_exclusion(cursor: Cursor, one: Given, given: Mapping[str, Given]) -> None:
    """Refuse a flag that was given before, and one against another."""
    for name in (one.flag.name, *one.flag.excludes):
        if name in given:
            reason = _why_not_both(given[name], one)
            cursor.refuse(reason, "Keep one of them.", one.token)


def _why_not_both(earlier: Given, one: Given) -> str:
    if earlier.flag is not one.flag:
        both = frozenset({earlier.flag.name, one.flag.name})
        why = _WHY_NOT_BOTH.get(both, "say the same thing in two ways")
        return f"{earlier.typed} and {one.typed} {why}."
    if earlier.typed == one.typed:
        return f"{one.typed} is given twice."
    return f"{earlier.typed} and {one.typed} are the same parameter, given twice."


def check_weighed(
    cursor: Cursor, one: Given, given: Mapping[str, Given], *, has_images: bool
) -> None:
    """Refuse a weight of pictures that are not there."""
    weighs = one.flag.weighs
    if weighs == "images" and not has_images:
        reason, hint = f"{one.typed} weighs pictures by link", "Begin with a link"
    elif weighs and weighs != "images" and weighs not in given:
        reason, hint = f"{one.typed} weighs --{weighs}", f"Add --{weighs} and a link"
    else:
        return
    cursor.refuse(f"{reason}, and there is none.", f"{hint}, or leave it out.", one.token)
