"""What the tests of the pages share: an arena of each test's own, and people who visit it.

The arena is `stage`'s: made once, then copied for every test, so that tests may change whatever they like.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from arena.league import db, seasons
from arena.league.artifacts import ArtifactStore
from arena.league.models import Race, Racer, Season
from arena.league.plans import RacePlan
from leaderboard import create_app
from leaderboard.auth import account_of
from tests.leaderboard import stage
from tests.leaderboard.browsing import browser, page
from tests.leaderboard.live_fixtures import checker
from tests.leaderboard.stage import Stage
from tests.leaderboard.visitor import Visitor

# One browser for the whole session: a fixture that modules import would be one for each of them.
__all__ = ["browser", "checker", "page"]

SEASON = "spring"
RACE = "oval-sprint"

Visit = Callable[[str], Visitor]


@pytest.fixture(scope="session")
def pattern(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path, password_hash: str) -> Stage:
    """The arena that every test gets a copy of: people, a season and an open race."""
    folder = tmp_path_factory.mktemp("pattern")
    shutil.copy(migrated_file, folder / "arena.db")
    (made,) = [
        replace(built, meeting=_meeting(built)) for built in stage.build(folder, password_hash=password_hash)
    ]
    return made


def _meeting(built: Stage) -> tuple[Season, Race]:
    at = stage.now()
    with db.transaction(built.engine) as session:
        olga = session.get_one(Racer, built.people["olga"].id)
        season = seasons.open_season(
            session,
            slug=SEASON,
            title="Spring season",
            opens_at=at - timedelta(hours=1),
            closes_at=at + timedelta(days=7),
            by=olga,
            now=at,
        )
        plan = RacePlan(
            slug=RACE,
            title="Oval sprint",
            track="oval",
            max_submissions=5,
            max_queued=5,
            training_steps=10_000,
            seed=7,
        )
        return season, seasons.open_race(session, season, plan, by=olga, now=at)


@pytest.fixture
def arena_stage(pattern: Stage, tmp_path: Path) -> Iterator[Stage]:
    """The test's own copy of the arena."""
    shutil.copy(pattern.folder / "arena.db", tmp_path / "arena.db")
    engine = db.connect(f"sqlite:///{tmp_path / 'arena.db'}")
    yield replace(pattern, folder=tmp_path, engine=engine, artifacts=ArtifactStore(tmp_path / "artifacts"))
    engine.dispose()


@pytest.fixture
def live_app(arena_stage: Stage) -> Flask:
    """The web application on that arena."""
    return create_app(stage.settings(arena_stage))


@pytest.fixture
def visit(live_app: Flask, arena_stage: Stage) -> Visit:
    """Open a browser: `visit("ann")` is signed in, `visit("")` is not.

    The session is written, not asked for: hashing a password is slow on purpose. test_auth.py signs in.
    """

    def open_browser(handle: str) -> Visitor:
        visitor = Visitor(live_app)
        if handle:
            with db.reading(arena_stage.engine) as session:
                account = account_of(session.scalars(select(Racer).where(Racer.handle == handle)).one())
            with visitor.client.session_transaction() as kept:
                kept["_user_id"] = account.get_id()
        return visitor

    return open_browser
