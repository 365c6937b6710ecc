"""Fixtures of the tests of API, rooms and islands; import what a module uses."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from arena.league import db
from arena.league.artifacts import ArtifactStore
from arena.league.states import JobKind
from arena.pit_wall import PitWall
from arena.worker import Worker
from leaderboard import create_app
from tests.leaderboard import server, stage
from tests.leaderboard.stage import Stage


@pytest.fixture(scope="module")
def grounds(
    tmp_path_factory: pytest.TempPathFactory, migrated_file: Path, password_hash: str
) -> Iterator[Stage]:
    """An arena with people, one for a whole module."""
    folder = tmp_path_factory.mktemp("grounds")
    shutil.copy(migrated_file, folder / "arena.db")
    yield from stage.build(folder, password_hash=password_hash)


@pytest.fixture
def arena_stage(grounds: Stage) -> Iterator[Stage]:
    """A season and an open race of the test's own in that arena, around the present moment."""
    yield grounds.new_meeting()
    grounds.clear_queue()


@pytest.fixture(scope="module")
def live_app(grounds: Stage) -> Flask:
    """The web application on that arena."""
    return create_app(stage.settings(grounds))


@pytest.fixture
def api(live_app: Flask) -> FlaskClient:
    """A client without an account."""
    return live_app.test_client()


@pytest.fixture(scope="module")
def address(grounds: Stage) -> Iterator[str]:
    """A running web process on that arena."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with server.running(grounds.folder, port) as address:
        yield address


@pytest.fixture
def checker(arena_stage: Stage, pit: PitWall) -> Iterator[None]:
    """A worker's checks, in a thread: the verdicts are those of the real sandbox in its own process."""
    stop = threading.Event()
    pit.start()

    def work() -> None:
        engine = db.connect(f"sqlite:///{arena_stage.folder / 'arena.db'}")
        artifacts = ArtifactStore(arena_stage.folder / "artifacts")
        checks = Worker(engine, artifacts, name="checker", kinds=(JobKind.CHECK,), pit=pit)
        while not stop.wait(0.02):
            lease = checks.claim()
            if lease is not None:
                checks.work(lease)
        engine.dispose()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    stop.set()
    thread.join()
