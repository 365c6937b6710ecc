"""What pages read beyond the league's own reads: lists and facts, one query each, never a change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased, joinedload, selectinload

from arena.league.models import Award, Event, Job, Race, Racer, Season, Standing, Submission, Team, Trial
from arena.league.states import WAITING_OR_RUNNING, Driver, Ruling, SubmissionState

TICKER_EVENTS = (
    "season.opened", "season.closed", "race.opened", "race.closed", "standing.changed", "badge.awarded",
    "racer.joined",
)  # fmt: skip


class Phase(StrEnum):
    """Where a season or race stands between its dates."""

    SOON = "soon"
    OPEN = "open"
    OVER = "over"


def phase(row: Season | Race, now: datetime) -> Phase:
    """Return the phase of a season or race at a moment."""
    if row.closed_at is not None or now >= row.closes_at:
        return Phase.OVER
    return Phase.SOON if now < row.opens_at else Phase.OPEN


@dataclass(frozen=True, slots=True)
class RaceCard:
    """A race as its card shows it."""

    race: Race
    phase: Phase
    racers: int
    leader: str | None
    leader_ms: int | None


def seasons(session: Session) -> Sequence[Season]:
    """Return all seasons with their races, the newest first."""
    wanted = (
        select(Season).options(selectinload(Season.races)).order_by(Season.opens_at.desc(), Season.id.desc())
    )
    return session.scalars(wanted).all()


def race_cards(session: Session, season: Season, now: datetime) -> list[RaceCard]:
    """Return the season's races in order, each with its number of racers and its leader."""
    drivers = (
        select(Standing.race_id, func.count())
        .join(Race, Race.id == Standing.race_id)
        .where(Race.season_id == season.id)
        .group_by(Standing.race_id)
    )
    counted = dict(session.execute(drivers).all())
    leaders = {race_id: (name, ms) for race_id, name, ms in session.execute(_leaders(season))}
    cards = []
    for race in season.races:
        leader, leader_ms = leaders.get(race.id, (None, None))
        cards.append(RaceCard(race, phase(race, now), counted.get(race.id, 0), leader, leader_ms))
    return cards


def _leaders(season: Season) -> Any:
    """Select race id, name and time of each race's first row of the board."""
    best = aliased(Standing)
    first = (
        select(best.racer_id)
        .where(best.race_id == Race.id)
        .order_by(best.official_ms, best.achieved_at, best.racer_id)
        .limit(1)
        .correlate(Race)
        .scalar_subquery()
    )
    return (
        select(Race.id, Racer.name, Standing.official_ms)
        .select_from(Race)
        .join(Standing, (Standing.race_id == Race.id) & (Standing.racer_id == first))
        .join(Racer, Racer.id == Standing.racer_id)
        .where(Race.season_id == season.id)
    )


def open_races(session: Session, now: datetime) -> Sequence[Race]:
    """Return the races that take entries now, the next to close first."""
    wanted = select(Race).where(Race.closed_at.is_(None), Race.opens_at <= now, Race.closes_at > now)
    return session.scalars(wanted.options(joinedload(Race.season)).order_by(Race.closes_at, Race.id)).all()


@dataclass(frozen=True, slots=True)
class TickerItem:
    """One thing that happened, for the ticker."""

    id: int
    at: datetime
    name: str
    payload: dict[str, Any]
    racer: str | None
    racer_name: str | None
    race: str | None
    race_title: str | None


def ticker(
    session: Session, season: Season, race: Race | None = None, *, limit: int = 20
) -> list[TickerItem]:
    """Return the newest public events of a season, or of one of its races, the newest first."""
    wanted = (
        select(Event.id, Event.at, Event.name, Event.payload, Racer.handle, Racer.name, Race.slug, Race.title)
        .outerjoin(Racer, Racer.id == Event.racer_id)
        .outerjoin(Race, Race.id == Event.race_id)
        .where(Event.name.in_(TICKER_EVENTS))
        .order_by(Event.id.desc())
        .limit(limit)
    )
    wanted = wanted.where(Event.race_id == race.id) if race else wanted.where(Event.season_id == season.id)
    return [TickerItem(*row) for row in session.execute(wanted)]


def last_event_id(session: Session) -> int:
    """Return the position of the event log that a page shows; its live room goes on from there."""
    return session.scalar(select(func.max(Event.id))) or 0


def progress_of(session: Session, submission: Submission) -> dict[str, Any] | None:
    """Return the newest training report of a submission, if there is one."""
    wanted = select(Event.payload).where(
        Event.submission_id == submission.id, Event.name == "training.progressed"
    )
    return session.scalar(wanted.order_by(Event.id.desc()).limit(1))


def submissions_of(session: Session, racer: Racer, *, limit: int = 100) -> Sequence[Submission]:
    """Return a racer's submissions with their races and drives, the newest first."""
    whole = (joinedload(Submission.race), joinedload(Submission.trial))
    wanted = select(Submission).where(Submission.racer_id == racer.id).options(*whole)
    return session.scalars(wanted.order_by(Submission.created_at.desc(), Submission.id).limit(limit)).all()


def last_submission(
    session: Session, race: Race, racer: Racer, driver: Driver | None = None
) -> Submission | None:
    """Return the racer's newest submission in a race, of a kind if named: what the editor starts from."""
    wanted = select(Submission).where(Submission.race_id == race.id, Submission.racer_id == racer.id)
    if driver is not None:
        wanted = wanted.where(Submission.driver == driver)
    return session.scalar(wanted.order_by(Submission.number.desc()).limit(1))


def standing_of(session: Session, submission: Submission) -> Standing | None:
    """Return the row of the board that this submission gave, if it is still its racer's best."""
    return session.scalar(select(Standing).where(Standing.submission_id == submission.id))


def racer_by_handle(session: Session, handle: str) -> Racer | None:
    """Return a racer with the team."""
    return session.scalar(select(Racer).where(Racer.handle == handle).options(joinedload(Racer.team)))


Awards = Sequence[tuple[Award, Season, Race | None]]


def awards_of(session: Session, racer: Racer) -> Awards:
    """Return a racer's awards with their season and race, the newest first."""
    wanted = (
        select(Award, Season, Race)
        .join(Season, Season.id == Award.season_id)
        .outerjoin(Race, Race.id == Award.race_id)
        .where(Award.racer_id == racer.id)
        .order_by(Award.awarded_at.desc(), Award.id.desc())
    )
    return session.execute(wanted).all()


def standings_of(session: Session, racer: Racer) -> Sequence[tuple[Standing, Race, Season]]:
    """Return a racer's best result in each race, the newest race first."""
    wanted = (
        select(Standing, Race, Season)
        .join(Race, Race.id == Standing.race_id)
        .join(Season, Season.id == Race.season_id)
        .where(Standing.racer_id == racer.id)
        .order_by(Race.opens_at.desc(), Race.id.desc())
    )
    return session.execute(wanted).all()


def teams(session: Session) -> Sequence[Team]:
    """Return all teams with their members, by name."""
    return session.scalars(select(Team).options(selectinload(Team.members)).order_by(Team.name_key)).all()


@dataclass(frozen=True, slots=True)
class RacerRow:
    """A racer as the organiser's list shows it."""

    handle: str
    name: str
    team: str | None
    role: str
    created_at: datetime
    submissions: int
    newest: datetime | None


def racers(session: Session) -> list[RacerRow]:
    """Return all people (no house cars) with their number of submissions, by name."""
    wanted = (
        select(
            Racer.handle, Racer.name, Team.name, Racer.role, Racer.created_at,
            func.count(Submission.id), func.max(Submission.created_at),
        )
        .outerjoin(Team, Team.id == Racer.team_id)
        .outerjoin(Submission, Submission.racer_id == Racer.id)
        .where(Racer.is_house.is_(False))
        .group_by(Racer.id, Team.name)
        .order_by(func.lower(Racer.name), Racer.id)
    )  # fmt: skip
    return [RacerRow(*row) for row in session.execute(wanted)]


def stalled(session: Session) -> Sequence[Submission]:
    """Return the submissions that our own faults have stopped, the newest first."""
    wanted = select(Submission).where(Submission.state == SubmissionState.STALLED)
    loaded = wanted.options(joinedload(Submission.race), joinedload(Submission.racer))
    return session.scalars(loaded.order_by(Submission.created_at.desc())).all()


def held_count(session: Session) -> int:
    """Count the drives that wait for the stewards."""
    return session.scalar(select(func.count()).where(Trial.ruling == Ruling.HELD)) or 0


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """How busy the workers are."""

    waiting: int
    running: int
    oldest: datetime | None


def queue_facts(session: Session) -> QueueFacts:
    """Count the submissions that wait and that run."""
    wanted = select(Submission.state, func.count(), func.min(Submission.created_at)).group_by(
        Submission.state
    )
    found = {state: (number, oldest) for state, number, oldest in session.execute(
        wanted.where(Submission.state.in_(WAITING_OR_RUNNING))
    )}  # fmt: skip
    waiting, oldest = found.get(SubmissionState.QUEUED, (0, None))
    running = sum(number for state, (number, _) in found.items() if state is not SubmissionState.QUEUED)
    return QueueFacts(waiting, running, oldest)


def job_of(session: Session, submission: Submission) -> Job | None:
    """Return the job that carries a submission: its attempts and its worker."""
    return session.scalar(select(Job).where(Job.submission_id == submission.id))
