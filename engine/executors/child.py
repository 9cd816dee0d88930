"""One slot: a worker process that is started, watched, and started again.

It owns the process and its pipes. What happens to jobs goes to `emit`; nothing about a job is kept
after its end.
"""

from __future__ import annotations

import asyncio
import logging
import time
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from engine.api import (
    ENDS,
    Cancelled,
    Event,
    Idle,
    JobEvent,
    Lost,
    Slot,
    WorkItem,
    batch_key,
)
from engine.frames import (
    HEADER,
    Cancel,
    FrameError,
    Load,
    Loaded,
    Ready,
    Reply,
    Run,
    body_length,
    pack,
    unpack_reply,
)

logger = logging.getLogger(__name__)
worker_logger = logging.getLogger("engine.worker")

CRASH_LIMIT = 5
CRASH_WINDOW_SECONDS = 600.0
MAX_PAUSE_SECONDS = 30.0
EXIT_SECONDS = 3.0
LOG_LINE_BYTES = 16 * 1024
_LEVELS = {name: getattr(logging, name) for name in ("DEBUG", "INFO", "WARNING", "ERROR")}


class ExecutorError(RuntimeError):
    """A worker cannot be started, or cannot load a model."""


class Child:
    """A worker process in its slot."""

    def __init__(
        self,
        slot_id: str,
        *,
        command: Sequence[str],
        environment: Mapping[str, str],
        emit: Callable[[Event], None],
        first_pause_seconds: float = 0.5,
    ) -> None:
        self.slot_id = slot_id
        self.is_healthy = True
        self.ready: Ready | None = None
        """What the worker draws with; known from its first start on."""
        self.has_settled = asyncio.Event()
        """Set when the first start has succeeded or failed; `ready` tells which."""
        self.last_words: deque[str] = deque(maxlen=20)
        """The end of the worker's log."""
        self._command = command
        self._environment = environment
        self._emit = emit
        self._first_pause_seconds = first_pause_seconds
        self._process: Process | None = None
        self._is_up = False
        self._loaded: frozenset[str] = frozenset()
        self._capacity_pixels = 0
        self._items: dict[int, WorkItem] = {}
        self._cancelled: set[int] = set()
        self._loads: dict[str, asyncio.Future[None]] = {}
        self._crashes: deque[float] = deque()

    @property
    def pid(self) -> int | None:
        """The process id of the worker that is alive now."""
        return self._process.pid if self._process else None

    @property
    def job_ids(self) -> frozenset[int]:
        """The jobs that are being drawn."""
        return frozenset(self._items)

    @property
    def is_ready(self) -> bool:
        """Return whether a batch can be submitted now."""
        return self.is_healthy and self._is_up and not self._items

    def slot(self) -> Slot | None:
        """Return the slot as it is now; None until the worker was ready once."""
        if self.ready is None:
            return None
        return Slot(
            id=self.slot_id,
            device=self.ready.device,
            device_name=self.ready.device_name,
            memory_bytes=self.ready.memory_bytes,
            ready=self.is_ready,
            loaded=self._loaded,
            capacity_pixels=self._capacity_pixels,
            job_ids=self.job_ids,
        )

    # --- asking -----------------------------------------------------------------------------------

    async def submit(self, items: Sequence[WorkItem]) -> None:
        """Hand a batch to the worker. Raises LookupError when it cannot take one."""
        if not self.is_ready:
            raise LookupError(f"the slot {self.slot_id} is not ready")
        if len(items) > 1 and len({batch_key(item.request) or item.job_id for item in items}) > 1:
            raise ValueError("jobs that share no batch key cannot be drawn as one batch")
        frame = pack(Run(list(items)))
        self._items, self._cancelled = {item.job_id: item for item in items}, set()
        await self._send(frame)

    async def cancel(self, job_id: int, grace_seconds: float) -> None:
        """Ask for a stop of a job; kill the worker if it has not stopped after the grace.

        Who asks again changes nothing.
        """
        item, process = self._items.get(job_id), self._process
        if item is None or process is None or job_id in self._cancelled:
            return
        self._cancelled.add(job_id)
        await self._send(pack(Cancel(job_id)))
        await asyncio.sleep(grace_seconds)
        if self._items.get(job_id) is item and process.returncode is None:
            logger.warning("killing a worker that does not stop job_id=%d", job_id)
            process.kill()

    async def load(self, model: str) -> None:
        """Have the worker load a model and warm up. Raises ExecutorError."""
        if not self._is_up:
            raise ExecutorError(f"the worker {self.slot_id} is not running")
        answer = self._loads.setdefault(model, asyncio.get_running_loop().create_future())
        await self._send(pack(Load(model)))
        await asyncio.shield(answer)

    async def _send(self, frame: bytes) -> None:
        if self._process is None or self._process.stdin is None:
            return
        try:
            self._process.stdin.write(frame)
            await self._process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            # The worker is dying; whoever reads from it says what is lost.
            logger.info("the worker %s no longer listens", self.slot_id)

    # --- living -----------------------------------------------------------------------------------

    async def supervise(self) -> None:
        """Keep a worker alive until cancelled, or until it has crashed too often."""
        while self.is_healthy:
            try:
                await self._live()
            except OSError as error:
                self.last_words.append(f"it cannot be started: {error}")
                self._bury(None)
            crashes = len(self._crashes)
            if crashes >= CRASH_LIMIT:
                self.is_healthy = False
                logger.error(
                    "the worker %s crashed %d times in %d minutes and is given up; it said: %s",
                    self.slot_id,
                    crashes,
                    CRASH_WINDOW_SECONDS // 60,
                    " | ".join(self.last_words) or "none",
                )
                return
            if crashes:
                pause = self._first_pause_seconds * 2 ** (crashes - 1)
                await asyncio.sleep(min(MAX_PAUSE_SECONDS, pause))

    async def _live(self) -> None:
        """Start a worker and stay with it until it is gone."""
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=dict(self._environment),
        )
        self._process = process
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._forward_log(process))
                tasks.create_task(self._listen(process))
            await process.wait()
        finally:
            await asyncio.shield(_end(process))
            self._bury(process.returncode)

    def _bury(self, status: int | None) -> None:
        """Say what was lost with the worker."""
        self._process, self._is_up, self._loaded = None, False, frozenset()
        items, self._items = self._items, {}
        was_killed = bool(self._cancelled & items.keys())
        if not was_killed:
            now = time.monotonic()
            self._crashes.append(now)
            while now - self._crashes[0] > CRASH_WINDOW_SECONDS:
                self._crashes.popleft()
        level = logging.INFO if status == 0 else logging.WARNING
        logger.log(level, "the worker %s ended with status %s", self.slot_id, status)
        for job_id, item in items.items():
            self._emit(
                Cancelled(job_id=job_id, fence=item.fence)
                if job_id in self._cancelled
                else Lost(
                    job_id=job_id,
                    fence=item.fence,
                    reason=f"the worker {self.slot_id} ended with status {status}",
                    is_suspect=not was_killed,
                )
            )
        for answer in self._loads.values():
            if not answer.done():
                answer.set_exception(ExecutorError(f"the worker {self.slot_id} ended"))
        self._loads.clear()
        self.has_settled.set()

    async def _listen(self, process: Process) -> None:
        """Take the worker's replies until it is gone; a worker that talks nonsense is killed."""
        stream = process.stdout
        if stream is None:
            return
        try:
            while True:
                length = body_length(await stream.readexactly(HEADER.size))
                self._take(unpack_reply(await stream.readexactly(length)))
        except (asyncio.IncompleteReadError, ConnectionResetError):
            return
        except FrameError as error:
            logger.warning("the worker %s sent an unreadable frame: %s", self.slot_id, error)
            process.kill()

    def _take(self, reply: Reply) -> None:
        match reply:
            case Ready():
                self.ready, self._is_up = reply, True
                self.has_settled.set()
                self._emit(Idle(slot_id=self.slot_id))
            case Loaded():
                self._loaded = reply.models
                self._capacity_pixels = reply.capacity_pixels
                self._answer_load(reply)
            case _:
                self._take_event(reply)

    def _take_event(self, event: JobEvent) -> None:
        item = self._items.get(event.job_id)
        if item is None or item.fence != event.fence:
            return
        if isinstance(event, ENDS):
            del self._items[event.job_id]
        self._emit(event)

    def _answer_load(self, reply: Loaded) -> None:
        answer = self._loads.pop(reply.asked, None) if reply.asked else None
        if answer is None or answer.done():
            return
        if reply.error is None:
            answer.set_result(None)
        else:
            answer.set_exception(ExecutorError(reply.error))

    async def _forward_log(self, process: Process) -> None:
        """Give each line that the worker writes to stderr to the logger of the same level."""
        stream = process.stderr
        if stream is None:
            return
        rest = b""
        while chunk := await stream.read(LOG_LINE_BYTES):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._log(line)
            if len(rest) > LOG_LINE_BYTES:
                self._log(rest)
                rest = b""
        self._log(rest)

    def _log(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").rstrip()
        if not text:
            return
        self.last_words.append(text)
        level, _, message = text.partition(" ")
        known = level in _LEVELS
        worker_logger.log(
            _LEVELS.get(level, logging.INFO), "[%s] %s", self.slot_id, message if known else text
        )


async def _end(process: Process) -> None:
    """Close the worker's stdin, which ends it, and make sure."""
    if process.returncode is not None:
        return
    if process.stdin is not None:
        process.stdin.close()
    # Read to the end: a result in the pipe that nobody takes would keep `wait` from returning.
    try:
        async with asyncio.timeout(EXIT_SECONDS):
            await process.communicate()
    except TimeoutError:
        process.kill()
        await process.communicate()
