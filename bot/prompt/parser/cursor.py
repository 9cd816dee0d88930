"""The place in a prompt up to which it has been read, and the way to refuse what stands there."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import NoReturn

from bot.prompt.errors import BadValueError, PromptError, quoted
from bot.prompt.tokenizer import Kind, Token, tokenize, visible
from bot.prompt.values import read_weight


class Cursor:
    """The tokens of one prompt, taken from left to right."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.text = visible(source)
        self.tokens = list(tokenize(self.text))
        self.position = 0

    @property
    def is_at_end(self) -> bool:
        """Whether every token has been taken."""
        return self.position == len(self.tokens)

    def take(self) -> Token:
        """Take the next token."""
        self.position += 1
        return self.tokens[self.position - 1]

    def take_if(self, kind: Kind) -> Token | None:
        """Take the next token if there is one of this kind."""
        is_next = not self.is_at_end and self.tokens[self.position].kind is kind
        return self.take() if is_next else None

    def take_until_flag(self) -> Sequence[Token]:
        """Take what lies before the next flag, or before the end."""
        rest = self.tokens[self.position :]
        taken = list(takewhile(lambda token: token.kind is not Kind.FLAG, rest))
        self.position += len(taken)
        return taken

    def typed(self, *tokens: Token) -> str:
        """Return the text from the first of these tokens to the last."""
        return self.text[tokens[0].start : tokens[-1].end]

    def weight(self, typed: str, token: Token, hint: str) -> float:
        """Return the number of a weight that is part of a token."""
        try:
            return read_weight(typed)
        except BadValueError as error:
            reason = f"The weight {quoted(typed)} is not {error.expected}."
            self.refuse(reason, hint, token, cause=error)

    def refuse(
        self, message: str, hint: str, *tokens: Token, cause: Exception | None = None
    ) -> NoReturn:
        """Raise a PromptError that points from the first of these tokens to the last."""
        self.refuse_span(message, hint, tokens[0].start, tokens[-1].end, cause=cause)

    def refuse_span(
        self, message: str, hint: str, start: int, end: int, *, cause: Exception | None = None
    ) -> NoReturn:
        """Raise a PromptError that points at the characters from `start` to `end`."""
        raise PromptError(message, source=self.source, start=start, end=end, hint=hint) from cause
