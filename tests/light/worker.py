"""A worker that draws plain squares: `python -m tests.light.worker SECONDS CAPACITY_PIXELS`.

A batch takes a fixed time, however many jobs are in it. It speaks the real frames over real pipes,
takes a cancel between its steps, and loads no torch.
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

    def __init__(
        self, commands: BinaryIO, replies: BinaryIO, *, seconds: float, capacity_pixels: int
    ) -> None:
        self._commands = commands
        self._replies = replies
        self._seconds = seconds
        self._capacity_pixels = capacity_pixels
        self._batches: queue.Queue[list[WorkItem] | None] = queue.Queue()
        self._cancelled: set[int] = set()
        self._disturbed = threading.Event()
        """A job is to be stopped, or all of them."""
        self._has_ended = False

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
        self._send(self._loaded())
        while (batch := self._batches.get()) is not None:
            self._draw(batch)

    def _loaded(self, asked: str | None = None) -> Loaded:
        return Loaded(
            models=frozenset({"pocket"}), capacity_pixels=self._capacity_pixels, asked=asked
        )

    def _read(self) -> None:
        while (command := read_command(self._commands)) is not None:
            match command:
                case Run():
                    self._cancelled -= {item.job_id for item in command.items}
                    self._batches.put(command.items)
                case Cancel():
                    self._cancelled.add(command.job_id)
                    self._disturbed.set()
                case Load():
                    self._send(self._loaded(command.model))
        # Nobody wants what is being drawn any more.
        self._has_ended = True
        self._disturbed.set()
        self._batches.put(None)

    def _draw(self, batch: list[WorkItem]) -> None:
        begun = time.monotonic()
        live = {item.job_id: item for item in batch}
        for item in batch:
            self._send(Started(job_id=item.job_id, fence=item.fence))
        for step in range(1, STEPS + 1):
            self._wait(begun + step * self._seconds / STEPS, live)
            for item in live.values():
                self._send(Progress(job_id=item.job_id, fence=item.fence, step=step, total=STEPS))
        took = (time.monotonic() - begun) / len(batch)
        timings = {"base": took, "total": took}
        for item in live.values():
            pictures, answer = _outcome(item.request)
            self._send(
                Finished(
                    job_id=item.job_id,
                    fence=item.fence,
                    pictures=pictures,
                    answer=answer,
                    timings=timings,
                )
            )

    def _wait(self, until: float, live: dict[int, WorkItem]) -> None:
        """Wait for the next step, and let go of whatever is to be stopped."""
        while live:
            is_disturbed = self._disturbed.wait(max(0.0, until - time.monotonic()))
            self._disturbed.clear()
            for job_id in self._cancelled & live.keys():
                self._send(Cancelled(job_id=job_id, fence=live.pop(job_id).fence))
            if self._has_ended:
                live.clear()
            if not is_disturbed:
                return

    def _send(self, reply: Reply) -> None:
        self._replies.write(pack(reply))
        self._replies.flush()


if __name__ == "__main__":
    Worker(
        sys.stdin.buffer,
        sys.stdout.buffer,
        seconds=float(sys.argv[1]),
        capacity_pixels=int(sys.argv[2]),
    ).run()
