"""LoRAs in the text, as AUTOMATIC1111's web UI spells them.

lora = "<lora:" name [":" number] ">"
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.prompt.kinds import BadValueError, Choice, Number

WEIGHTS = Number(-2, 2)
_FORM = "<lora:name> or <lora:name:0.8>"


def read_lora(text: str, names: Sequence[str]) -> tuple[str, float]:
    """Return the name, one of `names`, and the weight. Raises BadValueError."""
    name, separator, weight = text.removeprefix("<lora:").removesuffix(">").partition(":")
    if not text.endswith(">") or not name or (separator and not weight):
        raise BadValueError(_FORM)
    number = WEIGHTS.read(weight) if weight else 1.0
    if not names:
        raise BadValueError("known: no LoRAs are on this machine")
    return Choice(tuple(names)).read(name), number
