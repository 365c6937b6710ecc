"""Reading the standings: the board of a race, one racer's place in it, the table of a season.

A board page costs two queries whatever the number of laps: the page of `Standing` rows by index, and the
first row for the gap. A rank is the histogram below the racer's slice plus a count inside the slice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from arena.league import scoring
from arena.league.columns import Json, as_utc_text
from arena.league.models import Race, Racer, Season, Standing, Submission, Team, TimeBucket, Trial
from arena.league.states import Driver

BOARD_ORDER = (Standing.official_ms, Standing.achieved_at, Standing.racer_id)


@dataclass(frozen=True, slots=True)
class BoardRow:
    """A row of a race's board. House cars have no rank; the gap is to the first row, house car or not.

    `driver` and `is_continued` say what the time was driven with: not all of it was trained here, or for
    the race's budget.
    """

    rank: int | None
    racer: str
    name: str
    team: str | None
    official_ms: int
    gap_ms: int
    laps: int
    crashes: int
    submissions: int
    achieved_at: datetime
    submission_id: str
    trial_id: int
    is_house: bool
    driver: Driver
    is_continued: bool

    def as_json(self) -> Json:
        """Return the row as clients get it."""
        return {**asdict(self), "achieved_at": as_utc_text(self.achieved_at)}


@dataclass(frozen=True, slots=True)
class SeasonCell:
    """A racer's result in one race of the season."""

    rank: int
    official_ms: int
    points: int


@dataclass(frozen=True, slots=True)
class SeasonRow:
    """A row of the season's table; `races` maps the slugs of the races with a result to it."""

    rank: int
    racer: str
    name: str
    team: str | None
    points: int
    races: dict[str, SeasonCell] = field(default_factory=dict)

    def as_json(self) -> Json:
        """Return the row as clients get it."""
        return asdict(self)


def board(session: Session, race: Race, limit: int = 100, offset: int = 0) -> list[BoardRow]:
    """Return a page of the race's board, house cars in place."""
    page = list(session.execute(_rows(race).order_by(*BOARD_ORDER).offset(offset).limit(limit)))
    if not page:
        return []
    leader_ms, house_before = page[0].official_ms, 0
    if offset:
        leader_ms = _leader_ms(session, race)
        house_before = _house_cars_before(session, race, page[0])
    rows, rank = [], offset - house_before
    for found in page:
        rank += not found.is_house
        rows.append(_row(found, None if found.is_house else rank, leader_ms))
    return rows


def board_size(session: Session, race: Race) -> int:
    """Return how many rows the board has."""
    return session.execute(select(func.count()).where(Standing.race_id == race.id)).scalar_one()


def row_of(session: Session, race: Race, racer: Racer) -> BoardRow | None:
    """Return the racer's row of the board, or None without an official time."""
    found = session.execute(_rows(race).where(Standing.racer_id == racer.id)).one_or_none()
    if found is None:
        return None
    return _row(found, rank_of(session, race, racer), _leader_ms(session, race))


def rank_of(session: Session, race: Race, racer: Racer) -> int | None:
    """Return the racer's rank, counted from 1; None without an official time and for house cars."""
    return ranks_of(session, race, [racer.id]).get(racer.id)


def ranks_of(session: Session, race: Race, racer_ids: Sequence[int]) -> dict[int, int]:
    """Return the ranks of several racers in one query: histogram below the slice, then a count inside it."""
    mine = Standing
    other = aliased(Standing)
    bucket = mine.official_ms // scoring.BUCKET_MS
    below = (
        select(func.coalesce(func.sum(TimeBucket.racers), 0))
        .where(TimeBucket.race_id == race.id, TimeBucket.bucket < bucket)
        .correlate(mine)
        .scalar_subquery()
    )
    inside = (
        select(func.count())
        .select_from(other)
        .where(
            other.race_id == race.id,
            other.is_house.is_(False),
            other.official_ms >= bucket * scoring.BUCKET_MS,
            other.official_ms <= mine.official_ms,
            _ahead(other, mine),
        )
        .correlate(mine)
        .scalar_subquery()
    )
    query = select(mine.racer_id, below + inside + 1).where(
        mine.race_id == race.id, mine.is_house.is_(False), mine.racer_id.in_(racer_ids)
    )
    return {racer_id: int(rank) for racer_id, rank in session.execute(query)}


def season_board(session: Session, season: Season, limit: int = 100, offset: int = 0) -> list[SeasonRow]:
    """Return a page of the season's table: points of all races so far; equal points: more firsts, then
    seconds, ...

    Racers with an official time but no points follow, those with more races first. House cars are left out.
    """
    scorers = _scorers(session, season)
    ids = sorted(scorers, key=lambda racer_id: _season_key(scorers[racer_id], season.points))
    page = ids[offset : offset + limit]
    if len(page) < limit:
        page += _without_points(session, season, scorers, limit - len(page), max(0, offset - len(ids)))
    people = _people(session, page)
    cells = _cells(session, season, page)
    rows = []
    for rank, racer_id in enumerate(page, start=offset + 1):
        handle, name, team = people[racer_id]
        points = sum(cell.points for cell in cells[racer_id].values())
        rows.append(SeasonRow(rank, handle, name, team, points, cells[racer_id]))
    return rows


def _leader_ms(session: Session, race: Race) -> int:
    query = select(func.min(Standing.official_ms)).where(Standing.race_id == race.id)
    return session.execute(query).scalar_one()


def _rows(race: Race) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Standing.racer_id,
            Racer.handle,
            Racer.name,
            Team.name.label("team"),
            Standing.official_ms,
            Standing.laps,
            Trial.crash_count,
            Standing.trials,
            Standing.achieved_at,
            Standing.submission_id,
            Standing.trial_id,
            Standing.is_house,
            Submission.driver,
            Submission.parent_id,
        )
        .join(Racer, Racer.id == Standing.racer_id)
        .join(Submission, Submission.id == Standing.submission_id)
        .join(Trial, Trial.id == Standing.trial_id)
        .outerjoin(Team, Team.id == Racer.team_id)
        .where(Standing.race_id == race.id)
    )


def _row(found: Any, rank: int | None, leader_ms: int) -> BoardRow:
    return BoardRow(
        rank=rank,
        racer=found.handle,
        name=found.name,
        team=found.team,
        official_ms=found.official_ms,
        gap_ms=found.official_ms - leader_ms,
        laps=found.laps,
        crashes=found.crash_count,
        submissions=found.trials,
        achieved_at=found.achieved_at,
        submission_id=found.submission_id,
        trial_id=found.trial_id,
        is_house=found.is_house,
        driver=found.driver,
        is_continued=found.parent_id is not None,
    )


def _ahead(one: Any, other: Any) -> ColumnElement[bool]:
    """Compare by BOARD_ORDER; written out, because row values are not alike on both databases."""
    return or_(
        one.official_ms < other.official_ms,
        and_(
            one.official_ms == other.official_ms,
            or_(
                one.achieved_at < other.achieved_at,
                and_(one.achieved_at == other.achieved_at, one.racer_id < other.racer_id),
            ),
        ),
    )


def _house_cars_before(session: Session, race: Race, first: Any) -> int:
    query = select(Standing.official_ms, Standing.achieved_at, Standing.racer_id)
    cars = session.execute(query.where(Standing.race_id == race.id, Standing.is_house.is_(True)))
    key = (first.official_ms, first.achieved_at, first.racer_id)
    return sum(tuple(car) < key for car in cars)


def _scorers(session: Session, season: Season) -> dict[int, list[int]]:
    """Return the ranks of everybody who has points: the first rows of each race's board, by index."""
    ranks: dict[int, list[int]] = {}
    for race in season.races:
        query = (
            select(Standing.racer_id)
            .where(Standing.race_id == race.id, Standing.is_house.is_(False))
            .order_by(*BOARD_ORDER)
            .limit(sum(points > 0 for points in season.points))
        )
        for rank, racer_id in enumerate(session.execute(query).scalars(), start=1):
            ranks.setdefault(racer_id, []).append(rank)
    return ranks


def _season_key(ranks: list[int], points: list[int]) -> tuple[int, tuple[int, ...]]:
    total = sum(scoring.points_of_rank(rank, points) for rank in ranks)
    return -total, tuple(-count for count in scoring.count_back(ranks, len(points)))


def _without_points(
    session: Session, season: Season, scorers: dict[int, list[int]], limit: int, offset: int
) -> list[int]:
    query = (
        select(Standing.racer_id)
        .where(
            Standing.race_id.in_([race.id for race in season.races]),
            Standing.is_house.is_(False),
            Standing.racer_id.not_in(scorers),
        )
        .group_by(Standing.racer_id)
        .order_by(func.count().desc(), func.min(Standing.achieved_at), Standing.racer_id)
    )
    return list(session.execute(query.offset(offset).limit(limit)).scalars())


def _people(session: Session, racer_ids: list[int]) -> dict[int, tuple[str, str, str | None]]:
    query = select(Racer.id, Racer.handle, Racer.name, Team.name).outerjoin(Team, Team.id == Racer.team_id)
    found = session.execute(query.where(Racer.id.in_(racer_ids)))
    return {racer_id: (handle, name, team) for racer_id, handle, name, team in found}


def _cells(session: Session, season: Season, racer_ids: list[int]) -> dict[int, dict[str, SeasonCell]]:
    cells: dict[int, dict[str, SeasonCell]] = {racer_id: {} for racer_id in racer_ids}
    for race in season.races:
        ranks = ranks_of(session, race, racer_ids)
        query = select(Standing.racer_id, Standing.official_ms)
        found = session.execute(query.where(Standing.race_id == race.id, Standing.racer_id.in_(racer_ids)))
        for racer_id, official_ms in found:
            rank = ranks[racer_id]
            points = scoring.points_of_rank(rank, season.points)
            cells[racer_id][race.slug] = SeasonCell(rank, official_ms, points)
    return cells
