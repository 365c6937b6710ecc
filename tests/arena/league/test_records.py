"""Records: whose fastest lap it is, on which track, which way round and with which car."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from arena.league import db, records, results, seasons, stewards
from arena.league.models import Race, Racer, Season, Trial
from arena.league.plans import RacePlan
from arena.league.records import Category
from arena.league.results import LapResult
from arena.league.states import Car, Direction, RaceType
from tests.conftest import Cast, Clock
from tests.driving import claim_of, drive_of, enter, result, to_the_start

OVAL = Category("oval")
REVERSED = Category("oval", Direction.REVERSED)


def times(session: Session, category: Category = OVAL) -> list[tuple[int | None, str, int]]:
    return [(r.rank, r.racer, r.lap_time_ms) for r in records.fastest(session, category)]


def another(session: Session, race: Race, cast: Cast, clock: Clock, **rules: object) -> Race:
    """A second race of the season on the same track."""
    plan = replace(RacePlan(slug="second", title="Second", track="oval"), **rules)  # type: ignore[arg-type]
    season = session.get_one(Season, race.season_id)
    return seasons.open_race(session, season, plan, by=cast.olga, now=clock.now)


def driven(
    session: Session, race: Race, racer: Racer, laps: Sequence[tuple[int, Direction]], clock: Clock
) -> Trial:
    """A trial whose laps go the ways that are said."""
    lease = claim_of(session, enter(session, race, racer, clock.tick()), clock.now)
    to_the_start(session, lease, clock.now)
    own = tuple(LapResult(ms, direction=direction) for ms, direction in laps)
    return results.record_trial(session, lease, replace(drive_of([]), laps=own), clock.now)


def test_each_racer_has_one_line_with_the_fastest_lap_of_all_races(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    second = another(session, race, cast, clock)
    result(session, race, cast.ann, (9_000, 8_800, 8_900), clock.tick())
    result(session, race, cast.ben, (8_700, 8_750, 8_760), clock.tick())
    best = result(session, second, cast.ann, (9_500, 8_600), clock.tick())
    assert times(session) == [(1, "ann", 8_600), (2, "ben", 8_700)]
    first = records.fastest(session, OVAL, limit=1)[0]
    assert (first.race, first.trial_id, first.lap, first.name) == ("second", best.id, 2, "Ann")
    assert first.as_json()["driven_at"].endswith("Z")


def test_house_cars_are_listed_without_a_rank_and_hold_no_record(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    result(session, race, cast.house, (8_000,), clock.tick())
    assert records.holders(session) == {}
    result(session, race, cast.ann, (9_000,), clock.tick())
    assert times(session) == [(None, "house", 8_000), (1, "ann", 9_000)]
    assert records.holders(session)[OVAL].racer == "ann"


def test_of_equal_laps_the_earlier_is_ahead(session: Session, race: Race, cast: Cast, clock: Clock) -> None:
    for person in (cast.cleo, cast.ann):
        result(session, race, person, (9_000,), clock.tick())
    assert times(session) == [(1, "cleo", 9_000), (2, "ann", 9_000)]


def test_both_ways_round_are_records_of_their_own(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    alternate = another(session, race, cast, clock, direction=Direction.ALTERNATE)
    laps = [(9_000, Direction.FORWARD), (8_000, Direction.REVERSED), (8_900, Direction.FORWARD)]
    driven(session, alternate, cast.ann, laps, clock)
    result(session, race, cast.ben, (8_950,), clock.tick())
    assert times(session) == [(1, "ann", 8_900), (2, "ben", 8_950)]
    assert times(session, REVERSED) == [(1, "ann", 8_000)]
    assert {category.direction for category in records.holders(session)} == {
        Direction.FORWARD,
        Direction.REVERSED,
    }


def test_each_car_has_records_of_its_own(session: Session, race: Race, cast: Cast, clock: Clock) -> None:
    fast = another(session, race, cast, clock, car=Car.V6)
    result(session, fast, cast.ann, (7_000,), clock.tick())
    assert times(session) == []
    assert times(session, Category("oval", car=Car.V6)) == [(1, "ann", 7_000)]


@pytest.mark.parametrize(
    "rules",
    [
        {"race_type": RaceType.OBJECT_AVOIDANCE, "obstacle_count": 3},
        {"race_type": RaceType.HEAD_TO_HEAD, "cars": 2},
        {"imperfect": True},
    ],
)
def test_only_plain_time_trials_make_records(
    session: Session, race: Race, cast: Cast, clock: Clock, rules: dict[str, object]
) -> None:
    other = another(session, race, cast, clock, **rules)
    result(session, other, cast.ann, (7_000,), clock.tick())
    assert times(session) == []


def test_a_lap_that_nobody_believes_is_a_record_only_once_it_is_cleared(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    trials = [
        result(session, race, person, (5_000,), clock.tick(), suspicious_laps=(1,))
        for person in (cast.ann, cast.ben, cast.cleo)
    ]
    assert times(session) == []
    stewards.clear(session, trials[0], by=cast.olga, now=clock.tick())
    stewards.strike(session, trials[1], by=cast.olga, now=clock.tick(), reason="No.")
    assert times(session) == [(1, "ann", 5_000)]


def test_a_racer_with_very_many_fast_laps_hides_nobody(
    session: Session, race: Race, cast: Cast, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "BATCH", 4)
    session.get_one(Race, race.id).max_submissions = 50
    for _ in range(4):
        result(session, race, cast.ann, (8_000, 8_001, 8_002), clock.tick())
    result(session, race, cast.ben, (8_500,), clock.tick())
    assert times(session) == [(1, "ann", 8_000), (2, "ben", 8_500)]


def test_laps_are_read_along_their_index(engine: Engine, race: Race, cast: Cast, clock: Clock) -> None:
    """All laps of a race would have to be sorted for one line otherwise."""
    if engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL plans by the size of its tables")
    statements: list[tuple[str, object]] = []
    with db.transaction(engine) as session:
        result(session, race, cast.ann, (9_000,), clock.tick())

        def note(_c: object, _k: object, statement: str, parameters: object, *_: object) -> None:
            statements.append((statement, parameters))

        event.listen(engine, "before_cursor_execute", note)
        records.holders(session)
        event.remove(engine, "before_cursor_execute", note)
        query, parameters = next(each for each in statements if "FROM lap" in each[0])
        plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", parameters).all()  # type: ignore[arg-type]
    details = [row[3] for row in plan]
    assert "ix_lap_race_id_direction_lap_time_ms (race_id=? AND direction=?)" in details[0]
    assert not any(detail == "USE TEMP B-TREE FOR ORDER BY" for detail in details)
