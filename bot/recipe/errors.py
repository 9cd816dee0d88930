"""What a recipe refuses."""

from __future__ import annotations


class CannotDrawError(ValueError):
    """A prompt that asks for what no engine here draws."""
