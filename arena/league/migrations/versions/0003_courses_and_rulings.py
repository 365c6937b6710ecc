"""A race says what is on its road and which way round; laps say their direction; trials have rulings.

What exists were time trials, driven forward on an empty road, and nobody doubted them.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
WORD = sa.String(length=16)

Filled = tuple[tuple[str, Any, str], ...]
Open = tuple[tuple[str, Any], ...]

# Each column that must have a value, with the one of the rows that exist.
RACE_COLUMNS: Filled = (
    ("race_type", WORD, "time_trial"),
    ("direction", WORD, "forward"),
    ("obstacle_kind", WORD, "box"),
    ("bot_lane_change", sa.Boolean(), "0"),
    ("cars", sa.Integer(), "1"),
    ("collision_penalty_ms", sa.Integer(), "5000"),
    ("imperfect", sa.Boolean(), "0"),
)
RACE_CHOICES: Open = (
    ("obstacles", sa.String(length=500)),
    ("obstacle_count", sa.Integer()),
    ("bot_count", sa.Integer()),
    ("bot_speed_mps", sa.Double()),
)
TRIAL_COLUMNS: Filled = (
    ("crash_count", sa.Integer(), "0"),
    ("ruling", WORD, "none"),
)
TRIAL_CHOICES: Open = (
    ("ruling_reason", sa.Text()),
    ("ruled_by_id", sa.Integer()),
    ("ruled_at", MOMENT),
)
LAP_COLUMNS: Filled = (
    ("direction", WORD, "forward"),
    ("crash_count", sa.Integer(), "0"),
)


def upgrade() -> None:
    """Add the columns filled, then take the filling away: new rows say it themselves."""
    _add("race", RACE_COLUMNS, RACE_CHOICES)
    _add("trial", TRIAL_COLUMNS, TRIAL_CHOICES)
    _add("lap", LAP_COLUMNS, (("race_id", sa.Integer()),))
    op.execute("UPDATE lap SET race_id = (SELECT race_id FROM trial WHERE trial.id = lap.trial_id)")
    with op.batch_alter_table("trial") as table:
        table.create_foreign_key(op.f("fk_trial_ruled_by_id_racer"), "racer", ["ruled_by_id"], ["id"])
        table.create_index(op.f("ix_trial_ruling_race_id"), ["ruling", "race_id"])
    with op.batch_alter_table("lap") as table:
        table.alter_column("race_id", existing_type=sa.Integer(), nullable=False)
        table.create_foreign_key(op.f("fk_lap_race_id_race"), "race", ["race_id"], ["id"])
        table.create_index(
            op.f("ix_lap_race_id_direction_lap_time_ms"), ["race_id", "direction", "lap_time_ms"]
        )


def downgrade() -> None:
    """Forget all of it: what is left reads as time trials."""
    with op.batch_alter_table("lap") as table:
        table.drop_index(op.f("ix_lap_race_id_direction_lap_time_ms"))
        table.drop_constraint(op.f("fk_lap_race_id_race"), type_="foreignkey")
        for name in ("race_id", *(name for name, _, _ in LAP_COLUMNS)):
            table.drop_column(name)
    with op.batch_alter_table("trial") as table:
        table.drop_index(op.f("ix_trial_ruling_race_id"))
        table.drop_constraint(op.f("fk_trial_ruled_by_id_racer"), type_="foreignkey")
        for name in _names(TRIAL_COLUMNS, TRIAL_CHOICES):
            table.drop_column(name)
    with op.batch_alter_table("race") as table:
        for name in _names(RACE_COLUMNS, RACE_CHOICES):
            table.drop_column(name)


def _add(table_name: str, filled: Filled, choices: Open) -> None:
    with op.batch_alter_table(table_name) as table:
        for name, kind, value in filled:
            table.add_column(sa.Column(name, kind, nullable=False, server_default=_literal(kind, value)))
        for name, kind in choices:
            table.add_column(sa.Column(name, kind, nullable=True))
    with op.batch_alter_table(table_name) as table:
        for name, kind, _ in filled:
            table.alter_column(name, server_default=None, existing_type=kind, existing_nullable=False)


def _literal(kind: Any, value: str) -> Any:
    """PostgreSQL has no number for false."""
    return sa.false() if isinstance(kind, sa.Boolean) else value


def _names(filled: Filled, choices: Open) -> tuple[str, ...]:
    return (*(name for name, _, _ in filled), *(name for name, _ in choices))
