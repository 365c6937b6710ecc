"""Records: the fastest laps on a track, for each way round and each car by itself.

A record is a lap of a recorded time trial that counts (see stewards.py), driven alone with the car as it is:
objects, rivals and imperfections make another task of it. Every racer has one line, the fastest lap, in
whatever race it was driven; of equal laps the earlier one is ahead. House cars are listed in their place
without a rank, as on the boards. The first lap of a drive begins standing still and counts like any other.

Nothing is kept: each race's laps are read in the order of an index until enough racers are found.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from heapq import merge
from itertools import islice
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from arena.league.columns import Json, as_utc_text
from arena.league.models import Lap, Race, Racer, Submission, Trial
from arena.league.states import COUNTING, Car, Direction, Driver, RaceType

BATCH = 100


@dataclass(frozen=True, slots=True)
class Record:
    """A racer's fastest lap on a track; `rank` is None for house cars. Driver and training as on boards."""

    rank: int | None
    racer: str
    name: str
    lap_time_ms: int
    driven_at: datetime
    race: str
    submission_id: str
    trial_id: int
    lap: int
    is_house: bool
    driver: Driver
    is_continued: bool

    def as_json(self) -> Json:
        """Return the record as clients get it."""
        return {**asdict(self), "driven_at": as_utc_text(self.driven_at)}


@dataclass(frozen=True, slots=True)
class Category:
    """What a record belongs to; two directions of a track are two records."""

    track: str
    direction: Direction = Direction.FORWARD
    car: Car = Car.CLASSIC


def fastest(session: Session, category: Category, limit: int = 10) -> list[Record]:
    """Return the fastest laps of up to `limit` racers and house cars, one lap each."""
    return list(islice(_ranked(session, _races(session).get(category, [])), limit))


def holders(session: Session) -> dict[Category, Record]:
    """Return the fastest lap by a person in every category in which there is one."""
    found = {}
    for category, races in _races(session).items():
        people = (record for record in _ranked(session, races) if not record.is_house)
        record = next(people, None)
        if record is not None:
            found[category] = record
    return found


@dataclass(frozen=True, slots=True)
class _Course:
    race_id: int
    slug: str
    direction: Direction


def _races(session: Session) -> dict[Category, list[_Course]]:
    """Return the races whose laps count in each category; one that alternates counts both ways."""
    query = select(Race.id, Race.slug, Race.track, Race.direction, Race.car)
    plain = (Race.race_type == RaceType.TIME_TRIAL, Race.imperfect.is_(False))
    races: dict[Category, list[_Course]] = {}
    for race_id, slug, track, driven, car in session.execute(query.where(*plain).order_by(Race.id)):
        both = (Direction.FORWARD, Direction.REVERSED)
        for direction in both if driven is Direction.ALTERNATE else (driven,):
            races.setdefault(Category(track, direction, car), []).append(_Course(race_id, slug, direction))
    return races


def _ranked(session: Session, races: list[_Course]) -> Iterator[Record]:
    """Yield each racer's fastest lap in order, reading no further than somebody asks."""
    seen: set[int] = set()
    rank = 0
    for lap, slug in merge(*(_laps_of(session, race) for race in races), key=_order):
        if lap.racer_id in seen:
            continue
        seen.add(lap.racer_id)
        rank += not lap.is_house
        yield _record(lap, slug, None if lap.is_house else rank)


def _laps_of(session: Session, race: _Course) -> Iterator[tuple[Any, str]]:
    """Yield a race's laps with its name, the fastest first."""
    query = (
        select(
            Trial.racer_id,
            Racer.handle,
            Racer.name,
            Racer.is_house,
            Lap.lap_time_ms,
            Lap.number,
            Lap.trial_id,
            Trial.driven_at,
            Trial.submission_id,
            Submission.driver,
            Submission.parent_id,
        )
        .join(Trial, Trial.id == Lap.trial_id)
        .join(Submission, Submission.id == Trial.submission_id)
        .join(Racer, Racer.id == Trial.racer_id)
        .where(Lap.race_id == race.race_id, Lap.direction == race.direction, Trial.ruling.in_(COUNTING))
        .order_by(Lap.lap_time_ms, Lap.trial_id, Lap.number)
    )
    # A cursor that is read only as far as it is asked to, on both databases.
    with session.execute(query, execution_options={"yield_per": BATCH}) as laps:
        for lap in laps:
            yield lap, race.slug


def _order(found: tuple[Any, str]) -> tuple[int, int, int]:
    lap, _ = found
    return lap.lap_time_ms, lap.trial_id, lap.number


def _record(lap: Any, slug: str, rank: int | None) -> Record:
    return Record(
        rank=rank,
        racer=lap.handle,
        name=lap.name,
        lap_time_ms=lap.lap_time_ms,
        driven_at=lap.driven_at,
        race=slug,
        submission_id=lap.submission_id,
        trial_id=lap.trial_id,
        lap=lap.number,
        is_house=lap.is_house,
        driver=lap.driver,
        is_continued=lap.parent_id is not None,
    )
