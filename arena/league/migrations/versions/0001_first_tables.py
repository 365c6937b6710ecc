"""The first tables: people, seasons and races, submissions and their jobs, results, awards, events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create them, parents before children."""
    op.create_table(
        "season",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(length=60), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("opens_at", MOMENT, nullable=False),
        sa.Column("closes_at", MOMENT, nullable=False),
        sa.Column("closed_at", MOMENT, nullable=True),
        sa.Column("points", DOCUMENT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_season")),
        sa.UniqueConstraint("slug", name=op.f("uq_season_slug")),
    )
    op.create_table(
        "team",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("name_key", sa.String(length=120), nullable=False),
        sa.Column("invite_code", sa.String(length=32), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_team")),
        sa.UniqueConstraint("invite_code", name=op.f("uq_team_invite_code")),
        sa.UniqueConstraint("name_key", name=op.f("uq_team_name_key")),
    )
    op.create_table(
        "race",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("season_id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(length=60), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("track", sa.String(length=60), nullable=False),
        sa.Column("laps", sa.Integer(), nullable=False),
        sa.Column("timing", sa.String(length=16), nullable=False),
        sa.Column("average_laps", sa.Integer(), nullable=True),
        sa.Column("opens_at", MOMENT, nullable=False),
        sa.Column("closes_at", MOMENT, nullable=False),
        sa.Column("opened_at", MOMENT, nullable=True),
        sa.Column("closed_at", MOMENT, nullable=True),
        sa.Column("training_steps", sa.Integer(), nullable=False),
        sa.Column("max_submissions", sa.Integer(), nullable=False),
        sa.Column("off_track_penalty_ms", sa.Integer(), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["season_id"], ["season.id"], name=op.f("fk_race_season_id_season")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_race")),
        sa.UniqueConstraint("slug", name=op.f("uq_race_slug")),
    )
    with op.batch_alter_table("race", schema=None) as batch_op:
        batch_op.create_index(op.f("ix_race_season_id"), ["season_id"], unique=False)

    op.create_table(
        "racer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("handle", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("team_id", sa.Integer(), nullable=True),
        sa.Column("password_hash", sa.String(length=255), nullable=True),
        sa.Column("is_house", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_racer_team_id_team")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_racer")),
        sa.UniqueConstraint("handle", name=op.f("uq_racer_handle")),
    )
    with op.batch_alter_table("racer", schema=None) as batch_op:
        batch_op.create_index(op.f("ix_racer_team_id"), ["team_id"], unique=False)

    op.create_table(
        "api_token",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("racer_id", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(length=60), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("last_used_at", MOMENT, nullable=True),
        sa.Column("revoked_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["racer_id"], ["racer.id"], name=op.f("fk_api_token_racer_id_racer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_token_token_hash")),
    )
    with op.batch_alter_table("api_token", schema=None) as batch_op:
        batch_op.create_index(op.f("ix_api_token_racer_id"), ["racer_id"], unique=False)

    op.create_table(
        "award",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("racer_id", sa.Integer(), nullable=False),
        sa.Column("badge", sa.String(length=40), nullable=False),
        sa.Column("season_id", sa.Integer(), nullable=False),
        sa.Column("race_id", sa.Integer(), nullable=True),
        sa.Column("evidence", DOCUMENT, nullable=False),
        sa.Column("awarded_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["race_id"], ["race.id"], name=op.f("fk_award_race_id_race")),
        sa.ForeignKeyConstraint(["racer_id"], ["racer.id"], name=op.f("fk_award_racer_id_racer")),
        sa.ForeignKeyConstraint(["season_id"], ["season.id"], name=op.f("fk_award_season_id_season")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_award")),
        sa.UniqueConstraint("racer_id", "badge", "season_id", name=op.f("uq_award_racer_id_badge_season_id")),
    )
    with op.batch_alter_table("award", schema=None) as batch_op:
        batch_op.create_index(op.f("ix_award_season_id"), ["season_id"], unique=False)

    op.create_table(
        "submission",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("race_id", sa.Integer(), nullable=False),
        sa.Column("racer_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("model_metadata", sa.Text(), nullable=True),
        sa.Column("hyperparameters", sa.Text(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("verdict", sa.String(length=32), nullable=True),
        sa.Column("verdict_message", sa.Text(), nullable=True),
        sa.Column("verdict_line", sa.Integer(), nullable=True),
        sa.Column("verdict_detail", sa.Text(), nullable=True),
        sa.Column("output", sa.Text(), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.Column("seed", BIG_ID, nullable=True),
        sa.Column("policy_key", sa.String(length=64), nullable=True),
        sa.Column("official_time_ms", sa.Integer(), nullable=True),
        sa.Column("best_lap_ms", sa.Integer(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("started_at", MOMENT, nullable=True),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["race_id"], ["race.id"], name=op.f("fk_submission_race_id_race")),
        sa.ForeignKeyConstraint(["racer_id"], ["racer.id"], name=op.f("fk_submission_racer_id_racer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submission")),
        sa.UniqueConstraint(
            "race_id", "racer_id", "number", name=op.f("uq_submission_race_id_racer_id_number")
        ),
    )
    with op.batch_alter_table("submission", schema=None) as batch_op:
        batch_op.create_index(op.f("ix_submission_race_id_state"), ["race_id", "state"], unique=False)
        batch_op.create_index(
            op.f("ix_submission_racer_id_created_at"), ["racer_id", "created_at"], unique=False
        )

    op.create_table(
        "time_bucket",
        sa.Column("race_id", sa.Integer(), nullable=False),
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("racers", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["race_id"], ["race.id"], name=op.f("fk_time_bucket_race_id_race")),
        sa.PrimaryKeyConstraint("race_id", "bucket", name=op.f("pk_time_bucket")),
    )
    op.create_table(
        "event",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("season_id", sa.Integer(), nullable=True),
        sa.Column("race_id", sa.Integer(), nullable=True),
        sa.Column("racer_id", sa.Integer(), nullable=True),
        sa.Column("submission_id", sa.String(length=26), nullable=True),
        sa.Column("payload", DOCUMENT, nullable=False),
        sa.ForeignKeyConstraint(["race_id"], ["race.id"], name=op.f("fk_event_race_id_race")),
        sa.ForeignKeyConstraint(["racer_id"], ["racer.id"], name=op.f("fk_event_racer_id_racer")),
        sa.ForeignKeyConstraint(["season_id"], ["season.id"], name=op.f("fk_event_season_id_season")),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submission.id"], name=op.f("fk_event_submission_id_submission")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.create_index(op.f("ix_event_race_id_id"), ["race_id", "id"], unique=False)
        batch_op.create_index(op.f("ix_event_season_id_id"), ["season_id", "id"], unique=False)
        batch_op.create_index(op.f("ix_event_submission_id_id"), ["submission_id", "id"], unique=False)

    op.create_table(
        "job",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("racer_id", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.String(length=26), nullable=True),
        sa.Column("payload", DOCUMENT, nullable=False),
        sa.Column("result", DOCUMENT, nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("faults", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(length=120), nullable=True),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("claimed_at", MOMENT, nullable=True),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["racer_id"], ["racer.id"], name=op.f("fk_job_racer_id_racer")),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submission.id"], name=op.f("fk_job_submission_id_submission")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
        sa.UniqueConstraint("submission_id", name=op.f("uq_job_submission_id")),
    )
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.create_index(op.f("ix_job_racer_id_claimed_at"), ["racer_id", "claimed_at"], unique=False)
        batch_op.create_index(op.f("ix_job_state_lease_until"), ["state", "lease_until"], unique=False)
        batch_op.create_index(
            op.f("ix_job_state_priority_created_at"), ["state", "priority", "created_at"], unique=False
        )

    op.create_table(
        "trial",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.String(length=26), nullable=False),
        sa.Column("race_id", sa.Integer(), nullable=False),
        sa.Column("racer_id", sa.Integer(), nullable=False),
        sa.Column("driven_at", MOMENT, nullable=False),
        sa.Column("official_ms", sa.Integer(), nullable=True),
        sa.Column("best_lap_ms", sa.Integer(), nullable=True),
        sa.Column("total_time_ms", sa.Integer(), nullable=False),
        sa.Column("completed_laps", sa.Integer(), nullable=False),
        sa.Column("off_track_count", sa.Integer(), nullable=False),
        sa.Column("reset_count", sa.Integer(), nullable=False),
        sa.Column("finished", sa.Boolean(), nullable=False),
        sa.Column("ended_by", sa.String(length=32), nullable=False),
        sa.Column("trace_key", sa.String(length=64), nullable=False),
        sa.Column("versions", DOCUMENT, nullable=False),
        sa.ForeignKeyConstraint(["race_id"], ["race.id"], name=op.f("fk_trial_race_id_race")),
        sa.ForeignKeyConstraint(["racer_id"], ["racer.id"], name=op.f("fk_trial_racer_id_racer")),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submission.id"], name=op.f("fk_trial_submission_id_submission")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trial")),
        sa.UniqueConstraint("submission_id", name=op.f("uq_trial_submission_id")),
    )
    with op.batch_alter_table("trial", schema=None) as batch_op:
        batch_op.create_index(op.f("ix_trial_race_id_racer_id"), ["race_id", "racer_id"], unique=False)

    op.create_table(
        "lap",
        sa.Column("trial_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("lap_time_ms", sa.Integer(), nullable=False),
        sa.Column("off_track_count", sa.Integer(), nullable=False),
        sa.Column("reset_count", sa.Integer(), nullable=False),
        sa.Column("penalty_ms", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["trial_id"], ["trial.id"], name=op.f("fk_lap_trial_id_trial")),
        sa.PrimaryKeyConstraint("trial_id", "number", name=op.f("pk_lap")),
    )
    op.create_table(
        "standing",
        sa.Column("race_id", sa.Integer(), nullable=False),
        sa.Column("racer_id", sa.Integer(), nullable=False),
        sa.Column("official_ms", sa.Integer(), nullable=False),
        sa.Column("achieved_at", MOMENT, nullable=False),
        sa.Column("trial_id", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.String(length=26), nullable=False),
        sa.Column("laps", sa.Integer(), nullable=False),
        sa.Column("trials", sa.Integer(), nullable=False),
        sa.Column("is_house", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["race_id"], ["race.id"], name=op.f("fk_standing_race_id_race")),
        sa.ForeignKeyConstraint(["racer_id"], ["racer.id"], name=op.f("fk_standing_racer_id_racer")),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submission.id"], name=op.f("fk_standing_submission_id_submission")
        ),
        sa.ForeignKeyConstraint(["trial_id"], ["trial.id"], name=op.f("fk_standing_trial_id_trial")),
        sa.PrimaryKeyConstraint("race_id", "racer_id", name=op.f("pk_standing")),
    )
    with op.batch_alter_table("standing", schema=None) as batch_op:
        batch_op.create_index(op.f("ix_standing_race_id_is_house"), ["race_id", "is_house"], unique=False)
        batch_op.create_index(
            op.f("ix_standing_race_id_official_ms_achieved_at_racer_id"),
            ["race_id", "official_ms", "achieved_at", "racer_id"],
            unique=False,
        )
        batch_op.create_index(op.f("ix_standing_racer_id"), ["racer_id"], unique=False)


def downgrade() -> None:
    """Remove them, children before parents."""
    with op.batch_alter_table("standing", schema=None) as batch_op:
        batch_op.drop_index(op.f("ix_standing_racer_id"))
        batch_op.drop_index(op.f("ix_standing_race_id_official_ms_achieved_at_racer_id"))
        batch_op.drop_index(op.f("ix_standing_race_id_is_house"))

    op.drop_table("standing")
    op.drop_table("lap")
    with op.batch_alter_table("trial", schema=None) as batch_op:
        batch_op.drop_index(op.f("ix_trial_race_id_racer_id"))

    op.drop_table("trial")
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.drop_index(op.f("ix_job_state_priority_created_at"))
        batch_op.drop_index(op.f("ix_job_state_lease_until"))
        batch_op.drop_index(op.f("ix_job_racer_id_claimed_at"))

    op.drop_table("job")
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.drop_index(op.f("ix_event_submission_id_id"))
        batch_op.drop_index(op.f("ix_event_season_id_id"))
        batch_op.drop_index(op.f("ix_event_race_id_id"))

    op.drop_table("event")
    op.drop_table("time_bucket")
    with op.batch_alter_table("submission", schema=None) as batch_op:
        batch_op.drop_index(op.f("ix_submission_racer_id_created_at"))
        batch_op.drop_index(op.f("ix_submission_race_id_state"))

    op.drop_table("submission")
    with op.batch_alter_table("award", schema=None) as batch_op:
        batch_op.drop_index(op.f("ix_award_season_id"))

    op.drop_table("award")
    with op.batch_alter_table("api_token", schema=None) as batch_op:
        batch_op.drop_index(op.f("ix_api_token_racer_id"))

    op.drop_table("api_token")
    with op.batch_alter_table("racer", schema=None) as batch_op:
        batch_op.drop_index(op.f("ix_racer_team_id"))

    op.drop_table("racer")
    with op.batch_alter_table("race", schema=None) as batch_op:
        batch_op.drop_index(op.f("ix_race_season_id"))

    op.drop_table("race")
    op.drop_table("team")
    op.drop_table("season")
