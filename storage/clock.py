"""What time it is. Stores take a `Clock`, so that a test can end a lease without waiting."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the time now, with its time zone."""


def utc_now() -> datetime:
    """Return the time now in UTC."""
    return datetime.now(UTC)
