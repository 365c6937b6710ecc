"""A submission names the file with the diagnosis of its training; those that exist have none."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the empty column."""
    with op.batch_alter_table("submission") as table:
        table.add_column(sa.Column("diagnosis_key", sa.String(length=64), nullable=True))


def downgrade() -> None:
    """Forget the diagnoses; their files stay."""
    with op.batch_alter_table("submission") as table:
        table.drop_column("diagnosis_key")
