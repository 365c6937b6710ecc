"""Connecting, transactions, migrations. On PostgreSQL too."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, select, text
from sqlalchemy.exc import IntegrityError, OperationalError, StatementError

from arena.league import accounts, db
from arena.league.columns import new_public_id, storable, storable_json
from arena.league.errors import LeagueError
from arena.league.models import Award, Base, Race, Racer, Team, Trial
from arena.league.states import Car, Direction, RaceType, Ruling


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database without tables."""
    file = f"sqlite:///{tmp_path / 'new' / 'arena.db'}"
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else file
    engine = db.connect(url)
    yield engine
    db.downgrade(engine, "base")
    engine.dispose()


def only_sqlite(engine: Engine) -> None:
    """Skip what is a property of SQLite."""
    if engine.dialect.name != "sqlite":
        pytest.skip("a property of SQLite")


def test_models_and_migrations_agree(empty: Engine) -> None:
    db.upgrade(empty)
    with empty.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_downgrade_to_base_removes_everything_and_upgrade_brings_it_back(empty: Engine) -> None:
    db.upgrade(empty)
    db.downgrade(empty, "base")
    assert set(inspect(empty).get_table_names()) <= {"alembic_version", "sqlite_sequence"}
    db.upgrade(empty)
    assert set(Base.metadata.tables) <= set(inspect(empty).get_table_names())


OLD_ROWS = (
    "INSERT INTO racer (id, handle, name, role, is_house, created_at)"
    " VALUES (1, 'ann', 'Ann', 'racer', FALSE, :at)",
    "INSERT INTO season (id, slug, title, opens_at, closes_at, points, created_at)"
    " VALUES (1, 's', 'S', :at, :at, '[3, 2]', :at)",
    "INSERT INTO race (id, season_id, slug, title, track, laps, timing, car, opens_at, closes_at,"
    " training_steps, max_submissions, off_track_penalty_ms, seed, created_at)"
    " VALUES (5, 1, 'r', 'R', 'oval', 3, 'total', 'v6', :at, :at, 10000, 5, 2000, 7, :at)",
    "INSERT INTO submission (id, race_id, racer_id, number, source, state, created_at)"
    " VALUES ('x', 5, 1, 1, 'pass', 'recorded', :at)",
    "INSERT INTO trial (id, submission_id, race_id, racer_id, driven_at, official_ms, total_time_ms,"
    " completed_laps, off_track_count, reset_count, finished, ended_by, trace_key, versions)"
    " VALUES (9, 'x', 5, 1, :at, 9000, 9000, 1, 0, 0, TRUE, 'finished', 'k', '{}')",
    "INSERT INTO lap (trial_id, number, lap_time_ms, off_track_count, reset_count, penalty_ms)"
    " VALUES (9, 1, 9000, 0, 0, 0)",
)


def test_the_rows_of_an_old_database_become_time_trials_that_nobody_doubted(
    empty: Engine, now: datetime
) -> None:
    db.upgrade(empty, "0002")
    with empty.begin() as connection:
        for statement in OLD_ROWS:
            connection.execute(text(statement), {"at": now})
    db.upgrade(empty)
    with db.reading(empty) as session:
        race, trial = session.get_one(Race, 5), session.get_one(Trial, 9)
        assert (race.race_type, race.direction, race.car) == (RaceType.TIME_TRIAL, Direction.FORWARD, Car.V6)
        assert (race.cars, race.collision_penalty_ms, race.imperfect, race.obstacles) == (
            1,
            5_000,
            False,
            None,
        )
        assert (trial.ruling, trial.official_ms, trial.crash_count) == (Ruling.NONE, 9_000, 0)
        assert [(lap.race_id, lap.direction, lap.crash_count) for lap in trial.laps] == [
            (5, Direction.FORWARD, 0)
        ]
    db.downgrade(empty, "0002")
    with empty.connect() as connection:
        assert connection.execute(text("SELECT lap_time_ms FROM lap")).scalars().all() == [9_000]


def test_upgrading_twice_changes_nothing(engine: Engine, now: datetime) -> None:
    with db.transaction(engine) as session:
        accounts.create_racer(session, handle="ann", name="Ann", password=None, now=now)
    db.upgrade(engine)
    with db.reading(engine) as session:
        assert accounts.find_racer(session, "ann") is not None


def test_many_processes_may_upgrade_at_once(tmp_path: Path) -> None:
    failures: list[BaseException] = []

    def start() -> None:
        try:
            engine = db.connect(f"sqlite:///{tmp_path / 'arena.db'}")
            db.upgrade(engine)
            engine.dispose()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_sqlite_is_set_up_for_many_processes(engine: Engine) -> None:
    only_sqlite(engine)
    with engine.connect() as connection:
        settings = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "foreign_keys", "busy_timeout", "synchronous")
        }
    assert settings == {
        "journal_mode": "wal",
        "foreign_keys": 1,
        "busy_timeout": db.BUSY_TIMEOUT_MS,
        "synchronous": 2,
    }


def test_a_missing_driver_is_named_and_the_password_is_not() -> None:
    with pytest.raises(LeagueError, match="oracledb") as refusal:
        db.connect("oracle+oracledb://ann:secret@host/arena")
    assert "secret" not in refusal.value.message


def test_foreign_keys_are_enforced(engine: Engine, now: datetime) -> None:
    with pytest.raises(IntegrityError), db.transaction(engine) as session:
        session.add(Award(racer_id=1, badge="x", season_id=1, evidence={}, awarded_at=now))


def test_a_failed_block_leaves_nothing(engine: Engine, now: datetime) -> None:
    def fail_half_way() -> None:
        with db.transaction(engine) as session:
            accounts.create_racer(session, handle="ann", name="Ann", password=None, now=now)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    with db.reading(engine) as session:
        assert session.execute(select(Racer)).all() == []


def test_a_reader_does_not_wait_for_a_writer(engine: Engine, now: datetime) -> None:
    with db.transaction(engine) as writer:
        accounts.create_racer(writer, handle="ann", name="Ann", password=None, now=now)
        with db.reading(engine) as reader:
            assert accounts.find_racer(reader, "ann") is None


def test_a_writer_waits_at_the_start_for_its_turn(engine: Engine) -> None:
    only_sqlite(engine)
    with db.transaction(engine) as first:
        first.execute(select(Racer)).all()
        with engine.connect() as second:
            bare = second.connection.driver_connection
            assert bare is not None
            bare.execute("PRAGMA busy_timeout = 1")
            with pytest.raises(OperationalError, match="locked"):
                second.begin()
            bare.execute(f"PRAGMA busy_timeout = {db.BUSY_TIMEOUT_MS}")


def test_times_come_back_aware_and_in_utc(engine: Engine) -> None:
    berlin = timezone(timedelta(hours=1))
    with db.transaction(engine) as session:
        session.add(
            Team(name="A", name_key="a", invite_code="x", created_at=datetime(2026, 1, 1, 12, tzinfo=berlin))
        )
    with db.reading(engine) as session:
        stored = session.execute(select(Team.created_at)).scalar_one()
    assert stored == datetime(2026, 1, 1, 11, tzinfo=UTC)
    assert stored.utcoffset() == timedelta(0)


def test_naive_times_are_refused(engine: Engine) -> None:
    with pytest.raises(StatementError, match="time zone"), db.transaction(engine) as session:
        session.add(Team(name="A", name_key="a", invite_code="x", created_at=datetime(2026, 1, 1)))


def test_public_ids_sort_by_time_and_differ(now: datetime) -> None:
    later = now + timedelta(milliseconds=1)
    ids = [new_public_id(now) for _ in range(100)]
    assert len(set(ids)) == 100
    assert {len(public_id) for public_id in ids} == {26}
    assert max(ids) < new_public_id(later)


def test_what_no_database_can_hold_is_replaced() -> None:
    assert storable("a\x00b\ud800c") == "a\ufffdb?c"
    stored = storable_json({"nan": float("nan"), "deep": [float("inf"), {"text": "\x00"}, 1, None, True]})
    assert stored == {"nan": None, "deep": [None, {"text": "\ufffd"}, 1, None, True]}
