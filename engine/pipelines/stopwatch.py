"""How long each stage of a drawing took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from engine.devices import Device


class Stopwatch:
    """Adds up seconds by stage. An accelerator works behind our back: each stage waits for it."""

    def __init__(self, device: Device) -> None:
        self.seconds: dict[str, float] = {}
        self._device = device

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Time what is done inside."""
        started = time.perf_counter()
        yield
        self._device.synchronize()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - started
