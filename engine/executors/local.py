"""LocalExecutor: one child process for each device of this machine, over pipes.

Torch-free: the bot's process never loads torch, and a crash of the device's driver, a kill for want
of memory or a kernel that hangs takes a child and never the bot. Only the end of a process surely
gives back a GPU's memory.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Literal

from engine.api import Event, Slot, WorkItem
from engine.executors.child import Child, ExecutorError

logger = logging.getLogger(__name__)

_ROOT = Path(__file__).parent.parent.parent
_SECRET = re.compile(r"^(EASEL|DISCORD|AWS|PG)|TOKEN|SECRET|PASSWORD|CREDENTIAL|_KEY|_URL")
"""Names of variables that are the bot's business and not a worker's."""
_FOR_CHILDREN = {
    # By default OpenMP's threads spin while they wait for each other. As soon as anything else
    # wants a core, that is disastrous: a step of the pocket model took 0.1 to 2 s instead of 0.1.
    "OMP_WAIT_POLICY": "PASSIVE",
    # Nothing is fetched unless the operator asks for it.
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "PYTHONFAULTHANDLER": "1",
}


class LocalExecutor:
    """Draws with every device of this machine. An `engine.api.Executor`."""

    def __init__(
        self,
        *,
        models_dir: Path,
        catalog: Path | None = None,
        device: Literal["auto", "cpu"] = "auto",
        threads: int = 0,
    ) -> None:
        """`catalog` is the operator's own TOML file; `threads` 0 takes all cores."""
        self._command = [sys.executable, "-m", "engine.worker", "--models-dir", str(models_dir)]
        self._command += ["--device", device, "--threads", str(threads)]
        if catalog is not None:
            self._command += ["--catalog", str(catalog)]
        self._device = device
        self._threads = threads
        self._children: list[Child] = []
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._supervision: asyncio.Task[None] | None = None
        self._tasks: asyncio.TaskGroup | None = None

    async def start(self) -> None:
        """Start the workers; return when one can take a job. Raises ExecutorError."""
        first = self._add_child(0, shares_devices=True)
        self._supervision = asyncio.create_task(self._supervise(first), name="local-executor")
        self._supervision.add_done_callback(self._on_end)
        await first.has_settled.wait()
        if first.ready is None:
            words = "\n".join(first.last_words)
            await self.aclose()
            raise ExecutorError(f"The worker does not start. It said:\n{words}")

    def _on_end(self, supervision: asyncio.Task[None]) -> None:
        """Let whoever reads the events know that there will be no more."""
        if not supervision.cancelled() and (error := supervision.exception()) is not None:
            logger.error("the local executor broke down", exc_info=error)
        self._events.put_nowait(None)

    async def aclose(self) -> None:
        """Stop the workers. Jobs that are being drawn are lost."""
        if self._supervision is None:
            return
        self._supervision.cancel()
        await asyncio.wait([self._supervision])
        self._supervision = self._tasks = None

    def slots(self) -> Sequence[Slot]:
        """Return every slot whose worker was ready at least once."""
        return [slot for child in self._children if (slot := child.slot()) is not None]

    def pids(self) -> dict[str, int]:
        """Return the process ids of the workers that are alive, by slot."""
        return {child.slot_id: child.pid for child in self._children if child.pid is not None}

    async def submit(self, slot_id: str, items: Sequence[WorkItem]) -> None:
        """Hand a batch to a slot that is `ready`. Raises LookupError when the slot is not."""
        for child in self._children:
            if child.slot_id == slot_id:
                await child.submit(items)
                return
        raise LookupError(f"there is no slot {slot_id}")

    async def cancel(self, job_id: int, *, grace_seconds: float = 10.0) -> None:
        """Ask for a stop at the next step; after the grace, kill the worker."""
        for child in self._children:
            if job_id in child.job_ids and self._tasks is not None:
                self._tasks.create_task(child.cancel(job_id, grace_seconds))

    async def load(self, model: str) -> None:
        """Have every worker load a model and warm up. Raises ExecutorError."""
        running = [child for child in self._children if child.ready is not None]
        await asyncio.gather(*(child.load(model) for child in running))

    async def events(self) -> AsyncIterator[Event]:
        """Yield what happens, in order for each job, until the executor is closed. One reader."""
        while (event := await self._events.get()) is not None:
            yield event

    async def _supervise(self, first: Child) -> None:
        """Run the first worker; when it has told how many devices there are, run the others."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            tasks.create_task(first.supervise(), name=first.slot_id)
            await first.has_settled.wait()
            for index in range(1, first.ready.device_count if first.ready else 0):
                child = self._add_child(index)
                tasks.create_task(child.supervise(), name=child.slot_id)

    def _add_child(self, index: int, *, shares_devices: bool = False) -> Child:
        child = Child(
            f"local:{index}",
            command=self._command,
            environment=self._environment(None if shares_devices else index),
            emit=self._events.put_nowait,
        )
        self._children.append(child)
        return child

    def _environment(self, device_index: int | None) -> dict[str, str]:
        """Return the environment of a worker that sees one device, or all of them."""
        environment = {
            name: value for name, value in os.environ.items() if not _SECRET.search(name)
        }
        environment.update(_FOR_CHILDREN)
        if sys.platform == "linux":
            # Groups of other sizes follow an out of memory; segments that can grow serve them all.
            environment.setdefault("PYTORCH_ALLOC_CONF", "expandable_segments:True")
        path = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = os.pathsep.join([str(_ROOT), *([path] if path else [])])
        if self._threads:
            environment["OMP_NUM_THREADS"] = str(self._threads)
        if self._device == "cpu":
            environment["CUDA_VISIBLE_DEVICES"] = ""
        elif device_index is not None:
            environment["CUDA_VISIBLE_DEVICES"] = visible_device(
                environment.get("CUDA_VISIBLE_DEVICES"), device_index
            )
        return environment


def visible_device(visible: str | None, index: int) -> str:
    """Return the name of device `index` among those that the operator lets us see."""
    return visible.split(",")[index].strip() if visible else str(index)
