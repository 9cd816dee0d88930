"""Faults on order: the next requests that match fail the way a network and a big service do."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum


class FaultKind(StrEnum):
    """How a request may fail."""

    RATE_LIMITED = "rate_limited"
    """429, with a Retry-After of `retry_after_seconds`."""
    SERVER_ERROR = "server_error"
    """`status` without anything having been done."""
    DROPPED = "dropped"
    """The connection breaks before anything is done."""
    DROPPED_AFTER = "dropped_after"
    """The connection breaks after all is done: the bot cannot know whether it was."""


@dataclass(slots=True, kw_only=True)
class Fault:
    """One order: the next `times` requests of this method whose path matches fail."""

    kind: FaultKind
    method: str
    path: re.Pattern[str]
    times: int = 1
    status: int = 500
    retry_after_seconds: float = 0.05
    is_global: bool = False
    """Of a 429: it is the whole bot's."""


@dataclass(slots=True)
class Faults:
    """The orders that are open."""

    _open: list[Fault] = field(default_factory=list)

    def inject(
        self,
        kind: FaultKind,
        *,
        method: str = "POST",
        path: str = "",
        times: int = 1,
        status: int = 500,
        retry_after_seconds: float = 0.05,
        is_global: bool = False,
    ) -> Fault:
        """Let the next requests fail whose path (below `/api/v10`) contains this pattern."""
        fault = Fault(
            kind=kind,
            method=method,
            path=re.compile(path),
            times=times,
            status=status,
            retry_after_seconds=retry_after_seconds,
            is_global=is_global,
        )
        self._open.append(fault)
        return fault

    def take(self, method: str, path: str) -> Fault | None:
        """Return the fault that this request is to suffer."""
        for fault in self._open:
            if fault.times > 0 and fault.method == method and fault.path.search(path):
                fault.times -= 1
                return fault
        return None
