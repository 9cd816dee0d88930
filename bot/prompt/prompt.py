"""A prompt that has been read: its parts, its parameters, and the way back to text."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.prompt.flags import FLAGS
from bot.prompt.kinds import number_text
from bot.prompt.parameters import DEFAULTS, Parameters


@dataclass(frozen=True, slots=True)
class Part:
    """One concept of the text, and its weight among the others (`hot::2`)."""

    text: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What someone asked for. At least one part; the weights' sum is above 0."""

    parts: tuple[Part, ...]
    parameters: Parameters = DEFAULTS

    def canonical(self) -> str:
        """Return the text that says the same with nothing left out but defaults.

        Reading it back gives an equal prompt.
        """
        return " ".join([self._text(), *self._flags()])

    def with_seed(self, seed: int) -> Prompt:
        """Return this prompt with the seed that was drawn for it."""
        return replace(self, parameters=replace(self.parameters, seed=seed))

    def for_variations(self) -> Prompt:
        """Return what variations of a picture inherit: all but what shapes the first grid only."""
        reset = {flag.name: flag.default for flag in FLAGS if not flag.affects_variations}
        return replace(self, parameters=replace(self.parameters, **reset))

    def _text(self) -> str:
        *heads, tail = self.parts
        texts = [_weighted(part) for part in heads]
        texts.append(tail.text if tail.weight == 1 else _weighted(tail))
        return " ".join(texts)

    def _flags(self) -> list[str]:
        values = [(flag, getattr(self.parameters, flag.name)) for flag in FLAGS]
        return [
            f"--{flag.name} {flag.kind.write(value)}".rstrip()
            for flag, value in values
            if value != flag.default
        ]


def _weighted(part: Part) -> str:
    weight = "" if part.weight == 1 else number_text(part.weight)
    # A colon at the end of the text would melt into the separator.
    space = " " if part.text.endswith(":") else ""
    return f"{part.text}{space}::{weight}"
