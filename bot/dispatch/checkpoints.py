"""The places where a fall would hurt most, named, so that falling there can be tried."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum


class Checkpoint(StrEnum):
    """A moment at which something was done and not yet written, or written and not yet told."""

    ACKNOWLEDGED = "acknowledged"
    """The message thinks; nothing of it is in the queue."""
    CLAIMED = "claimed"
    """The row says running; no worker knows of it."""
    DRAWN = "drawn"
    """The pictures are here; nothing of them is stored."""
    FINISHED = "finished"
    """The row says done; nobody was told."""
    SENT = "sent"
    """Discord has the grid; the row does not say so."""


Passing = Callable[[Checkpoint], None]
"""Is called at each checkpoint."""


def pass_by(_checkpoint: Checkpoint) -> None:
    """Do nothing: what a bot does at a checkpoint unless it is told otherwise."""
