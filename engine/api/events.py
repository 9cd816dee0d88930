"""What an executor is handed, and what it tells of it."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from engine.api.answers import Answer
from engine.api.requests import Request


class WorkItem(msgspec.Struct, frozen=True, kw_only=True):
    """A request on its way to a worker, under the name of its job and the fence of its claim."""

    job_id: int
    fence: int
    request: Request
    blobs: dict[str, bytes] = {}
    """The pictures that the request names, by sha256."""


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """One finished picture."""

    png: bytes
    """PNG, RGB, without alpha; its text chunks hold the prompt and the request."""
    seed: int
    width: int
    height: int


class FailureKind(StrEnum):
    """Why a job could not be drawn."""

    OUT_OF_MEMORY = "out_of_memory"
    """Even one picture at a time did not fit the device."""
    INVALID = "invalid"
    """The request names a model that is not there, or asks what that model cannot do."""
    INTERNAL = "internal"
    """Anything else; the log has the traceback."""


class Started(msgspec.Struct, frozen=True, kw_only=True, tag="started"):
    """The worker has begun this job (it may load a model first)."""

    job_id: int
    fence: int


class Progress(msgspec.Struct, frozen=True, kw_only=True, tag="progress"):
    """A step is done. Droppable: only the latest one matters."""

    job_id: int
    fence: int
    step: int
    """Steps done, 1 to `total`, base and refiner counted together."""
    total: int
    preview: bytes | None = None
    """The grid as it looks now: a small WebP, RGB."""


class Finished(msgspec.Struct, frozen=True, kw_only=True, tag="finished"):
    """The job is done."""

    job_id: int
    fence: int
    pictures: list[Picture]
    """None for a request that asks for words."""
    answer: Answer | None = None
    """The words that a request asked for."""
    timings: dict[str, float]
    """Seconds by stage: load, encode, base, refiner, decode, png, total."""


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag="failed"):
    """The job cannot be drawn."""

    job_id: int
    fence: int
    kind: FailureKind
    message: str
    """One sentence for the user, with what to do instead where that is known."""


class Cancelled(msgspec.Struct, frozen=True, kw_only=True, tag="cancelled"):
    """The job was stopped because `Executor.cancel` asked for it."""

    job_id: int
    fence: int


class Lost(msgspec.Struct, frozen=True, kw_only=True, tag="lost"):
    """The worker died under this job; nothing of it is left. It may be drawn again."""

    job_id: int
    fence: int
    reason: str
    is_suspect: bool = True
    """Whether it may be why. Not, where the worker was killed for the sake of another job."""


class Idle(msgspec.Struct, frozen=True, kw_only=True, tag="idle"):
    """A worker came up, for the first time or again: its slot can take jobs."""

    slot_id: str


ENDS = (Finished, Failed, Cancelled, Lost)
"""A job's last event is one of these."""

JobEvent = Started | Progress | Finished | Failed | Cancelled | Lost
Event = JobEvent | Idle
