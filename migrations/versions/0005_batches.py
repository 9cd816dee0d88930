"""Batches: which jobs can be drawn together, and what each takes of a batch."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("jobs") as jobs:
        jobs.add_column(sa.Column("batch_key", sa.Text(), nullable=True))
        jobs.add_column(sa.Column("pixels", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    with op.batch_alter_table("jobs") as jobs:
        jobs.drop_column("pixels")
        jobs.drop_column("batch_key")
