"""The process that decodes one picture from outside: `python -m bot.pictures.decoder SIDE`.

Bytes in on standard input; width, height and raw RGB out on standard output, or the sentence of a
refusal on standard error and status 3. What a hostile file does to a decoder stays in here: no
environment, no files, little memory, a few seconds of CPU.
"""

from __future__ import annotations

import os
import resource
import struct
import sys

from engine.images import ImageRefusedError, open_image

MAX_PIXELS = 33_500_000
MEMORY_BYTES = 768 * 1024 * 1024
CPU_SECONDS = 8
NICENESS = 5
REFUSED = 3
HEADER = struct.Struct(">II")
"""Width and height, in pixels; three bytes for each pixel follow, row by row."""


def main() -> int:
    """Decode standard input; return the exit status."""
    _limit()
    try:
        image = open_image(sys.stdin.buffer.read(), max_pixels=MAX_PIXELS, fit=int(sys.argv[1]))
    except ImageRefusedError as refusal:
        sys.stderr.write(str(refusal))
        return REFUSED
    sys.stdout.buffer.write(HEADER.pack(*image.size) + image.tobytes())
    return 0


def _limit() -> None:
    """Give up what decoding does not need, before a byte of the file is read."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(NICENESS)


if __name__ == "__main__":
    sys.exit(main())
