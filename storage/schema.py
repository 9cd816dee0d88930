"""The tables. What they mean is said in `records`; how they change is in `migrations`.

Columns are `Text` without a length, because SQLite ignores lengths and PostgreSQL enforces them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Enum,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
)
from sqlalchemy.dialects.postgresql import JSONB

from storage.records import MAX_IDEMPOTENCY_KEY, DeliveryState, JobState

REVISION = "0006"
"""The migration that makes these tables; a test holds it to the newest one."""

MAX_NONCE = 25
"""Discord's limit."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """A time in UTC. SQLite has no time zones, so there it is stored without one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn any time with a zone into UTC; refuse one without."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the time zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


def _state(states: type[StrEnum]) -> Enum:
    return Enum(
        states,
        native_enum=False,
        length=16,
        values_callable=lambda members: [member.value for member in members],
    )


# SQLite numbers rows by itself only in a column whose type is INTEGER to the letter.
_RowId = BigInteger().with_variant(Integer(), "sqlite")
_Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")

users = Table(
    "users",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("virtual_time", Float, nullable=False, server_default="0", index=True),
)

guilds = Table(
    "guilds",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", _RowId, primary_key=True),
    Column("idempotency_key", String(MAX_IDEMPOTENCY_KEY), nullable=False, unique=True),
    Column("user_id", ForeignKey("users.id"), nullable=False),
    Column("guild_id", ForeignKey("guilds.id")),
    Column("channel_id", BigInteger, nullable=False),
    Column("message_id", BigInteger),
    Column("interaction_token", Text),
    Column("interaction_expires_at", UtcDateTime),
    Column("file_limit_bytes", BigInteger),
    Column("action", Text, nullable=False),
    Column("parent_job_id", ForeignKey("jobs.id")),
    Column("parent_image_index", Integer),
    Column("lane", Text, nullable=False),
    Column("compat_key", Text, nullable=False),
    Column("batch_key", Text),
    Column("pixels", BigInteger, nullable=False, server_default="0"),
    Column("cost", Float, nullable=False, server_default="1"),
    Column("prompt", Text, nullable=False),
    Column("request", _Json, nullable=False),
    Column("request_version", Integer, nullable=False),
    Column("sources", _Json),
    Column("state", _state(JobState), nullable=False),
    Column("fence", Integer, nullable=False, server_default="0"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("worker", Text),
    Column("device", Text),
    Column("virtual_start", Float),
    Column("lease_until", UtcDateTime),
    Column("cancel_requested", Boolean, nullable=False, server_default=false()),
    Column("cancelled_by", BigInteger),
    Column("error_kind", Text),
    Column("error_message", Text),
    Column("timings", _Json),
    Column("answer", _Json),
    Column("created_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    # Buttons hold job ids for ever: an id must not come back after its row is gone.
    sqlite_autoincrement=True,
)
_queued = jobs.c.state == JobState.QUEUED
_running = jobs.c.state == JobState.RUNNING
Index("ix_jobs_queued", jobs.c.id, sqlite_where=_queued, postgresql_where=_queued)
Index("ix_jobs_leases", jobs.c.lease_until, sqlite_where=_running, postgresql_where=_running)
Index(None, jobs.c.user_id, jobs.c.id)

pictures = Table(
    "pictures",
    metadata,
    Column("id", _RowId, primary_key=True),
    Column("job_id", ForeignKey("jobs.id"), nullable=False),
    Column("image_index", Integer, nullable=False),
    Column("sha256", String(64), nullable=False, index=True),
    Column("seed", BigInteger, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("model", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("deleted_at", UtcDateTime),
    UniqueConstraint("job_id", "image_index"),
    sqlite_autoincrement=True,
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("job_id", ForeignKey("jobs.id"), primary_key=True),
    Column("nonce", String(MAX_NONCE), nullable=False, unique=True),
    Column("state", _state(DeliveryState), nullable=False),
    Column("channel_id", BigInteger, nullable=False),
    Column("message_id", BigInteger),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_attempt_at", UtcDateTime, nullable=False),
    Column("last_error", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("sent_at", UtcDateTime),
)
_pending = deliveries.c.state == DeliveryState.PENDING
Index(
    "ix_deliveries_due",
    deliveries.c.next_attempt_at,
    sqlite_where=_pending,
    postgresql_where=_pending,
)

wishes = Table(
    "wishes",
    metadata,
    Column("id", _RowId, primary_key=True),
    Column("user_id", BigInteger, nullable=False),
    Column("prompt", Text, nullable=False),
    Column("sources", _Json),
    Column("created_at", UtcDateTime, nullable=False),
    # Buttons hold a wish's id: it must not come back as another's.
    sqlite_autoincrement=True,
)

promises = Table(
    "promises",
    metadata,
    Column("id", _RowId, primary_key=True),
    Column("interaction_id", BigInteger, nullable=False, index=True),
    Column("message_id", BigInteger),
    Column("interaction_token", Text, nullable=False),
    Column("interaction_expires_at", UtcDateTime, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)
