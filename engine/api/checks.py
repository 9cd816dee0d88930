"""What every request checks when it is made, and what it raises."""

from __future__ import annotations

MAX_PROMPT_CHARACTERS = 8000


class RequestError(ValueError):
    """A request that no engine could draw.

    `field` is the name of the field, `reason` a sentence that gives the value and the range.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


def check_range(field: str, value: float, low: float, high: float) -> None:
    """Refuse what is outside of a range, its ends belonging to it."""
    # NaN compares false with everything, so the test is written to refuse it.
    if not (low <= value <= high):
        raise RequestError(field, f"{value} is outside {low:g} to {high:g}")


def check_image(field: str, sha256: str) -> None:
    """Refuse what is no sha256 in hexadecimal."""
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
        raise RequestError(field, f"{sha256[:80]!r} is not a sha256 in hexadecimal")


def check_prompt(field: str, text: str) -> None:
    """Refuse a text that is too long."""
    if len(text) > MAX_PROMPT_CHARACTERS:
        raise RequestError(field, f"has {len(text)} characters, the limit is 8000")


def check_model(model: str) -> None:
    """Refuse a name that is none."""
    if not model:
        raise RequestError("model", "is empty; give a name from the catalog")
