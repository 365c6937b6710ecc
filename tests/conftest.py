"""The permanent cast and a real database for every test.

Ann races, Ben is on her team, Cleo is a rival, Olga organises, Sam watches. `engine` is a fresh SQLite file
with all migrations applied: they run once per session, each test gets a copy. The clock stands still at NOON
until a test moves it (`clock.tick(seconds)`); `now` is its time at the start.

With ARENA_TEST_POSTGRES_URL set, `engine` is that PostgreSQL database, emptied before each test. Tests that
always need a PostgreSQL take `postgres_url`: that one, or a server started for them.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from arena.garage import protection
from arena.league import accounts, db, seasons
from arena.league.models import Base, Race, Racer, Season
from arena.league.plans import RacePlan
from arena.league.states import Role
from arena.pit_wall import PitWall
from tests import services

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
POSTGRES_URL = os.environ.get("ARENA_TEST_POSTGRES_URL")
PASSWORD = "correct horse battery"

# Test machines are shared: an example may take long without anything being wrong.
settings.register_profile("arena", deadline=None)
settings.load_profile("arena")


@dataclass(slots=True)
class Clock:
    """A clock that moves only when told to."""

    now: datetime = NOON

    def tick(self, seconds: float = 1.0) -> datetime:
        """Go on by some seconds and return the new time."""
        self.now += timedelta(seconds=seconds)
        return self.now


@dataclass(frozen=True, slots=True)
class Cast:
    """The people of the tests. Everybody's password is PASSWORD."""

    ann: Racer
    ben: Racer
    cleo: Racer
    olga: Racer
    sam: Racer
    house: Racer


@pytest.fixture(scope="session", autouse=True)
def trust_where_there_is_no_lock() -> None:
    """Let the tests run their own reward functions on systems without a lock, such as macOS."""
    protection.trust_local_code()


@pytest.fixture
def clock() -> Clock:
    """A clock that stands at noon."""
    return Clock()


@pytest.fixture
def now(clock: Clock) -> datetime:
    """The time at the start of the test."""
    return clock.now


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with empty, up-to-date tables, made once."""
    path = tmp_path_factory.mktemp("migrated") / "arena.db"
    engine = db.connect(f"sqlite:///{path}")
    db.upgrade(engine)
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def password_hash(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The scrypt hash of PASSWORD, computed once: it is slow on purpose."""
    path = tmp_path_factory.mktemp("hash") / "arena.db"
    shutil.copy(migrated_file, path)
    engine = db.connect(f"sqlite:///{path}")
    with db.transaction(engine) as session:
        racer = accounts.create_racer(session, handle="anybody", name="A", password=PASSWORD, now=NOON)
    engine.dispose()
    assert racer.password_hash is not None
    return racer.password_hash


@pytest.fixture(scope="session")
def pit() -> Iterator[PitWall]:
    """A warm pit for the workers of all tests: it keeps nothing from one entry to the next."""
    wall = PitWall()
    yield wall
    wall.close()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The address of a PostgreSQL database; whoever uses it finds and leaves it without tables."""
    if POSTGRES_URL:
        yield POSTGRES_URL
        return
    try:
        with services.postgres() as (_, url):
            yield url
    except services.NotInstalledError as reason:
        services.require(reason)


@pytest.fixture
def engine(migrated_file: Path, tmp_path: Path) -> Iterator[Engine]:
    """A database of this test alone with empty tables: a fresh file, or the PostgreSQL of the environment."""
    path = tmp_path / "arena.db"
    shutil.copy(migrated_file, path)
    engine = db.connect(POSTGRES_URL or f"sqlite:///{path}")
    if POSTGRES_URL:
        _empty_postgres(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def cast(engine: Engine, password_hash: str) -> Cast:
    """Ann, Ben, Cleo, Olga, Sam and the house car, committed; Ann and Ben are the team “Apex”."""
    with db.transaction(engine) as session:
        people = [
            _person(session, name, password_hash) for name in ("Ann", "Ben", "Cleo", "Olga", "Sam", "House")
        ]
        ann, ben, _, olga, _, house = people
        olga.role = Role.ORGANISER
        house.is_house, house.password_hash = True, None
        team = accounts.create_team(session, ann, name="Apex", now=NOON)
        accounts.join_team(session, ben, team.invite_code, NOON)
    return Cast(*people)


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A writing session; nothing is committed unless the test does it."""
    with Session(engine, expire_on_commit=False) as session:
        yield session


@pytest.fixture
def season(engine: Engine, cast: Cast, now: datetime) -> Season:
    """A season that opened an hour ago and lasts a week, committed."""
    with db.transaction(engine) as session:
        return seasons.open_season(
            session,
            slug="autumn",
            title="Autumn season",
            opens_at=now - timedelta(hours=1),
            closes_at=now + timedelta(days=7),
            by=cast.olga,
            now=now,
        )


@pytest.fixture
def race(engine: Engine, cast: Cast, season: Season, now: datetime) -> Race:
    """An open race of the season on the oval, three laps, total time, five submissions each, committed."""
    plan = RacePlan(
        slug="oval-sprint",
        title="Oval sprint",
        track="oval",
        max_submissions=5,
        max_queued=5,
        training_steps=10_000,
        seed=7,
    )
    with db.transaction(engine) as session:
        return seasons.open_race(session, session.merge(season), plan, by=cast.olga, now=now)


def _empty_postgres(engine: Engine) -> None:
    db.upgrade(engine)
    with engine.begin() as connection:
        tables = ", ".join(Base.metadata.tables)
        connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))


def _person(session: Session, name: str, password_hash: str) -> Racer:
    racer = accounts.create_racer(session, handle=name.lower(), name=name, password=None, now=NOON)
    racer.password_hash = password_hash
    return racer
