"""What passes is tried again; what does not is not."""

from __future__ import annotations

import aiohttp
import pytest

from bot.dispatch.retry import retried


class Line:
    """A connection that breaks some times and then holds."""

    def __init__(self, breaks: int, error: Exception) -> None:
        self.calls = 0
        self._breaks = breaks
        self._error = error

    async def call(self) -> int:
        self.calls += 1
        if self.calls <= self._breaks:
            raise self._error
        return self.calls


async def test_a_broken_connection_is_tried_again() -> None:
    line = Line(3, aiohttp.ServerDisconnectedError())
    assert await retried(line.call, first_pause_seconds=0) == 4


async def test_the_last_trouble_is_raised() -> None:
    line = Line(9, ConnectionResetError())
    with pytest.raises(ConnectionResetError):
        await retried(line.call, tries=3, first_pause_seconds=0)
    assert line.calls == 3


async def test_a_mistake_is_not_tried_again() -> None:
    line = Line(1, ValueError("ours"))
    with pytest.raises(ValueError, match="ours"):
        await retried(line.call)
    assert line.calls == 1
