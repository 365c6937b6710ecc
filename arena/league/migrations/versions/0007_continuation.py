"""A submission names the file with which another training can go on from it; those that exist have none."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the empty column."""
    with op.batch_alter_table("submission") as table:
        table.add_column(sa.Column("continuation_key", sa.String(length=64), nullable=True))


def downgrade() -> None:
    """Forget them; their files stay."""
    with op.batch_alter_table("submission") as table:
        table.drop_column("continuation_key")
