"""What a fair queue needs: virtual time, costs, the device, and the limit of a file."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_JOB_COLUMNS = ("file_limit_bytes", "cost", "device", "virtual_start")


def upgrade() -> None:
    with op.batch_alter_table("users") as users:
        users.add_column(sa.Column("virtual_time", sa.Float(), server_default="0", nullable=False))
        users.create_index("ix_users_virtual_time", ["virtual_time"])
    with op.batch_alter_table("jobs") as jobs:
        jobs.add_column(sa.Column("file_limit_bytes", sa.BigInteger()))
        jobs.add_column(sa.Column("cost", sa.Float(), server_default="1", nullable=False))
        jobs.add_column(sa.Column("device", sa.Text()))
        jobs.add_column(sa.Column("virtual_start", sa.Float()))


def downgrade() -> None:
    with op.batch_alter_table("jobs") as jobs:
        for column in _JOB_COLUMNS:
            jobs.drop_column(column)
    with op.batch_alter_table("users") as users:
        users.drop_index("ix_users_virtual_time")
        users.drop_column("virtual_time")
