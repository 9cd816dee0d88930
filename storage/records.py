"""What storage takes and gives back: frozen records of plain values. Knows no database.

Times are `datetime`s in UTC, with their time zone. Ids of Discord's are its snowflakes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

MAX_IDEMPOTENCY_KEY = 100

POISON = "poison"
"""`error_kind` of a job whose worker died at every attempt."""

Claim = tuple[int, int]
"""A job's id and the fence of one claim of it: the right to write its result."""


class JobState(StrEnum):
    """Where a job is. queued -> running -> one of the last three; running -> queued when lost."""

    QUEUED = "queued"
    """Waits for a worker."""
    RUNNING = "running"
    """A worker holds its lease."""
    DONE = "done"
    """Its pictures are stored."""
    FAILED = "failed"
    """It cannot be drawn; `error_kind` and `error_message` say why."""
    CANCELLED = "cancelled"
    """Somebody stopped it; `cancelled_by` says who, where a person did."""


class DeliveryState(StrEnum):
    """What became of telling the user how a job ended. pending -> sent or failed."""

    PENDING = "pending"
    """Waits for `next_attempt_at`."""
    SENT = "sent"
    """Discord has it; `message_id` shows it."""
    FAILED = "failed"
    """No way led to the user; `last_error` says why. The next thing they do tells them."""
    TOLD = "told"
    """The user learned of it when they next did something."""


class RequeueOutcome(StrEnum):
    """What `Jobs.requeue` did."""

    REQUEUED = "requeued"
    """The job waits for a worker again."""
    FAILED = "failed"
    """Its attempts are used up."""
    CANCELLED = "cancelled"
    """Somebody had asked to stop it, so it is not drawn again."""
    FENCED_OUT = "fenced_out"
    """The claim was no longer the caller's; nothing was written."""


class CancelOutcome(StrEnum):
    """What `Jobs.request_cancel` did."""

    CANCELLED = "cancelled"
    """The job was queued and will not be drawn."""
    REQUESTED = "requested"
    """The job is being drawn; the executor must be told to stop it."""
    TOO_LATE = "too_late"
    """The job had ended, or never was; nothing was written."""


class QueueScope(StrEnum):
    """Whose share of the queue is full."""

    USER = "user"
    GUILD = "guild"
    QUEUE = "queue"
    """Everybody's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLimits:
    """How many jobs may wait at once."""

    per_user: int
    per_guild: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Leader:
    """The lease under which a process acts: what it claims, it claims only while that holds."""

    name: str
    fence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """What a user asked for, as it enters the queue."""

    idempotency_key: str
    """The interaction's id: the same key a second time gives the first job back."""
    interaction_id: int | None = None
    """Whose promises are kept as soon as the job is in the queue."""
    user_id: int
    user_name: str
    guild_id: int | None = None
    """None in a direct message."""
    guild_name: str = ""
    channel_id: int
    message_id: int | None = None
    """The message that will show the job, where it is known already."""
    action: str
    """How the job came to be: imagine, reroll, variation."""
    lane: str
    compat_key: str
    """Equal for jobs that take equally long, for equal costs."""
    batch_key: str | None = None
    """Equal for jobs that can be drawn as one batch; None: it is drawn alone."""
    pixels: int = 0
    """What it takes of a batch."""
    cost: float = 1.0
    """How much work it is; users are charged by it. 1 is a usual grid."""
    prompt: str
    """The canonical text that is shown to the user."""
    request: Mapping[str, Any]
    """The engine's request as JSON values; storage reads nothing of it but `model`."""
    request_version: int
    parent_job_id: int | None = None
    parent_image_index: int | None = None
    interaction_token: str | None = field(default=None, repr=False)
    interaction_expires_at: datetime | None = None
    file_limit_bytes: int | None = None
    """What Discord takes for one file in answer to this interaction."""
    sources: Mapping[str, str] | None = None
    """The sha256 of every picture that the prompt links to, by its link."""

    def __post_init__(self) -> None:
        # SQLite ignores the length of a column and takes NUL, PostgreSQL refuses both.
        if not 1 <= len(self.idempotency_key) <= MAX_IDEMPOTENCY_KEY:
            raise ValueError(
                f"idempotency_key: has {len(self.idempotency_key)} characters, "
                f"not 1 to {MAX_IDEMPOTENCY_KEY}"
            )
        if not self.cost > 0:
            raise ValueError(f"cost: {self.cost} is not above 0")
        if "\0" in self.prompt:
            raise ValueError("prompt: holds a NUL character")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """A job as it stands."""

    id: int
    idempotency_key: str
    user_id: int
    guild_id: int | None
    channel_id: int
    message_id: int | None
    """The message that shows this job."""
    interaction_token: str | None = field(repr=False)
    interaction_expires_at: datetime | None
    action: str
    parent_job_id: int | None
    parent_image_index: int | None
    lane: str
    compat_key: str
    prompt: str
    request: dict[str, Any]
    request_version: int
    state: JobState
    fence: int
    """Grows by one with every claim."""
    attempts: int
    worker: str | None
    lease_until: datetime | None
    cancel_requested: bool
    cancelled_by: int | None
    error_kind: str | None
    error_message: str | None
    timings: dict[str, float] | None
    """Seconds by stage, as the engine measured them."""
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cost: float = 1.0
    device: str | None = None
    """What draws it, or drew it last."""
    virtual_start: float | None = None
    """Its user's virtual time when it was first claimed."""
    file_limit_bytes: int | None = None
    sources: dict[str, str] | None = None
    """The sha256 of every picture that the prompt links to, by its link."""
    answer: dict[str, Any] | None = None
    """The engine's answer in words as JSON values, where words were asked for."""
    batch_key: str | None = None
    pixels: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedJob:
    """What a policy needs to know of a waiting job to choose the next one."""

    id: int
    user_id: int
    guild_id: int | None
    lane: str
    compat_key: str
    model: str | None
    """The request's `model`; None for a request that names none."""
    attempts: int
    created_at: datetime
    cost: float = 1.0
    virtual_time: float = 0.0
    """Its user's: what was drawn for them, by cost and weight of lane."""
    virtual_start: float | None = None
    """The virtual time at which it was claimed before it was lost; it is not charged again."""
    batch_key: str | None = None
    pixels: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedJob:
    """How long a job took, and what it was drawn with."""

    compat_key: str
    device: str | None
    cost: float
    timings: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """A job that is in the queue, and whether this call put it there."""

    job: JobRecord
    created: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A job that the caller may now draw, and the fence that its result must carry."""

    job: JobRecord
    fence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPicture:
    """A finished picture whose bytes are in the blob store already."""

    image_index: int
    """0-based place in the job."""
    sha256: str
    seed: int
    width: int
    height: int
    model: str
    media_type: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureRecord:
    """A picture as it stands."""

    id: int
    job_id: int
    image_index: int
    sha256: str
    seed: int
    width: int
    height: int
    model: str
    media_type: str
    size_bytes: int
    created_at: datetime
    deleted_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRecord:
    """The promise to tell a user how a job ended."""

    job_id: int
    nonce: str
    """At most 25 characters: Discord posts one message for one nonce, within some minutes."""
    state: DeliveryState
    channel_id: int
    message_id: int | None
    """The message that Discord made or changed; None until sent."""
    attempts: int
    next_attempt_at: datetime
    last_error: str | None
    created_at: datetime
    sent_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WishRecord:
    """What a user typed and has not said yes or no to yet."""

    id: int
    user_id: int
    prompt: str
    """As it was typed: it stands for several prompts."""
    created_at: datetime
    sources: dict[str, str] | None = None
    """The sha256 of every picture that the prompt links to, by its link."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromiseRecord:
    """A message that says that something is coming."""

    id: int
    interaction_id: int
    message_id: int | None
    """None: the interaction's own answer."""
    interaction_token: str = field(repr=False)
    interaction_expires_at: datetime
    created_at: datetime
