"""The tables. Integer milliseconds, aware UTC times, foreign keys everywhere; no behaviour beyond small
questions.

`Standing` and `TimeBucket` are kept, never computed on reading: a window query over 5 million laps takes
0.9 s, these rows 0.1 ms. They hold one row per race and racer, and a histogram of those rows for the rank.
`Event` is outbox, audit log and live stream in one; its ids only grow.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Double, ForeignKey, Index, MetaData, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from arena.league.columns import BigId, Document, UtcDateTime, enum_column
from arena.league.states import (
    COUNTING,
    Car,
    Direction,
    Driver,
    Hardware,
    JobKind,
    JobState,
    ObstacleKind,
    RaceType,
    Role,
    Ruling,
    Sense,
    SubmissionState,
    Timing,
)

CONSTRAINT_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """The common base; names every constraint, so that a migration can find it again."""

    metadata = MetaData(naming_convention=CONSTRAINT_NAMES)
    type_annotation_map = {  # noqa: RUF012  (SQLAlchemy reads it once, on the class)
        datetime: UtcDateTime(),
        float: Double(),
        dict[str, Any]: Document,
        list[int]: Document,
        Role: enum_column(Role),
        Timing: enum_column(Timing),
        Car: enum_column(Car),
        RaceType: enum_column(RaceType),
        Direction: enum_column(Direction),
        Driver: enum_column(Driver),
        ObstacleKind: enum_column(ObstacleKind),
        Ruling: enum_column(Ruling),
        SubmissionState: enum_column(SubmissionState),
        Hardware: enum_column(Hardware),
        JobKind: enum_column(JobKind),
        JobState: enum_column(JobState),
    }


class Team(Base):
    """People who race together; whoever has the invite code may join."""

    __tablename__ = "team"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(60))
    name_key: Mapped[str] = mapped_column(String(120), unique=True)
    invite_code: Mapped[str] = mapped_column(String(32), unique=True)
    created_at: Mapped[datetime]

    members: Mapped[list[Racer]] = relationship(back_populates="team", order_by="Racer.handle")


class Racer(Base):
    """A person, or a house car that everybody may measure themselves against."""

    __tablename__ = "racer"

    id: Mapped[int] = mapped_column(primary_key=True)
    handle: Mapped[str] = mapped_column(String(32), unique=True)
    name: Mapped[str] = mapped_column(String(60))
    role: Mapped[Role]
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"), index=True)
    password_hash: Mapped[str | None] = mapped_column(String(255))
    is_house: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]

    team: Mapped[Team | None] = relationship(back_populates="members")

    @property
    def is_organiser(self) -> bool:
        """May open seasons and races."""
        return self.role is Role.ORGANISER


class ApiToken(Base):
    """A key for programs; only its SHA-256 is kept."""

    __tablename__ = "api_token"

    id: Mapped[int] = mapped_column(primary_key=True)
    racer_id: Mapped[int] = mapped_column(ForeignKey("racer.id"), index=True)
    label: Mapped[str] = mapped_column(String(60))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    racer: Mapped[Racer] = relationship()


class Season(Base):
    """A dated hackathon: its races and what a place in them is worth."""

    __tablename__ = "season"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(60), unique=True)
    title: Mapped[str] = mapped_column(String(120))
    opens_at: Mapped[datetime]
    closes_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    points: Mapped[list[int]]
    created_at: Mapped[datetime]

    races: Mapped[list[Race]] = relationship(back_populates="season", order_by="Race.opens_at, Race.id")


class Race(Base):
    """One competition on one track; its rules, and what it puts on the road, are columns.

    `obstacles` (DeepRacer's "fraction,lane;...") or `obstacle_count` belong to object avoidance, the bots'
    columns to head to bots; they are None elsewhere. `cars` is 1, or 2 to 8 head to head. `senses` are the
    `Sense`s that an entry may use, in their order, with commas between.
    """

    __tablename__ = "race"

    id: Mapped[int] = mapped_column(primary_key=True)
    season_id: Mapped[int] = mapped_column(ForeignKey("season.id"), index=True)
    slug: Mapped[str] = mapped_column(String(60), unique=True)
    title: Mapped[str] = mapped_column(String(120))
    track: Mapped[str] = mapped_column(String(60))
    laps: Mapped[int]
    timing: Mapped[Timing]
    average_laps: Mapped[int | None]
    car: Mapped[Car] = mapped_column(default=Car.CLASSIC)
    opens_at: Mapped[datetime]
    closes_at: Mapped[datetime]
    opened_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    training_steps: Mapped[int]
    max_submissions: Mapped[int]
    off_track_penalty_ms: Mapped[int]
    seed: Mapped[int]
    race_type: Mapped[RaceType] = mapped_column(default=RaceType.TIME_TRIAL)
    direction: Mapped[Direction] = mapped_column(default=Direction.FORWARD)
    obstacles: Mapped[str | None] = mapped_column(String(500))
    obstacle_count: Mapped[int | None]
    obstacle_kind: Mapped[ObstacleKind] = mapped_column(default=ObstacleKind.BOX)
    bot_count: Mapped[int | None]
    bot_speed_mps: Mapped[float | None]
    bot_lane_change: Mapped[bool] = mapped_column(default=False)
    cars: Mapped[int] = mapped_column(default=1)
    collision_penalty_ms: Mapped[int] = mapped_column(default=5_000)
    imperfect: Mapped[bool] = mapped_column(default=False)
    takes_agents: Mapped[bool] = mapped_column(default=False)
    takes_policies: Mapped[bool] = mapped_column(default=False)
    may_continue: Mapped[bool] = mapped_column(default=True)
    senses: Mapped[str] = mapped_column(String(60), default=Sense.VECTOR.value)
    is_live: Mapped[bool] = mapped_column(default=False)
    max_queued: Mapped[int] = mapped_column(default=3)
    created_at: Mapped[datetime]

    season: Mapped[Season] = relationship(back_populates="races")

    def is_open(self, now: datetime) -> bool:
        """Takes submissions at this moment."""
        return self.closed_at is None and self.opens_at <= now < self.closes_at


class Submission(Base):
    """One immutable entry in a race, and what became of it.

    `source` is a reward function or an agent; a policy that was trained elsewhere is the artifact
    `upload_key`. With a `parent_id` the training went on from that submission's policy; `total_steps` are
    those of all ancestors and its own. `continuation_key` is what a training
    that goes on from this one needs.
    """

    __tablename__ = "submission"
    __table_args__ = (
        UniqueConstraint("race_id", "racer_id", "number"),
        Index(None, "racer_id", "created_at"),
        Index(None, "race_id", "state"),
    )

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    race_id: Mapped[int] = mapped_column(ForeignKey("race.id"))
    racer_id: Mapped[int] = mapped_column(ForeignKey("racer.id"))
    number: Mapped[int]
    driver: Mapped[Driver] = mapped_column(default=Driver.POLICY)
    source: Mapped[str] = mapped_column(Text)
    upload_key: Mapped[str | None] = mapped_column(String(64))
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("submission.id"))
    total_steps: Mapped[int | None]
    model_metadata: Mapped[str | None] = mapped_column(Text)
    hyperparameters: Mapped[str | None] = mapped_column(Text)
    state: Mapped[SubmissionState]
    verdict: Mapped[str | None] = mapped_column(String(32))
    verdict_message: Mapped[str | None] = mapped_column(Text)
    verdict_line: Mapped[int | None]
    verdict_detail: Mapped[str | None] = mapped_column(Text)
    output: Mapped[str | None] = mapped_column(Text)
    usage: Mapped[dict[str, Any] | None]
    digest: Mapped[str | None] = mapped_column(String(64))
    seed: Mapped[int | None] = mapped_column(BigId)
    policy_key: Mapped[str | None] = mapped_column(String(64))
    diagnosis_key: Mapped[str | None] = mapped_column(String(64))
    continuation_key: Mapped[str | None] = mapped_column(String(64))
    official_time_ms: Mapped[int | None]
    best_lap_ms: Mapped[int | None]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    race: Mapped[Race] = relationship()
    racer: Mapped[Racer] = relationship()
    parent: Mapped[Submission | None] = relationship(remote_side="Submission.id")
    trial: Mapped[Trial | None] = relationship(back_populates="submission")


class Trial(Base):
    """One evaluated drive of a trained policy or a house car: the official one of its submission.

    While its ruling is held, and for good once it is struck, it has laps but no official time.
    """

    __tablename__ = "trial"
    __table_args__ = (Index(None, "race_id", "racer_id"), Index(None, "ruling", "race_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[str] = mapped_column(ForeignKey("submission.id"), unique=True)
    race_id: Mapped[int] = mapped_column(ForeignKey("race.id"))
    racer_id: Mapped[int] = mapped_column(ForeignKey("racer.id"))
    driven_at: Mapped[datetime]
    official_ms: Mapped[int | None]
    best_lap_ms: Mapped[int | None]
    total_time_ms: Mapped[int]
    completed_laps: Mapped[int]
    off_track_count: Mapped[int]
    crash_count: Mapped[int] = mapped_column(default=0)
    reset_count: Mapped[int]
    finished: Mapped[bool]
    ended_by: Mapped[str] = mapped_column(String(32))
    trace_key: Mapped[str] = mapped_column(String(64))
    versions: Mapped[dict[str, Any]]
    ruling: Mapped[Ruling] = mapped_column(default=Ruling.NONE)
    ruling_reason: Mapped[str | None] = mapped_column(Text)
    ruled_by_id: Mapped[int | None] = mapped_column(ForeignKey("racer.id"))
    ruled_at: Mapped[datetime | None]

    submission: Mapped[Submission] = relationship(back_populates="trial")
    laps: Mapped[list[Lap]] = relationship(order_by="Lap.number")
    ruled_by: Mapped[Racer | None] = relationship(foreign_keys=[ruled_by_id])

    @property
    def counts(self) -> bool:
        """May have an official time: nobody doubts it, or the stewards cleared it."""
        return self.ruling in COUNTING


class Lap(Base):
    """One complete circuit; `lap_time_ms` includes the penalties that were served in it.

    `race_id` is the trial's: the records of a track read the fastest laps of a race from the index.
    """

    __tablename__ = "lap"
    __table_args__ = (Index(None, "race_id", "direction", "lap_time_ms"),)

    trial_id: Mapped[int] = mapped_column(ForeignKey("trial.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    race_id: Mapped[int] = mapped_column(ForeignKey("race.id"))
    direction: Mapped[Direction] = mapped_column(default=Direction.FORWARD)
    lap_time_ms: Mapped[int]
    off_track_count: Mapped[int]
    crash_count: Mapped[int] = mapped_column(default=0)
    reset_count: Mapped[int]
    penalty_ms: Mapped[int]


class Standing(Base):
    """A racer's best result in a race: the row of the board."""

    __tablename__ = "standing"
    __table_args__ = (
        Index(None, "race_id", "official_ms", "achieved_at", "racer_id"),
        Index(None, "race_id", "is_house"),
        Index(None, "racer_id"),
    )

    race_id: Mapped[int] = mapped_column(ForeignKey("race.id"), primary_key=True)
    racer_id: Mapped[int] = mapped_column(ForeignKey("racer.id"), primary_key=True)
    official_ms: Mapped[int]
    achieved_at: Mapped[datetime]
    trial_id: Mapped[int] = mapped_column(ForeignKey("trial.id"))
    submission_id: Mapped[str] = mapped_column(ForeignKey("submission.id"))
    laps: Mapped[int]
    trials: Mapped[int]
    is_house: Mapped[bool]


class TimeBucket(Base):
    """How many ranked racers of a race have their time in this slice; see scoring.bucket_of."""

    __tablename__ = "time_bucket"

    race_id: Mapped[int] = mapped_column(ForeignKey("race.id"), primary_key=True)
    bucket: Mapped[int] = mapped_column(primary_key=True)
    racers: Mapped[int]


class Award(Base):
    """A racer's copy of a badge, with what it was given for."""

    __tablename__ = "award"
    __table_args__ = (UniqueConstraint("racer_id", "badge", "season_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    racer_id: Mapped[int] = mapped_column(ForeignKey("racer.id"))
    badge: Mapped[str] = mapped_column(String(40))
    season_id: Mapped[int] = mapped_column(ForeignKey("season.id"), index=True)
    race_id: Mapped[int | None] = mapped_column(ForeignKey("race.id"))
    evidence: Mapped[dict[str, Any]]
    awarded_at: Mapped[datetime]


class Job(Base):
    """Work for a worker, with a lease: the row is the truth, whoever carries it carries only its id.

    `attempt` grows with every claim and fences late writers; `faults` counts the claims that we lost.
    `checkpoint_key` is the artifact from which the next attempt goes on.
    """

    __tablename__ = "job"
    __table_args__ = (
        Index(None, "state", "priority", "created_at"),
        Index(None, "state", "lease_until"),
        Index(None, "racer_id", "claimed_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[JobKind]
    priority: Mapped[int]
    state: Mapped[JobState]
    racer_id: Mapped[int] = mapped_column(ForeignKey("racer.id"))
    submission_id: Mapped[str | None] = mapped_column(ForeignKey("submission.id"), unique=True)
    needs: Mapped[Hardware] = mapped_column(default=Hardware.CPU)
    payload: Mapped[dict[str, Any]]
    result: Mapped[dict[str, Any] | None]
    attempt: Mapped[int] = mapped_column(default=0)
    faults: Mapped[int] = mapped_column(default=0)
    checkpoint_key: Mapped[str | None] = mapped_column(String(64))
    worker: Mapped[str | None] = mapped_column(String(120))
    lease_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    claimed_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class Event(Base):
    """One thing that happened, in the order in which it was committed."""

    __tablename__ = "event"
    __table_args__ = (
        Index(None, "season_id", "id"),
        Index(None, "race_id", "id"),
        Index(None, "submission_id", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime]
    name: Mapped[str] = mapped_column(String(40))
    season_id: Mapped[int | None] = mapped_column(ForeignKey("season.id"))
    race_id: Mapped[int | None] = mapped_column(ForeignKey("race.id"))
    racer_id: Mapped[int | None] = mapped_column(ForeignKey("racer.id"))
    submission_id: Mapped[str | None] = mapped_column(ForeignKey("submission.id"))
    payload: Mapped[dict[str, Any]]
