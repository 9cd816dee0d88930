"""The first tables: users, guilds, jobs, pictures, deliveries, leases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)
_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    for table in ("users", "guilds"):
        op.create_table(
            table,
            sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
            sa.Column("name", sa.Text(), nullable=False),
            sa.Column("created_at", _TIME, nullable=False),
            sa.Column("seen_at", _TIME, nullable=False),
            sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
        )
    _create_jobs()
    _create_pictures()
    _create_deliveries()
    op.create_table(
        "leases",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )


def _create_jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("idempotency_key", sa.String(100), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("guild_id", sa.BigInteger()),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.BigInteger()),
        sa.Column("interaction_token", sa.Text()),
        sa.Column("interaction_expires_at", _TIME),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("parent_job_id", _ROW_ID),
        sa.Column("parent_image_index", sa.Integer()),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("compat_key", sa.Text(), nullable=False),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("request", _JSON, nullable=False),
        sa.Column("request_version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("fence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("worker", sa.Text()),
        sa.Column("lease_until", _TIME),
        sa.Column("cancel_requested", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("cancelled_by", sa.BigInteger()),
        sa.Column("error_kind", sa.Text()),
        sa.Column("error_message", sa.Text()),
        sa.Column("timings", _JSON),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("started_at", _TIME),
        sa.Column("finished_at", _TIME),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
        sa.UniqueConstraint("idempotency_key", name="uq_jobs_idempotency_key"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_jobs_user_id_users"),
        sa.ForeignKeyConstraint(["guild_id"], ["guilds.id"], name="fk_jobs_guild_id_guilds"),
        sa.ForeignKeyConstraint(["parent_job_id"], ["jobs.id"], name="fk_jobs_parent_job_id_jobs"),
        sqlite_autoincrement=True,
    )
    _create_partial_index("ix_jobs_queued", "jobs", "id", where="state = 'queued'")
    _create_partial_index("ix_jobs_leases", "jobs", "lease_until", where="state = 'running'")
    op.create_index("ix_jobs_user_id_id", "jobs", ["user_id", "id"])


def _create_pictures() -> None:
    op.create_table(
        "pictures",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("job_id", _ROW_ID, nullable=False),
        sa.Column("image_index", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("deleted_at", _TIME),
        sa.PrimaryKeyConstraint("id", name="pk_pictures"),
        sa.UniqueConstraint("job_id", "image_index", name="uq_pictures_job_id_image_index"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_pictures_job_id_jobs"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_pictures_sha256", "pictures", ["sha256"])


def _create_deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("job_id", _ROW_ID, autoincrement=False, nullable=False),
        sa.Column("nonce", sa.String(25), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.BigInteger()),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_attempt_at", _TIME, nullable=False),
        sa.Column("last_error", sa.Text()),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("sent_at", _TIME),
        sa.PrimaryKeyConstraint("job_id", name="pk_deliveries"),
        sa.UniqueConstraint("nonce", name="uq_deliveries_nonce"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_deliveries_job_id_jobs"),
    )
    _create_partial_index(
        "ix_deliveries_due", "deliveries", "next_attempt_at", where="state = 'pending'"
    )


def _create_partial_index(name: str, table: str, column: str, *, where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, [column], sqlite_where=condition, postgresql_where=condition)


def downgrade() -> None:
    for table in ("leases", "deliveries", "pictures", "jobs", "guilds", "users"):
        op.drop_table(table)
