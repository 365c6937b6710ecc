"""A race names its car; those that exist were driven with the classic one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

CAR = sa.Enum("classic", "v6", name="car", native_enum=False, length=16)


def upgrade() -> None:
    """Add the column filled, then take the filling away: new races say it themselves."""
    with op.batch_alter_table("race") as table:
        table.add_column(sa.Column("car", CAR, nullable=False, server_default="classic"))
    with op.batch_alter_table("race") as table:
        table.alter_column("car", server_default=None, existing_type=CAR, existing_nullable=False)


def downgrade() -> None:
    """Forget which car it was."""
    with op.batch_alter_table("race") as table:
        table.drop_column("car")
