"""What the terminal shows of the log: our own transitions, and of libraries only what is wrong."""

from __future__ import annotations

import logging
import sys

LIBRARIES = ("alembic", "discord", "aiohttp", "asyncio", "httpx", "huggingface_hub")


def set_up(level: str) -> None:
    """Log to standard error from this level on; at `debug`, libraries speak too."""
    logging.basicConfig(
        level=level.upper(),
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
        datefmt="%H:%M:%S",
        stream=sys.stderr,
    )
    if level != "debug":
        for name in LIBRARIES:
            logging.getLogger(name).setLevel(logging.WARNING)
        # A connection that breaks while it is put back is told of by whoever needs the next one.
        logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
