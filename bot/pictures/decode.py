"""Decodes pictures from outside, each in a process of its own with limits on memory and time.

Only pixels come back, and a new PNG is made of them: nothing of the file that a user sent is stored
or posted, no metadata, no comment, nothing behind its end.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass

from PIL import Image

from bot.errors import UserError
from bot.pictures import decoder
from engine.images import encode_png

logger = logging.getLogger(__name__)

MAX_BYTES = 25 * 1024 * 1024
FIT_PIXELS = 2048
"""A picture is stored at most this wide and high: no model looks at more."""
AT_ONCE = 2
TIMEOUT_SECONDS = 10.0
MAX_SENTENCE = 300


class PictureRefusedError(UserError):
    """A file that is not taken as a picture; the sentence says what to do instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanPicture:
    """A picture made anew from its pixels."""

    png: bytes
    """PNG, RGB, without alpha and without metadata."""
    width: int
    height: int


def check_size(size_bytes: int) -> None:
    """Refuse a file before it is read. Raises PictureRefusedError."""
    if size_bytes > MAX_BYTES:
        raise PictureRefusedError(
            f"This file has {size_bytes / 2**20:.1f} MB; the limit is {MAX_BYTES // 2**20} MB."
        )


class Decoder:
    """Decodes a few pictures at a time."""

    def __init__(self, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._timeout_seconds = timeout_seconds
        self._places = asyncio.Semaphore(AT_ONCE)
        self._processes: set[Process] = set()
        self._is_closed = False

    async def aclose(self) -> None:
        """End what is being decoded and begin nothing more; whoever waits for it is cancelled."""
        self._is_closed = True
        for process in self._processes:
            _kill(process)
        await asyncio.gather(*(process.wait() for process in self._processes))

    async def decode(self, data: bytes) -> CleanPicture:
        """Return the picture in these bytes, upright, at most 2048 pixels a side.

        Raises PictureRefusedError.
        """
        check_size(len(data))
        try:
            async with self._places:
                self._check_open()
                width, height, pixels = await self._pixels(data)
        except PictureRefusedError:
            self._check_open()  # a stop ended it, and the file is not to blame
            raise
        png = await asyncio.to_thread(_png, width, height, pixels)
        return CleanPicture(png=png, width=width, height=height)

    def _check_open(self) -> None:
        if self._is_closed:
            raise asyncio.CancelledError("the bot stops")

    async def _pixels(self, data: bytes) -> tuple[int, int, bytes]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", decoder.__name__, str(FIT_PIXELS)),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env={"PYTHONPATH": os.pathsep.join(sys.path)},
        )
        self._processes.add(process)
        if self._is_closed:
            _kill(process)
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await _converse(process, data)
        except TimeoutError as error:
            raise PictureRefusedError(
                "This picture takes too long to open; save it again, or make it smaller."
            ) from error
        finally:
            _kill(process)
            await asyncio.shield(process.wait())
            self._processes.discard(process)


def _kill(process: Process) -> None:
    # One that ends by itself meanwhile is gone as well.
    with contextlib.suppress(ProcessLookupError):
        process.kill()


async def _converse(process: Process, data: bytes) -> tuple[int, int, bytes]:
    """Hand the file over; return width, height and pixels. Raises PictureRefusedError."""
    if process.stdin is None or process.stdout is None or process.stderr is None:
        raise RuntimeError("the decoder has no pipes")
    # One that dies in the middle of the file has its reason on the other pipe.
    with contextlib.suppress(ConnectionError):
        process.stdin.write(data)
        await process.stdin.drain()
    process.stdin.close()
    try:
        width, height = decoder.HEADER.unpack(await process.stdout.readexactly(decoder.HEADER.size))
        if not (1 <= width <= FIT_PIXELS and 1 <= height <= FIT_PIXELS):
            raise PictureRefusedError(_DAMAGED)
        return width, height, await process.stdout.readexactly(width * height * 3)
    except asyncio.IncompleteReadError as error:
        sentence = await process.stderr.read(MAX_SENTENCE)
        status = await process.wait()
        if status == decoder.REFUSED:
            raise PictureRefusedError(sentence.decode(errors="replace")) from error
        logger.warning("the decoder ended with status %d", status)
        raise PictureRefusedError(_DAMAGED) from error


_DAMAGED = "This picture is damaged or too large to open; save it again, smaller, and retry."


def _png(width: int, height: int, pixels: bytes) -> bytes:
    return encode_png(Image.frombytes("RGB", (width, height), pixels), {})
