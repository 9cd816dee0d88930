"""Pictures as prompts: where a job's pictures came from, and answers in words."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    with op.batch_alter_table("jobs") as jobs:
        jobs.add_column(sa.Column("sources", _JSON))
        jobs.add_column(sa.Column("answer", _JSON))
    with op.batch_alter_table("wishes") as wishes:
        wishes.add_column(sa.Column("sources", _JSON))


def downgrade() -> None:
    with op.batch_alter_table("wishes") as wishes:
        wishes.drop_column("sources")
    with op.batch_alter_table("jobs") as jobs:
        jobs.drop_column("answer")
        jobs.drop_column("sources")
