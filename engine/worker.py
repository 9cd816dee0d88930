"""The process that draws: `python -m engine.worker`, a child of an executor.

Commands come as frames on stdin, replies leave as frames on what was stdout; file descriptor 1
itself points at stderr, so that a library's stray print cannot corrupt a frame. A thread reads, a
thread writes, and the main thread owns the device. When stdin ends, whoever asked for pictures is
gone, and the process exits at once: no orphan holds a GPU.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import diffusers
import torch
import transformers

from engine.api import (
    Cancelled,
    Describe,
    DrawingRequest,
    Failed,
    FailureKind,
    Finished,
    Lost,
    Progress,
    RequestError,
    Shorten,
    Started,
    WorkItem,
)
from engine.devices import Device, find_device, is_device_failure
from engine.frames import (
    FrameError,
    Load,
    Loaded,
    Ready,
    Run,
)
from engine.images import ImageRefusedError
from engine.mailboxes import Inbox, Outbox
from engine.models.catalog import Catalog, UnknownModelError
from engine.models.errors import ModelError
from engine.models.store import ModelStore
from engine.painter import Drawing, NoMemoryError, Painter
from engine.words import Reader

logger = logging.getLogger("engine.worker")

DEVICE_FAILED = 3
"""Exit status after the device itself failed."""
MEMORY_SHARE = 0.8
"""Share of the device's memory that models may take; the rest is for drawing."""
INVALID = (RequestError, UnknownModelError, ModelError, ImageRefusedError)


class Worker:
    """Carries out commands with one painter and one reader, for ever."""

    def __init__(self, *, painter: Painter, reader: Reader, inbox: Inbox, outbox: Outbox) -> None:
        self._painter = painter
        self._reader = reader
        self._inbox = inbox
        self._outbox = outbox
        self._announced: Loaded | None = None

    def run(self) -> None:
        """Take commands until the process ends."""
        while True:
            match self._inbox.next():
                case Run(items):
                    self._draw(items)
                case Load(model):
                    self._load(model)

    def _load(self, model: str) -> None:
        error = None
        try:
            self._painter.warm_up(model)
        except (*INVALID, NoMemoryError) as refusal:
            error = str(refusal)
        except Exception as failure:
            logger.exception("loading failed model=%s", model)
            error = f"{type(failure).__name__}: {failure}"
            self._exit_if_broken(failure)
        self._announced = self._holds()
        self._outbox.send(self._holds(asked=model, error=error))

    def _draw(self, items: Sequence[WorkItem]) -> None:
        for item in items:
            self._outbox.send(Started(job_id=item.job_id, fence=item.fence))
        # What broke under several jobs may be the fault of one.
        for item in self._try(items):
            self._try([item])

    def _try(self, items: Sequence[WorkItem]) -> list[WorkItem]:
        """Draw a batch; return what is to be drawn alone. The worker's one place to catch all."""
        left = {item.job_id: item for item in items}

        def report(item: WorkItem, step: int, total: int, preview: bytes | None) -> None:
            self._announce()
            job_id, fence = item.job_id, item.fence
            self._outbox.send(
                Progress(job_id=job_id, fence=fence, step=step, total=total, preview=preview)
            )

        def end(item: WorkItem, drawing: Drawing | None) -> None:
            del left[item.job_id]
            self._end(item, drawing)

        try:
            if not isinstance(items[0].request, DrawingRequest):
                self._read(items[0], items[0].request)
                return []
            self._painter.draw_batch(
                items,
                report=report,
                is_stopped=lambda item: self._inbox.is_cancelled(item.job_id),
                end=end,
            )
        except Exception as error:
            failed = list(left.values())
            if not isinstance(error, (*INVALID, NoMemoryError)):
                logger.exception("drawing failed job_ids=%s", list(left))
                self._exit_if_broken(error, failed)
            if len(failed) > 1:
                return failed
            for item in failed:
                self._fail(item, error)
        return []

    def _read(self, item: WorkItem, request: Describe | Shorten) -> None:
        reading = self._reader.read(request, item.blobs)
        self._announce()
        self._outbox.send(
            Finished(
                job_id=item.job_id,
                fence=item.fence,
                pictures=[],
                answer=reading.answer,
                timings=reading.timings,
            )
        )

    def _end(self, item: WorkItem, drawing: Drawing | None) -> None:
        self._announce()
        if drawing is None:
            self._outbox.send(Cancelled(job_id=item.job_id, fence=item.fence))
            return
        try:
            self._outbox.send(
                Finished(
                    job_id=item.job_id,
                    fence=item.fence,
                    pictures=drawing.pictures,
                    timings=drawing.timings,
                )
            )
        except FrameError as error:
            self._fail(item, RequestError("num_images", f"ask for fewer pixels: {error}"))

    def _fail(self, item: WorkItem, error: Exception) -> None:
        self._announce()
        kind, message = FailureKind.INTERNAL, "Something broke while drawing this."
        if isinstance(error, NoMemoryError):
            kind, message = FailureKind.OUT_OF_MEMORY, str(error)
        elif isinstance(error, INVALID):
            kind, message = FailureKind.INVALID, str(error)
        self._outbox.send(Failed(job_id=item.job_id, fence=item.fence, kind=kind, message=message))

    def _announce(self) -> None:
        """Tell what the memory holds, where that has changed."""
        holds = self._holds()
        if holds != self._announced:
            self._announced = holds
            self._outbox.send(holds)

    def _holds(self, *, asked: str | None = None, error: str | None = None) -> Loaded:
        return Loaded(
            models=self._painter.loaded,
            capacity_pixels=self._painter.capacity_pixels,
            asked=asked,
            error=error,
        )

    def _exit_if_broken(self, error: Exception, items: Sequence[WorkItem] = ()) -> None:
        """Leave if the device failed: CUDA answers nothing but errors from then on."""
        if not is_device_failure(error):
            return
        reason = f"the device failed: {str(error).splitlines()[0]}"
        for item in items:
            self._outbox.send(Lost(job_id=item.job_id, fence=item.fence, reason=reason))
        self._outbox.flush(timeout_seconds=5)
        os._exit(DEVICE_FAILED)


def main() -> None:
    """Draw what comes on stdin until it ends."""
    arguments = _arguments()
    # Ctrl-C in a terminal reaches children too; the parent decides when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    replies = _take_stdout()
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s"
    )
    # torchsde cuts the noise levels to six digits and then misses the seventh.
    warnings.filterwarnings("ignore", message="Should have t[ab]")
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()
    inbox, outbox = Inbox(sys.stdin.buffer), Outbox(replies)
    try:
        device = find_device(cpu_only=arguments.device == "cpu")
        store = _make_store(arguments, device)
        outbox.send(_ready(device))
        worker = Worker(painter=Painter(store), reader=Reader(store), inbox=inbox, outbox=outbox)
        worker.run()
    except Exception:  # noqa: BLE001 - whatever it is, the process must not linger
        # The other threads are in system calls; an ordinary exit would wait for them.
        traceback.print_exc()
        os._exit(1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="engine.worker", description=__doc__)
    parser.add_argument("--models-dir", type=Path, required=True)
    parser.add_argument("--catalog", type=Path, help="TOML file with the operator's own models")
    parser.add_argument("--device", choices=["auto", "cpu"], default="auto")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 takes all cores")
    return parser.parse_args()


def _take_stdout() -> BinaryIO:
    """Return what was stdout, and let descriptor 1 be stderr from now on."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return replies


def _make_store(arguments: argparse.Namespace, device: Device) -> ModelStore:
    torch.set_num_threads(arguments.threads or os.cpu_count() or 1)
    return ModelStore(
        catalog=Catalog.load(arguments.catalog),
        models_dir=arguments.models_dir,
        device=device,
        budget_bytes=int(device.memory_bytes * MEMORY_SHARE),
    )


def _ready(device: Device) -> Ready:
    return Ready(
        device=device.label,
        device_name=device.name,
        memory_bytes=device.memory_bytes,
        device_count=device.count,
        torch_version=str(torch.__version__),
    )


if __name__ == "__main__":
    main()
