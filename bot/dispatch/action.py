"""What jobs are made by: stored with each, and shown on its message."""

from __future__ import annotations

from enum import StrEnum

from bot.recipe import Variation


class Action(StrEnum):
    """The wish behind a job."""

    IMAGINE = "imagine"
    """A grid drawn from a prompt."""
    VARIATION_SUBTLE = "variation_subtle"
    """Four pictures close to another."""
    VARIATION_STRONG = "variation_strong"
    """Four pictures of what another shows."""
    BLEND = "blend"
    """Four pictures that lie between others."""
    DESCRIBE = "describe"
    """Words for a picture."""
    SHORTEN = "shorten"
    """The words that matter in a prompt."""


VARIATIONS = {
    Variation.SUBTLE: Action.VARIATION_SUBTLE,
    Variation.STRONG: Action.VARIATION_STRONG,
}
