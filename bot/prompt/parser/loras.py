"""LoRAs in the text, as AUTOMATIC1111's web UI spells them.

lora = "<lora:" name [":" number] ">"
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.prompt.errors import BadValueError, quoted
from bot.prompt.parser.cursor import Cursor
from bot.prompt.prompt import Lora
from bot.prompt.tokenizer import COMMAS, Token
from bot.prompt.values import Choice, Number

MAX_LORAS = 8
WEIGHTS = Number(-2, 2)

_FORM = "<lora:name> or <lora:name:0.8>"


class Loras:
    """The LoRAs of one prompt, each of them one of `names`, gathered while its text is read."""

    def __init__(self, cursor: Cursor, names: Sequence[str]) -> None:
        self.found: tuple[Lora, ...] = ()
        self._cursor = cursor
        self._names = names

    def add(self, token: Token) -> None:
        """Read one, which has to end a word."""
        cursor = self._cursor
        try:
            lora = self._lora(token.value)
        except BadValueError as error:
            hint = f"Try {error.suggestion}." if error.suggestion else "Leave it out."
            reason = f"{quoted(token.value)} is not {error.expected}."
            cursor.refuse(reason, hint, token, cause=error)
        behind = cursor.text[token.end : token.end + 1]
        if behind not in ("", *f" :)]{COMMAS}") and not cursor.text.startswith("<lora:", token.end):
            cursor.refuse("A LoRA ends with a space.", "Put a space behind it.", token)
        if any(other.name == lora.name for other in self.found):
            cursor.refuse(f"The LoRA {lora.name} is given twice.", "Keep one of them.", token)
        if len(self.found) == MAX_LORAS:
            cursor.refuse(f"The limit is {MAX_LORAS} LoRAs.", "Leave some out.", token)
        self.found += (lora,)

    def _lora(self, text: str) -> Lora:
        name, separator, weight = text.removeprefix("<lora:").removesuffix(">").partition(":")
        if not text.endswith(">") or not name or (separator and not weight):
            raise BadValueError(_FORM)
        number = WEIGHTS.read(weight) if weight else 1.0
        if not self._names:
            raise BadValueError("known: no LoRAs are on this machine")
        return Lora(Choice(tuple(self._names)).read(name), number)
