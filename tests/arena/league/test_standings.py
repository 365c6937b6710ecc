"""Boards, ranks and season tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from arena.league import db, events, seasons, standings
from arena.league.models import Race, Season
from arena.league.plans import RacePlan
from arena.league.states import Timing
from tests.conftest import Cast, Clock
from tests.driving import result, total


@contextmanager
def recorded_queries(engine: Engine) -> Iterator[list[str]]:
    """Collect the statements that run inside the block."""
    statements: list[str] = []

    def note(*arguments: Any) -> None:
        statements.append(arguments[2])

    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


def order(session: Session, race: Race) -> list[tuple[int | None, str]]:
    return [(row.rank, row.racer) for row in standings.board(session, race)]


def test_the_faster_car_stands_higher_and_gaps_are_to_the_leader(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    total(session, race, cast.cleo, 30_500, clock.tick())
    trial = total(session, race, cast.ann, 30_000, clock.tick())
    ann, cleo = standings.board(session, race)
    assert (ann.rank, ann.racer, ann.name, ann.team, ann.gap_ms) == (1, "ann", "Ann", "Apex", 0)
    assert (ann.trial_id, ann.submission_id, ann.laps) == (trial.id, trial.submission_id, 3)
    assert (cleo.rank, cleo.racer, cleo.team, cleo.gap_ms) == (2, "cleo", None, 500)
    assert ann.as_json()["achieved_at"] == "2026-11-23T12:00:02.000Z"


def test_with_equal_times_the_earlier_wins(session: Session, race: Race, cast: Cast, clock: Clock) -> None:
    for person in (cast.cleo, cast.ann, cast.ben):
        total(session, race, person, 30_000, clock.tick())
    assert order(session, race) == [(1, "cleo"), (2, "ann"), (3, "ben")]
    assert standings.rank_of(session, race, cast.ben) == 3


def test_repeating_ones_own_time_does_not_make_it_later(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    total(session, race, cast.ann, 30_000, clock.tick())
    total(session, race, cast.ben, 30_000, clock.tick())
    total(session, race, cast.ann, 30_000, clock.tick())
    assert order(session, race) == [(1, "ann"), (2, "ben")]


def test_a_worse_drive_changes_nothing_but_the_count(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    first = total(session, race, cast.ann, 30_000, clock.tick())
    total(session, race, cast.ann, 31_000, clock.tick())
    [row] = standings.board(session, race)
    assert (row.official_ms, row.trial_id, row.submissions) == (30_000, first.id, 2)
    assert len(events.read_after(session, 0, names=["standing.changed"])) == 1


def test_too_few_laps_are_shown_but_not_ranked(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    trial = result(session, race, cast.ann, (9_000, 9_100), clock.tick())
    assert (trial.official_ms, trial.best_lap_ms, trial.completed_laps) == (None, 9_000, 2)
    assert standings.board(session, race) == []
    assert standings.row_of(session, race, cast.ann) is None
    finished = events.read_latest(session, names=["trial.finished"])[0]
    assert finished.payload == {
        "trial_id": trial.id,
        "official_ms": None,
        "completed_laps": 2,
        "best_lap_ms": 9_000,
        "crash_count": 0,
        "ruling": "none",
    }


def test_the_house_car_stands_in_place_without_a_rank(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    for person, ms in ((cast.ann, 29_000), (cast.house, 30_000), (cast.cleo, 30_001)):
        total(session, race, person, ms, clock.tick())
    assert order(session, race) == [(1, "ann"), (None, "house"), (2, "cleo")]
    assert [row.rank for row in standings.board(session, race, limit=1, offset=2)] == [2]
    assert standings.rank_of(session, race, cast.house) is None
    assert standings.rank_of(session, race, cast.cleo) == 2
    assert [row.racer for row in standings.season_board(session, session.get_one(Race, race.id).season)] == [
        "ann",
        "cleo",
    ]


def test_standing_changed_tells_the_row_of_the_board(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    total(session, race, cast.cleo, 30_500, clock.tick())
    total(session, race, cast.ann, 31_000, clock.tick())
    total(session, race, cast.ann, 30_000, clock.tick())
    changed = events.read_after(session, 0, names=["standing.changed"])[-1].payload
    assert (changed["rank"], changed["official_ms"], changed["previous_ms"]) == (1, 30_000, 31_000)
    assert (changed["racer_name"], changed["team"]) == ("Ann", "Apex")
    assert changed["row"] == standings.board(session, race)[0].as_json()


def test_pages_of_the_board_join_without_seam(session: Session, race: Race, cast: Cast, clock: Clock) -> None:
    people = (cast.ann, cast.ben, cast.cleo, cast.olga, cast.sam, cast.house)
    for i, person in enumerate(people):
        total(session, race, person, 30_000 + (i * 7) % 40, clock.tick())
    whole = standings.board(session, race)
    pages = [standings.board(session, race, limit=2, offset=offset) for offset in (0, 2, 4, 6)]
    assert [row for page in pages for row in page] == whole
    assert standings.board_size(session, race) == 6


def test_a_page_of_the_board_costs_the_same_queries_whatever_its_size_and_reads_no_laps(
    engine: Engine, session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    for i, person in enumerate((cast.ann, cast.ben, cast.cleo, cast.olga, cast.sam)):
        total(session, race, person, 30_000 + 10 * i, clock.tick())
    session.flush()
    counts = set()
    for limit in (1, 5):
        with recorded_queries(engine) as statements:
            standings.board(session, race, limit=limit)
        counts.add(len(statements))
        # Of the trials only the crashes of these rows are read, by their keys.
        assert not any("lap" in s.replace("standing.laps", "") or "FROM trial" in s for s in statements)
        assert not any(" over " in s.lower() for s in statements)
    assert counts == {1}
    with recorded_queries(engine) as statements:
        standings.rank_of(session, race, cast.sam)
    assert len(statements) == 1


def test_the_board_is_read_along_its_index(engine: Engine, race: Race) -> None:
    """A sort step would cost as much as the whole race has racers; the index has the board's order."""
    if engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL plans by the size of its tables")
    with db.reading(engine) as session:
        with recorded_queries(engine) as statements:
            standings.board(session, race, limit=10)
        query = next(statement for statement in statements if statement.startswith("SELECT"))
        explained = f"EXPLAIN QUERY PLAN {query}"
        plan = session.connection().exec_driver_sql(explained, (race.id, 10, 0)).all()
    details = [row[3] for row in plan]
    assert any("ix_standing_race_id_official_ms_achieved_at_racer_id" in detail for detail in details)
    assert not any("TEMP B-TREE" in detail for detail in details)


def test_season_points_add_up_race_by_race(
    session: Session, season: Season, race: Race, cast: Cast, clock: Clock
) -> None:
    plan = RacePlan(slug="second", title="Second", track="oval", timing=Timing.BEST_LAP)
    second = seasons.open_race(session, session.merge(season), plan, by=cast.olga, now=clock.now)
    for person, ms in ((cast.ann, 30_000), (cast.ben, 31_000), (cast.cleo, 32_000)):
        total(session, race, person, ms, clock.tick())
    result(session, second, cast.cleo, (9_000,), clock.tick())
    table = standings.season_board(session, second.season)
    assert [(row.rank, row.racer, row.points) for row in table] == [
        (1, "cleo", 40),
        (2, "ann", 25),
        (3, "ben", 18),
    ]
    assert table[0].races["second"] == standings.SeasonCell(1, 9_000, 25)
    assert set(table[1].races) == {"oval-sprint"}
    assert table[0].as_json()["races"]["oval-sprint"] == {"rank": 3, "official_ms": 32_000, "points": 15}


def test_racers_beyond_the_points_stay_in_the_season_table(
    session: Session, season: Season, race: Race, cast: Cast, clock: Clock
) -> None:
    session.get_one(Season, season.id).points = [5, 0]
    for person, ms in ((cast.ann, 30_000), (cast.ben, 31_000), (cast.cleo, 32_000)):
        total(session, race, person, ms, clock.tick())
    found = session.get_one(Season, season.id)
    table = standings.season_board(session, found)
    assert [(row.rank, row.racer, row.points) for row in table] == [
        (1, "ann", 5),
        (2, "ben", 0),
        (3, "cleo", 0),
    ]
    assert [row.races["oval-sprint"].rank for row in table] == [1, 2, 3]
    pages = [standings.season_board(session, found, limit=1, offset=i) for i in range(4)]
    assert [row for page in pages for row in page] == table


def test_with_equal_points_more_firsts_win(
    session: Session, season: Season, race: Race, cast: Cast, clock: Clock
) -> None:
    session.get_one(Season, season.id).points = [4, 3, 2, 0]
    races = [session.get_one(Race, race.id)]
    for slug in ("second", "third"):
        plan = RacePlan(slug=slug, title=slug, track="oval")
        races.append(seasons.open_race(session, races[0].season, plan, by=cast.olga, now=clock.now))
    finishes = (
        (cast.ben, cast.cleo, cast.ann),
        (cast.cleo, cast.ann, cast.ben),
        (cast.sam, cast.ann, cast.olga),
    )
    for where, people in zip(races, finishes, strict=True):
        for place, person in enumerate(people):
            total(session, where, person, 30_000 + place, clock.tick())
    table = standings.season_board(session, races[0].season)
    assert [(row.racer, row.points) for row in table[:3]] == [("ann", 8), ("cleo", 7), ("ben", 6)]
    session.get_one(Season, season.id).points = [2, 1, 0]
    table = standings.season_board(session, races[0].season)
    assert [(row.racer, row.points) for row in table] == [
        ("cleo", 3),
        ("ben", 2),
        ("sam", 2),
        ("ann", 2),
        ("olga", 0),
    ]
