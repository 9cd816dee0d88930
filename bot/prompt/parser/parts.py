"""The text: its parts, and the weights that separate them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.prompt.flags import Flag
from bot.prompt.parser.cursor import Cursor
from bot.prompt.parser.loras import Loras
from bot.prompt.prompt import Part
from bot.prompt.tokenizer import COMMAS, Kind, Token
from bot.prompt.values import MAX_WEIGHT

MAX_PARTS = 20


def read_parts(
    cursor: Cursor, *, loras: Loras, table: Mapping[str, Flag], has_images: bool
) -> tuple[Part, ...]:
    """Read [part (separator part)* [separator]]; its LoRAs are added to `loras`."""
    tokens = cursor.take_until_flag()
    # A separator at the very end separates nothing.
    count = 1 + sum(token.kind is Kind.SEPARATOR for token in tokens[:-1])
    if count > MAX_PARTS:
        reason = f"The text has {count} parts, the limit is {MAX_PARTS}."
        cursor.refuse(reason, "Join some with commas.", *tokens)
    parts, first = [], 0
    for index, token in enumerate(tokens):
        if token.kind is Kind.SEPARATOR:
            text = _text(cursor, tokens[first:index], loras=loras, table=table)
            if text is None:
                cursor.refuse("There is no text before this ::.", "Write text::2.", token)
            parts.append(Part(text, _weight(cursor, token)))
            first = index + 1
    if (last := _text(cursor, tokens[first:], loras=loras, table=table)) is not None:
        parts.append(Part(last))
    if not parts and not has_images:
        end = tokens[-1].end if tokens else 0
        cursor.refuse_span("There is nothing to draw.", "Say what you want to see.", 0, end)
    total = sum(part.weight for part in parts)
    if parts and total <= 0:
        reason = f"The weights sum up to {total:g}, but the sum must be above 0."
        cursor.refuse(reason, "Raise a weight, or use --no for what shall not be.", *tokens)
    # A part that is alone needs no weight.
    return (Part(parts[0].text),) if len(parts) == 1 else tuple(parts)


def _text(
    cursor: Cursor, tokens: Sequence[Token], *, loras: Loras, table: Mapping[str, Flag]
) -> str | None:
    """Read (word | quoted | comma | lora)+; blanks are folded, outer commas dropped."""
    words = [token for token in tokens if token.kind is not Kind.LORA]
    for index, token in enumerate(words):
        if token.kind is Kind.LINK or token.value[:1] == "-":
            _refuse_no_text(cursor, token, words[index + 1 : index + 2], table)
    if not tokens:
        return None
    pieces, start = [], tokens[0].start
    for token in tokens:
        if token.kind is Kind.LORA:
            loras.add(token)
            pieces.append(cursor.text[start : token.start])
            start = token.end
    pieces.append(cursor.text[start : tokens[-1].end])
    text = " ".join(" ".join(pieces).split())
    return text.strip(COMMAS + " ") or None


def _refuse_no_text(
    cursor: Cursor, token: Token, following: Sequence[Token], table: Mapping[str, Flag]
) -> None:
    """Refuse what is no text, and what is almost a parameter."""
    if token.kind is Kind.LINK:
        hint = "Move it to the front, or put it in quotation marks if it is text."
        cursor.refuse("Links to pictures go first.", hint, token)
    name = token.value[1:]
    before = cursor.text[max(0, token.start - 1) : token.start]
    if len(name) > 1 and name in table and before in ("", " ", ":", *COMMAS):
        reason = f"A parameter begins with two hyphens, not one: -{name}."
        cursor.refuse(reason, f"Did you mean --{name}?", token)
    if token.value == "--" and following and following[0].value in table:
        name = following[0].value
        reason = f"There is a space between the hyphens and {name}."
        cursor.refuse(reason, f"Did you mean --{name}?", token, *following)


def _weight(cursor: Cursor, token: Token) -> float:
    """Read the number directly behind a separator; it has to end a word."""
    if token.end - token.start - len(token.value) != len("::"):
        cursor.refuse("Parts of a prompt are separated by two colons.", "Write ::.", token)
    if not token.value:
        return 1.0
    weight = cursor.weight(token.value, token, "Put a space behind :: if this is text.")
    if cursor.text[token.end : token.end + 1] not in ("", " ", *COMMAS):
        cursor.refuse("A weight ends with a space.", "Write text::2 more text.", token)
    if abs(weight) > MAX_WEIGHT:
        reason = f"The weight {token.value} is outside -{MAX_WEIGHT} to {MAX_WEIGHT}."
        cursor.refuse(reason, "Only ratios matter.", token)
    return weight
