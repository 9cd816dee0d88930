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
from pathlib import Path
from typing import BinaryIO

import diffusers
import torch
import transformers

from engine.api import (
    Cancelled,
    Failed,
    FailureKind,
    Finished,
    Lost,
    Progress,
    RequestError,
    Started,
    WorkItem,
)
from engine.devices import Device, find_device, is_device_failure
from engine.frames import (
    FrameError,
    Load,
    Loaded,
    Ready,
    Reply,
    Run,
)
from engine.images import ImageRefusedError
from engine.mailboxes import Inbox, Outbox
from engine.models.catalog import Catalog, UnknownModelError
from engine.models.errors import ModelError
from engine.models.store import ModelStore
from engine.painter import NoMemoryError, Painter, Stopped

logger = logging.getLogger("engine.worker")

DEVICE_FAILED = 3
"""Exit status after the device itself failed."""
MEMORY_SHARE = 0.8
"""Share of the device's memory that models may take; the rest is for drawing."""
INVALID = (RequestError, UnknownModelError, ModelError, ImageRefusedError)


class Worker:
    """Carries out commands with one painter, for ever."""

    def __init__(self, *, painter: Painter, inbox: Inbox, outbox: Outbox) -> None:
        self._painter = painter
        self._inbox = inbox
        self._outbox = outbox
        self._announced: frozenset[str] = frozenset()

    def run(self) -> None:
        """Take commands until the process ends."""
        while True:
            match self._inbox.next():
                case Run(item):
                    self._draw(item)
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
        self._announced = self._painter.loaded
        self._outbox.send(Loaded(models=self._announced, asked=model, error=error))

    def _draw(self, item: WorkItem) -> None:
        self._outbox.send(Started(job_id=item.job_id, fence=item.fence))
        reply = self._outcome(item)
        self._announce()
        try:
            self._outbox.send(reply)
        except FrameError as error:
            self._outbox.send(_failed(item, FailureKind.INVALID, f"Ask for fewer pixels: {error}"))

    def _outcome(self, item: WorkItem) -> Reply:
        """Draw, and say how it ended. The one place of the worker that catches everything."""
        job_id, fence = item.job_id, item.fence

        def report(step: int, total: int, preview: bytes | None) -> None:
            self._announce()
            self._outbox.send(
                Progress(job_id=job_id, fence=fence, step=step, total=total, preview=preview)
            )

        try:
            drawing = self._painter.draw(
                item, report=report, is_stopped=lambda: self._inbox.is_cancelled(job_id)
            )
        except Stopped:
            return Cancelled(job_id=job_id, fence=fence)
        except NoMemoryError as error:
            return _failed(item, FailureKind.OUT_OF_MEMORY, str(error))
        except INVALID as error:
            return _failed(item, FailureKind.INVALID, str(error))
        except Exception as error:
            logger.exception("drawing failed job_id=%d", job_id)
            self._exit_if_broken(error, item)
            return _failed(item, FailureKind.INTERNAL, "Something broke while drawing this.")
        return Finished(
            job_id=job_id, fence=fence, pictures=drawing.pictures, timings=drawing.timings
        )

    def _announce(self) -> None:
        if self._painter.loaded != self._announced:
            self._announced = self._painter.loaded
            self._outbox.send(Loaded(models=self._announced))

    def _exit_if_broken(self, error: Exception, item: WorkItem | None = None) -> None:
        """Leave if the device failed: CUDA answers nothing but errors from then on."""
        if not is_device_failure(error):
            return
        if item is not None:
            reason = f"the device failed: {str(error).splitlines()[0]}"
            self._outbox.send(Lost(job_id=item.job_id, fence=item.fence, reason=reason))
        self._outbox.flush(timeout_seconds=5)
        os._exit(DEVICE_FAILED)


def _failed(item: WorkItem, kind: FailureKind, message: str) -> Failed:
    return Failed(job_id=item.job_id, fence=item.fence, kind=kind, message=message)


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
        painter = _make_painter(arguments, device)
        outbox.send(_ready(device))
        Worker(painter=painter, inbox=inbox, outbox=outbox).run()
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


def _make_painter(arguments: argparse.Namespace, device: Device) -> Painter:
    torch.set_num_threads(arguments.threads or os.cpu_count() or 1)
    store = ModelStore(
        catalog=Catalog.load(arguments.catalog),
        models_dir=arguments.models_dir,
        device=device,
        budget_bytes=int(device.memory_bytes * MEMORY_SHARE),
    )
    return Painter(store)


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
