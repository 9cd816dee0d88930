"""A worker that draws plain squares in a fixed time: `python -m tests.light.worker SECONDS`.

It speaks the real frames over real pipes, takes a cancel between its steps, and loads no torch.
"""

from __future__ import annotations

import io
import queue
import random
import sys
import threading
import time
from typing import BinaryIO, assert_never

from PIL import Image

from engine.api import (
    Answer,
    Cancelled,
    Describe,
    Described,
    Finished,
    ImageToImage,
    Picture,
    Progress,
    Request,
    Shorten,
    Shortened,
    Started,
    TextToImage,
    WordWeight,
    WorkItem,
)
from engine.frames import Cancel, Load, Loaded, Ready, Reply, Run, pack, read_command

STEPS = 4
SIDE = 128
ORDINALS = ("first", "second", "third", "fourth")


def picture(seed: int) -> Picture:
    """Return a square of noise, which no format compresses well."""
    out = io.BytesIO()
    noise = random.Random(seed).randbytes(SIDE * SIDE * 3)
    Image.frombytes("RGB", (SIDE, SIDE), noise).save(out, "PNG", compress_level=1)
    return Picture(png=out.getvalue(), seed=seed, width=SIDE, height=SIDE)


def _outcome(request: Request) -> tuple[list[Picture], Answer | None]:
    match request:
        case Describe():
            prompts = [f"a picture, the {ordinal} prompt" for ordinal in ORDINALS]
            return [], Described(prompts=prompts, width=SIDE, height=SIDE, source="a light worker")
        case Shorten():
            words = request.prompt.split()
            weights = [WordWeight(word=word, weight=1 / (i + 1)) for i, word in enumerate(words)]
            shorter = [" ".join(words[:count]) for count in range(len(words) - 1, 0, -1)]
            return [], Shortened(words=weights, prompts=shorter[:5])
        case TextToImage() | ImageToImage():
            return [picture(request.seed_of(index)) for index in range(request.num_images)], None
        case _:
            assert_never(request)


class Worker:
    """Reads commands in one thread and draws in another."""

    def __init__(self, commands: BinaryIO, replies: BinaryIO, *, seconds: float) -> None:
        self._commands = commands
        self._replies = replies
        self._seconds = seconds
        self._items: queue.Queue[WorkItem | None] = queue.Queue()
        self._cancelled = threading.Event()
        self._job_id: int | None = None

    def run(self) -> None:
        """Serve until the commands end."""
        threading.Thread(target=self._read, daemon=True).start()
        self._send(
            Ready(
                device="cpu",
                device_name="a light worker",
                memory_bytes=1,
                device_count=1,
                torch_version="",
            )
        )
        self._send(Loaded(models=frozenset({"pocket"})))
        while (item := self._items.get()) is not None:
            self._draw(item)

    def _read(self) -> None:
        while (command := read_command(self._commands)) is not None:
            match command:
                case Run():
                    self._cancelled.clear()
                    self._job_id = command.item.job_id
                    self._items.put(command.item)
                case Cancel():
                    if command.job_id == self._job_id:
                        self._cancelled.set()
                case Load():
                    self._send(Loaded(models=frozenset({"pocket"}), asked=command.model))
        # Nobody wants what is being drawn any more.
        self._cancelled.set()
        self._items.put(None)

    def _draw(self, item: WorkItem) -> None:
        job_id, fence = item.job_id, item.fence
        begun = time.monotonic()
        self._send(Started(job_id=job_id, fence=fence))
        for step in range(1, STEPS + 1):
            if self._cancelled.wait(self._seconds / STEPS):
                self._send(Cancelled(job_id=job_id, fence=fence))
                return
            self._send(Progress(job_id=job_id, fence=fence, step=step, total=STEPS))
        pictures, answer = _outcome(item.request)
        took = time.monotonic() - begun
        timings = {"base": took, "total": took}
        self._send(
            Finished(job_id=job_id, fence=fence, pictures=pictures, answer=answer, timings=timings)
        )

    def _send(self, reply: Reply) -> None:
        self._replies.write(pack(reply))
        self._replies.flush()


if __name__ == "__main__":
    Worker(sys.stdin.buffer, sys.stdout.buffer, seconds=float(sys.argv[1])).run()
