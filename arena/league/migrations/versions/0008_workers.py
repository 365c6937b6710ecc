"""Workers report in; jobs say what machine they want, races that they are live, entries what they used.

Races that exist were not live events; their racers may have three entries waiting at once, as from now on.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
# Each column that must have a value, with the one of the rows that exist.
FILLED: dict[str, tuple[tuple[str, Any, str], ...]] = {
    "race": (("is_live", sa.Boolean(), "0"), ("max_queued", sa.Integer(), "3")),
    "job": (("needs", sa.String(length=16), "cpu"),),
}


def upgrade() -> None:
    """Add the columns filled, then take the filling away: new rows say it themselves."""
    for name, columns in FILLED.items():
        with op.batch_alter_table(name) as table:
            for column, kind, value in columns:
                table.add_column(sa.Column(column, kind, nullable=False, server_default=value))
        with op.batch_alter_table(name) as table:
            for column, kind, _ in columns:
                table.alter_column(column, server_default=None, existing_type=kind, existing_nullable=False)
    usage = sa.JSON().with_variant(sa.dialects.postgresql.JSONB(), "postgresql")
    with op.batch_alter_table("submission") as table:
        table.add_column(sa.Column("usage", usage, nullable=True))
    op.create_table(
        "worker",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("offers", sa.String(length=40), nullable=False),
        sa.Column("trains", sa.Boolean(), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_worker")),
    )


def downgrade() -> None:
    """Forget all of it."""
    op.drop_table("worker")
    with op.batch_alter_table("submission") as table:
        table.drop_column("usage")
    for name, columns in FILLED.items():
        with op.batch_alter_table(name) as table:
            for column, _, _ in columns:
                table.drop_column(column)
