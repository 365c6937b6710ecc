"""A race says what may be entered and seen; a submission may be a file or train on from another one.

Races that exist took reward functions whose cars see the vector. Jobs may begin from a checkpoint.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# Each column that must have a value, with the one of the rows that exist.
RACE_COLUMNS = (
    ("takes_agents", sa.Boolean(), "0"),
    ("takes_policies", sa.Boolean(), "0"),
    ("may_continue", sa.Boolean(), "1"),
    ("senses", sa.String(length=60), "vector"),
)
SUBMISSION_COLUMNS: tuple[tuple[str, Any], ...] = (
    ("upload_key", sa.String(length=64)),
    ("parent_id", sa.String(length=26)),
    ("total_steps", sa.Integer()),
)
PARENT = "fk_submission_parent_id_submission"


def upgrade() -> None:
    """Add the columns filled, then take the filling away: new rows say it themselves."""
    with op.batch_alter_table("race") as table:
        for name, kind, value in RACE_COLUMNS:
            table.add_column(sa.Column(name, kind, nullable=False, server_default=value))
    with op.batch_alter_table("race") as table:
        for name, kind, _ in RACE_COLUMNS:
            table.alter_column(name, server_default=None, existing_type=kind, existing_nullable=False)
    with op.batch_alter_table("submission") as table:
        for name, kind in SUBMISSION_COLUMNS:
            table.add_column(sa.Column(name, kind))
        table.create_foreign_key(op.f(PARENT), "submission", ["parent_id"], ["id"])
    with op.batch_alter_table("job") as table:
        table.add_column(sa.Column("checkpoint_key", sa.String(length=64)))


def downgrade() -> None:
    """Forget all of it."""
    with op.batch_alter_table("job") as table:
        table.drop_column("checkpoint_key")
    with op.batch_alter_table("submission") as table:
        table.drop_constraint(op.f(PARENT), type_="foreignkey")
        for name, _ in SUBMISSION_COLUMNS:
            table.drop_column(name)
    with op.batch_alter_table("race") as table:
        for name, _, _ in RACE_COLUMNS:
            table.drop_column(name)
