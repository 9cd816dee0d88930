"""The watchdog names what holds the event loop up."""

import asyncio
import logging
import time

import pytest

from bot.watchdog import Watchdog


def hold_up(seconds: float) -> None:
    """Keep the loop from turning, which is the crime."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        sum(range(1000))


async def test_whatever_blocks_the_loop_is_named(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "bot.watchdog")
    with Watchdog(limit_seconds=0.05).watching() as watchdog:
        hold_up(0.5)
        await asyncio.to_thread(watchdog.reported.wait)
    assert "hold_up" in caplog.text
    assert watchdog.worst_seconds > 0.1
