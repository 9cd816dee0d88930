"""Read a prompt: text first, parameters last.

The grammar, over the tokens of `bot.prompt.tokenizer`::

    prompt     = image* parts parameter*
    image      = link comma*
    parts      = part (separator part)* [separator]
    parameter  = flag value?         as many words as the flag's kind takes
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise, takewhile
from typing import Any, NamedTuple, NoReturn

from bot.prompt.errors import PromptError, quoted
from bot.prompt.flags import (
    ELSEWHERE,
    WHY_NOT_BOTH,
    Flag,
    flag_table,
    likely_name,
    plain_name,
)
from bot.prompt.kinds import BadValueError, FreeText, Switch, WordList, read_number
from bot.prompt.links import MAX_WEIGHT, ImagePrompt, Links, read_link
from bot.prompt.loras import read_lora
from bot.prompt.parameters import Parameters
from bot.prompt.prompt import Lora, Part, Prompt
from bot.prompt.tokenizer import COMMAS, Kind, Token, tokenize, visible
from bot.prompt.vocabulary import NOTHING, Vocabulary

MAX_CHARACTERS = 6000
MAX_PARTS = 20
MAX_IMAGES = 5
MAX_LORAS = 8

_MINUS = re.compile("[\u2212\u2013]")


def parse(text: str, vocabulary: Vocabulary = NOTHING) -> Prompt:
    """Read one prompt. Raises PromptError only.

    Braces are plain text here: see `bot.prompt.permutations`.
    """
    check_length(text)
    return _Parser(text, vocabulary).prompt()


def check_length(text: str) -> None:
    """Refuse a text that is too long. Raises PromptError."""
    if len(text) > MAX_CHARACTERS:
        raise PromptError(
            f"The prompt has {len(text)} characters, the limit is {MAX_CHARACTERS}.",
            source=text,
            start=MAX_CHARACTERS,
            end=len(text),
            hint="Leave out what is marked.",
        )


class _Given(NamedTuple):
    """A flag as it was typed, and where."""

    flag: Flag
    typed: str
    start: int
    end: int


class _Parser:
    """One prompt on its way through the grammar; a method for each production."""

    def __init__(self, source: str, vocabulary: Vocabulary) -> None:
        self.source = source
        self.text = visible(source)
        self.tokens = list(tokenize(self.text))
        self.position = 0
        self.table = flag_table(vocabulary)
        self.known_loras = vocabulary.loras
        self.loras: list[Lora] = []

    def prompt(self) -> Prompt:
        """Read image* parts parameter*."""
        images = self._images()
        parts = self._parts(images)
        values: dict[str, Any] = {}
        given: dict[str, _Given] = {}
        while self.position < len(self.tokens):
            flag = self._flag(given)
            values[flag.field] = self._value(given[flag.name])
        for one in given.values():
            self._check_weighed(one, images=images, given=given)
        return Prompt(
            images=images, parts=parts, loras=tuple(self.loras), parameters=Parameters(**values)
        )

    def _check_weighed(
        self, typed: _Given, *, images: Sequence[ImagePrompt], given: Mapping[str, _Given]
    ) -> None:
        """Refuse a weight of pictures that are not there."""
        weighs = typed.flag.weighs
        if weighs == "images" and not images:
            reason, hint = f"{typed.typed} weighs pictures by link", "Begin with a link"
        elif weighs and weighs != "images" and weighs not in given:
            reason, hint = f"{typed.typed} weighs --{weighs}", f"Add --{weighs} and a link"
        else:
            return
        self._refuse_span(
            f"{reason}, and there is none.", typed.start, typed.end, f"{hint}, or leave it out."
        )

    # Pictures

    def _images(self) -> tuple[ImagePrompt, ...]:
        """Read (link comma*)*."""
        images: list[ImagePrompt] = []
        while self.position < len(self.tokens) and self.tokens[self.position].kind is Kind.LINK:
            token = self._next()
            if len(images) == MAX_IMAGES:
                reason = f"The limit is {MAX_IMAGES} pictures by link."
                self._refuse(reason, token, "Leave out this link and those behind it.")
            images.append(self._image(token))
            while self.position < len(self.tokens) and (
                self.tokens[self.position].kind is Kind.COMMA
            ):
                self.position += 1
        if not images:
            return ()
        if sum(image.weight for image in images) <= 0:
            end = self.tokens[self.position - 1].end
            reason = "The pictures' weights sum up to 0."
            self._refuse_span(reason, self.tokens[0].start, end, "Raise a weight above 0.")
        return (ImagePrompt(images[0].url),) if len(images) == 1 else tuple(images)

    def _image(self, token: Token) -> ImagePrompt:
        typed = self.text[token.start : token.end]
        try:
            url, weight = read_link(typed)
        except BadValueError as error:
            hint = "Copy the picture's own link."
            self._refuse(f"{quoted(typed)} is not {error.expected}.", token, hint, error)
        if not weight:
            return ImagePrompt(url)
        number = self._number(weight, token, "Write https://...::2, then a space.")
        if not 0 <= number <= MAX_WEIGHT:
            bounds = f"outside 0 to {MAX_WEIGHT}"
            self._refuse(f"The weight {weight} is {bounds}.", token, "Only ratios matter.")
        return ImagePrompt(url, number)

    # Text

    def _parts(self, images: Sequence[ImagePrompt]) -> tuple[Part, ...]:
        """Read part (separator part)* [separator]."""
        tokens = self._until_flag()
        # A separator at the very end separates nothing.
        count = 1 + sum(token.kind is Kind.SEPARATOR for token in tokens[:-1])
        if count > MAX_PARTS:
            reason = f"The text has {count} parts, the limit is {MAX_PARTS}."
            start, end = tokens[0].start, tokens[-1].end
            self._refuse_span(reason, start, end, "Join some with commas.")
        parts, first = [], 0
        for index, token in enumerate(tokens):
            if token.kind is Kind.SEPARATOR:
                part = self._part(tokens[first:index])
                if part is None:
                    self._refuse("There is no text before this ::.", token, "Write text::2.")
                parts.append(Part(part, self._weight(token)))
                first = index + 1
        if (last := self._part(tokens[first:])) is not None:
            parts.append(Part(last))
        return self._checked(parts, tokens, images)

    def _part(self, tokens: Sequence[Token]) -> str | None:
        """Read (word | quoted | comma | lora)+; blanks are folded, outer commas dropped."""
        words = [token for token in tokens if token.kind is not Kind.LORA]
        for index, token in enumerate(words):
            if token.kind is Kind.LINK or token.value[:1] == "-":
                self._refuse_in_text(token, words[index + 1 : index + 2])
        if not tokens:
            return None
        pieces, start = [], tokens[0].start
        for token in tokens:
            if token.kind is Kind.LORA:
                self.loras.append(self._lora(token))
                pieces.append(self.text[start : token.start])
                start = token.end
        pieces.append(self.text[start : tokens[-1].end])
        text = " ".join(" ".join(pieces).split())
        return text.strip(COMMAS + " ") or None

    def _lora(self, token: Token) -> Lora:
        """Read "<lora:" name [":" number] ">", which has to end a word."""
        try:
            name, weight = read_lora(token.value, self.known_loras)
        except BadValueError as error:
            hint = f"Try {error.suggestion}." if error.suggestion else "Leave it out."
            reason = f"{quoted(token.value)} is not {error.expected}."
            self._refuse(reason, token, hint, error)
        behind = self.text[token.end : token.end + 1]
        if behind not in ("", *f" :)]{COMMAS}") and not self.text.startswith("<lora:", token.end):
            self._refuse("A LoRA ends with a space.", token, "Put a space behind it.")
        if any(lora.name == name for lora in self.loras):
            self._refuse(f"The LoRA {name} is given twice.", token, "Keep one of them.")
        if len(self.loras) == MAX_LORAS:
            self._refuse(f"The limit is {MAX_LORAS} LoRAs.", token, "Leave some out.")
        return Lora(name, weight)

    def _refuse_in_text(self, token: Token, following: Sequence[Token]) -> None:
        """Refuse what is no text, and what is almost a parameter."""
        if token.kind is Kind.LINK:
            hint = "Move it to the front, or put it in quotation marks if it is text."
            self._refuse("Links to pictures go first.", token, hint)
        name = token.value[1:]
        if len(name) > 1 and name in self.table and self._begins_word(token):
            self._refuse(
                f"A parameter begins with two hyphens, not one: -{name}.", token, _try(name)
            )
        if token.value == "--" and following and following[0].value in self.table:
            name = following[0].value
            reason = f"There is a space between the hyphens and {name}."
            self._refuse(reason, token, _try(name), end=following[0].end)

    def _begins_word(self, token: Token) -> bool:
        return self.text[max(0, token.start - 1) : token.start] in ("", " ", ":", *COMMAS)

    def _weight(self, token: Token) -> float:
        """Read the number directly behind a separator; it has to end a word."""
        if token.end - token.start - len(token.value) != len("::"):
            self._refuse("Parts of a prompt are separated by two colons.", token, "Write ::.")
        if not token.value:
            return 1.0
        ends_word = self.text[token.end : token.end + 1] in ("", " ", *COMMAS)
        weight = self._number(token.value, token, "Put a space behind :: if this is text.")
        if not ends_word:
            self._refuse("A weight ends with a space.", token, "Write text::2 more text.")
        if abs(weight) > MAX_WEIGHT:
            bounds = f"outside -{MAX_WEIGHT} to {MAX_WEIGHT}"
            self._refuse(f"The weight {token.value} is {bounds}.", token, "Only ratios matter.")
        return weight

    def _number(self, typed: str, token: Token, hint: str) -> float:
        try:
            return read_number(_MINUS.sub("-", typed))
        except BadValueError as error:
            reason = f"The weight {quoted(typed)} is not {error.expected}."
            self._refuse(reason, token, hint, error)

    def _checked(
        self, parts: list[Part], tokens: Sequence[Token], images: Sequence[ImagePrompt]
    ) -> tuple[Part, ...]:
        """Refuse what nothing can be drawn from; a part that is alone needs no weight."""
        start = tokens[0].start if tokens else 0
        end = tokens[-1].end if tokens else 0
        if not parts and not images:
            self._refuse_span("There is nothing to draw.", 0, end, "Say what you want to see.")
        total = sum(part.weight for part in parts)
        if parts and total <= 0:
            reason = f"The weights sum up to {total:g}, but the sum must be above 0."
            hint = "Raise a weight, or use --no for what shall not be."
            self._refuse_span(reason, start, end, hint)
        return (Part(parts[0].text),) if len(parts) == 1 else tuple(parts)

    # Parameters

    def _flag(self, given: dict[str, _Given]) -> Flag:
        """Read dashes name; it has to be known, given once, and not against another."""
        token = self._next()
        if token.value not in self.table:
            self._refuse_unknown(token)
        flag = self.table[token.value]
        for name in (flag.name, *flag.excludes):
            if name in given:
                self._refuse_again(token, given[name], flag)
        given[flag.name] = _Given(flag, f"--{token.value}", token.start, token.end)
        return flag

    def _value(self, given: _Given) -> Any:
        """Read nothing for a switch, all words for a word list, else one word."""
        tokens = self._until_flag()
        taken = self._taken(given.flag, tokens)
        if rest := tokens[len(taken) :]:
            self._refuse_rest(given, rest)
        if isinstance(given.flag.kind, Switch):
            return True
        if not taken:
            if given.flag.means_last:
                return given.flag.kind.read("")
            reason = f"{given.typed} needs a value: {given.flag.kind.describe()}."
            self._refuse_span(reason, given.start, given.end, _example(given.flag))
        start, end = taken[0].start, taken[-1].end
        try:
            return given.flag.kind.read(self.text[start:end])
        except BadValueError as error:
            reason = f"{given.typed}: {quoted(self.text[start:end])} is not {error.expected}."
            self._refuse_span(reason, start, end, _instead(given, error), error)

    def _taken(self, flag: Flag, tokens: Sequence[Token]) -> Sequence[Token]:
        """Return the tokens that are this flag's value: a word has no space inside."""
        if isinstance(flag.kind, Switch):
            return ()
        if isinstance(flag.kind, WordList | FreeText | Links):
            return tokens
        joined = takewhile(lambda pair: pair[0].end == pair[1].start, pairwise(tokens))
        return tokens[: 1 + sum(1 for _ in joined)]

    # Tokens

    def _next(self) -> Token:
        self.position += 1
        return self.tokens[self.position - 1]

    def _until_flag(self) -> Sequence[Token]:
        rest = self.tokens[self.position :]
        taken = list(takewhile(lambda token: token.kind is not Kind.FLAG, rest))
        self.position += len(taken)
        return taken

    # Refusals

    def _refuse_unknown(self, token: Token) -> NoReturn:
        typed = self.text[token.start : token.end]
        name = token.value
        if (plain := plain_name(name)) in ELSEWHERE:
            self._refuse(f"There is no parameter --{plain}.", token, ELSEWHERE[plain])
        letters = len(name) - len(name.lstrip("abcdefghijklmnopqrstuvwxyz"))
        glued, value = name[:letters], name[letters:].lstrip("=:")
        if glued in self.table and value:
            hint = f"Put a space before the value: --{glued} {quoted(value)}."
        elif (likely := likely_name(name, self.table)) == "model":
            hint = f"{_try(likely)} It takes {self.table[likely].kind.describe()}."
        elif likely:
            hint = _try(likely)
        elif typed[0] != "-":
            hint = "If it is text, put a space behind the dash."
        else:
            hint = "There are " + ", ".join(f"--{flag.name}" for flag in self._rows()) + "."
        self._refuse(f"There is no parameter --{quoted(name)}.", token, hint)

    def _refuse_again(self, token: Token, earlier: _Given, flag: Flag) -> NoReturn:
        typed = f"--{token.value}"
        if earlier.flag is not flag:
            both = frozenset({earlier.flag.name, flag.name})
            why = WHY_NOT_BOTH.get(both, "say the same thing in two ways")
            reason = f"{earlier.typed} and {typed} {why}."
        elif earlier.typed == typed:
            reason = f"{typed} is given twice."
        else:
            reason = f"{earlier.typed} and {typed} are the same parameter, given twice."
        self._refuse(reason, token, "Keep one of them.")

    def _refuse_rest(self, given: _Given, rest: Sequence[Token]) -> NoReturn:
        text = quoted(self.text[rest[0].start : rest[-1].end])
        if all(token.kind is Kind.COMMA for token in rest):
            reason, hint = "Parameters are separated by spaces, not commas.", "Leave the comma out."
        else:
            reason = f"Parameters go last, but {text} comes behind {given.typed}."
            hint = f"Move it before {self._first_flag()}."
        self._refuse_span(reason, rest[0].start, rest[-1].end, hint)

    def _first_flag(self) -> str:
        first = next(token for token in self.tokens if token.kind is Kind.FLAG)
        return f"--{first.value}"

    def _rows(self) -> list[Flag]:
        return list(dict.fromkeys(self.table.values()))

    def _refuse(
        self,
        message: str,
        token: Token,
        hint: str,
        cause: Exception | None = None,
        *,
        end: int | None = None,
    ) -> NoReturn:
        self._refuse_span(message, token.start, token.end if end is None else end, hint, cause)

    def _refuse_span(
        self, message: str, start: int, end: int, hint: str, cause: Exception | None = None
    ) -> NoReturn:
        raise PromptError(message, source=self.source, start=start, end=end, hint=hint) from cause


def _try(name: str) -> str:
    return f"Did you mean --{name}?"


def _example(flag: Flag) -> str:
    return f"For example: {flag.usage()}." if flag.example else "Leave it out."


def _instead(given: _Given, error: BadValueError) -> str:
    """Return what to type instead: the value that was probably meant, if it is one."""
    if isinstance(given.flag.kind, Switch):
        return "Leave the value out."
    try:
        given.flag.kind.read(error.suggestion)
    except BadValueError:
        return _example(given.flag)
    return f"Try {given.typed} {error.suggestion}."
