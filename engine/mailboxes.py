"""The two ends of a worker's pipes: commands in, replies out, each with a thread of its own."""

from __future__ import annotations

import logging
import os
import queue
import threading
from typing import BinaryIO

from engine.api import ENDS, Progress
from engine.frames import Cancel, Command, FrameError, Load, Reply, Run, pack, read_command

logger = logging.getLogger(__name__)


class Outbox:
    """Replies on their way out. Never makes the drawing wait for the reader.

    When the pipe is full, only the latest progress of each job is kept, and what is not progress
    goes first.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._frames: list[bytes] = []
        self._progress: dict[int, bytes] = {}
        self._changed = threading.Condition()
        self._is_writing = False
        threading.Thread(target=self._write, name="outbox", daemon=True).start()

    def send(self, reply: Reply) -> None:
        """Queue a reply. Raises FrameError when it is too large."""
        frame = pack(reply)
        with self._changed:
            if isinstance(reply, Progress):
                self._progress[reply.job_id] = frame
            else:
                if isinstance(reply, ENDS):
                    self._progress.pop(reply.job_id, None)
                self._frames.append(frame)
            self._changed.notify_all()

    def flush(self, timeout_seconds: float) -> None:
        """Wait until everything is written."""
        with self._changed:
            self._changed.wait_for(
                lambda: not (self._frames or self._is_writing), timeout=timeout_seconds
            )

    def _write(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._frames or self._progress)
                frame = self._take()
                self._is_writing = True
            try:
                self._stream.write(frame)
                self._stream.flush()
            except OSError:
                os._exit(0)
            with self._changed:
                self._is_writing = False
                self._changed.notify_all()

    def _take(self) -> bytes:
        if self._frames:
            return self._frames.pop(0)
        return self._progress.pop(next(iter(self._progress)))


class Inbox:
    """Commands, read by a thread of their own so that a stop is seen while the device is busy."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._commands: queue.SimpleQueue[Run | Load] = queue.SimpleQueue()
        self._cancelled: set[int] = set()
        threading.Thread(target=self._read, name="inbox", daemon=True).start()

    def next(self) -> Run | Load:
        """Wait for something to do."""
        return self._commands.get()

    def is_cancelled(self, job_id: int) -> bool:
        """Return whether this job should stop."""
        return job_id in self._cancelled

    def _read(self) -> None:
        try:
            while (command := read_command(self._stream)) is not None:
                self._accept(command)
        except (FrameError, OSError) as error:
            logger.error("unreadable command, leaving: %s", error)  # noqa: TRY400 - expected
        # The main thread may be deep in a kernel, so this does not ask it to leave.
        os._exit(0)

    def _accept(self, command: Command) -> None:
        match command:
            case Cancel():
                self._cancelled.add(command.job_id)
            case Run():
                # An order to stop that came too late for an earlier try is not for this one.
                self._cancelled -= {item.job_id for item in command.items}
                self._commands.put(command)
            case Load():
                self._commands.put(command)
