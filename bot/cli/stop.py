"""How a running bot is stopped: once for an orderly end, twice for an end at once."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator

EXIT_STOPPED = 128 + signal.SIGINT
"""What a shell reports of a program that Ctrl-C ended."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StoppedAtOnceError(Exception):
    """The stop was asked for a second time."""


@contextlib.asynccontextmanager
async def stopping() -> AsyncIterator[asyncio.Event]:
    """Yield what is set by Ctrl-C or a SIGTERM; the second one cancels the block.

    The block is left by StoppedAtOnceError then. A third one ends the process as the system does.
    """
    stop, task, loop = asyncio.Event(), asyncio.current_task(), asyncio.get_running_loop()
    is_at_once = False

    def on_signal() -> None:
        nonlocal is_at_once
        if not stop.is_set():
            stop.set()
            return
        is_at_once = True
        forget()
        if task is not None:
            task.cancel()

    def forget() -> None:
        for number in _SIGNALS:
            with contextlib.suppress(NotImplementedError):
                loop.remove_signal_handler(number)

    for number in _SIGNALS:
        # Windows has no signal handlers in its loop; there Ctrl-C raises KeyboardInterrupt.
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, on_signal)
    try:
        yield stop
    except asyncio.CancelledError:
        if is_at_once:
            raise StoppedAtOnceError from None
        raise
    finally:
        forget()
