"""What is never composed for training, so that `judge` can ask for what was never shown.

The rules are checksums of words: anyone can repeat them, and no list has to be stored.
"""

from zlib import crc32

NEVER_TINTED = frozenset({("red apple", "blue"), ("cat face", "green")})


def is_unseen_tint(label: str, colour: str) -> bool:
    """Tell whether a thing, by its emojibase label, is never shown in a colour not its own."""
    return (label, colour) in NEVER_TINTED or crc32(f"{label}/{colour}".encode()) % 12 == 0


def is_unseen_sight(label: str, colour: str | None, ground: str) -> bool:
    """Tell whether a thing of a colour is never shown before one colour or place."""
    return crc32(f"{label}/{colour}/{ground}".encode()) % 12 == 0
