"""The log of everything that happened: outbox, audit log and live stream in one append-only table.

Every verb appends its event in the transaction of its change, so the log never tells of something that was
rolled back and never misses something that was committed. Readers keep a cursor (the last id they saw) and
are idempotent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from arena.league import db
from arena.league.columns import Json, as_utc_text, storable_json
from arena.league.models import Event, Race, Racer, Season, Submission


@dataclass(frozen=True, slots=True)
class LogEntry:
    """An event with the public names of what it concerns: the form in which it leaves the league."""

    id: int
    at: datetime
    name: str
    season: str | None
    race: str | None
    racer: str | None
    submission: str | None
    payload: Json

    def as_json(self) -> Json:
        """Return the event as clients get it."""
        return {
            "id": self.id,
            "at": as_utc_text(self.at),
            "name": self.name,
            "season": self.season,
            "race": self.race,
            "racer": self.racer,
            "submission": self.submission,
            "payload": self.payload,
        }


@dataclass(frozen=True, slots=True)
class Subject:
    """What an event is about: each fills in all that it knows, so that rooms can filter by any of it."""

    season_id: int | None = None
    race_id: int | None = None
    racer_id: int | None = None
    submission_id: str | None = None

    @classmethod
    def of_submission(cls, submission: Submission) -> Subject:
        """Fill in everything from a submission."""
        race = submission.race
        return cls(race.season_id, race.id, submission.racer_id, submission.id)


def append(
    session: Session, name: str, subject: Subject, *, at: datetime, payload: Json | None = None
) -> Event:
    """Write one event; NaN and infinity in the payload become null, which every reader understands."""
    db.take_turn(session)
    event = Event(
        at=at,
        name=name,
        season_id=subject.season_id,
        race_id=subject.race_id,
        racer_id=subject.racer_id,
        submission_id=subject.submission_id,
        payload=storable_json(payload or {}),
    )
    session.add(event)
    session.flush()
    return event


def read_after(
    session: Session,
    cursor: int,
    limit: int = 500,
    *,
    season_id: int | None = None,
    race_id: int | None = None,
    submission_id: str | None = None,
    names: Iterable[str] | None = None,
) -> list[LogEntry]:
    """Return the events after the cursor, oldest first, of a season, race or submission if one is given."""
    query = _entries().where(Event.id > cursor).order_by(Event.id).limit(limit)
    return _run(session, _narrowed(query, season_id, race_id, submission_id, names))


def read_latest(
    session: Session,
    limit: int = 50,
    *,
    season_id: int | None = None,
    race_id: int | None = None,
    submission_id: str | None = None,
    names: Iterable[str] | None = None,
) -> list[LogEntry]:
    """Return the newest events, newest first: what a page shows before the stream takes over."""
    query = _entries().order_by(Event.id.desc()).limit(limit)
    return _run(session, _narrowed(query, season_id, race_id, submission_id, names))


def latest_id(session: Session) -> int:
    """Return the id of the newest event, 0 when there is none: the cursor that goes with a snapshot."""
    return session.execute(select(func.max(Event.id))).scalar() or 0


def _entries() -> Select[Any]:
    return (
        select(
            Event.id,
            Event.at,
            Event.name,
            Season.slug,
            Race.slug,
            Racer.handle,
            Event.submission_id,
            Event.payload,
        )
        .outerjoin(Season, Season.id == Event.season_id)
        .outerjoin(Race, Race.id == Event.race_id)
        .outerjoin(Racer, Racer.id == Event.racer_id)
    )


def _narrowed(
    query: Select[Any],
    season_id: int | None,
    race_id: int | None,
    submission_id: str | None,
    names: Iterable[str] | None,
) -> Select[Any]:
    if season_id is not None:
        query = query.where(Event.season_id == season_id)
    if race_id is not None:
        query = query.where(Event.race_id == race_id)
    if submission_id is not None:
        query = query.where(Event.submission_id == submission_id)
    return query if names is None else query.where(Event.name.in_(tuple(names)))


def _run(session: Session, query: Select[Any]) -> list[LogEntry]:
    return [LogEntry(*row) for row in session.execute(query)]
