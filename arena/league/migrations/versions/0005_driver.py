"""A submission says who drives its car; those that exist were driven by what they taught."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

DRIVER = sa.String(length=16)


def upgrade() -> None:
    """Add the column filled, then take the filling away: new rows say it themselves."""
    with op.batch_alter_table("submission") as table:
        table.add_column(sa.Column("driver", DRIVER, nullable=False, server_default="policy"))
    with op.batch_alter_table("submission") as table:
        table.alter_column("driver", server_default=None, existing_type=DRIVER, existing_nullable=False)


def downgrade() -> None:
    """Forget who drove."""
    with op.batch_alter_table("submission") as table:
        table.drop_column("driver")
