"""The names that can be typed on one machine: they differ from one to the next."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """What is here to draw with."""

    models: tuple[str, ...] = ()
    """What --model takes."""
    versions: tuple[float, ...] = ()
    """What --version takes, rising."""
    niji: tuple[float, ...] = ()
    """What --niji takes, rising."""
    loras: tuple[str, ...] = ()
    """What `<lora:...>` takes."""


NOTHING = Vocabulary()
