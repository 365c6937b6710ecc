"""Fixtures of the tests of API, rooms and islands; import what a module uses."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from arena import worker
from arena.league import db, jobs
from arena.league.states import JobKind
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
def checker(arena_stage: Stage) -> Iterator[None]:
    """A worker's checks, in a thread: the verdicts are those of the real sandbox in its own process."""
    stop = threading.Event()

    def work() -> None:
        engine = db.connect(f"sqlite:///{arena_stage.folder / 'arena.db'}")
        while not stop.wait(0.02):
            with db.transaction(engine) as session:
                lease = jobs.claim(session, "checker", datetime.now(UTC), 30, [JobKind.CHECK])
            if lease is not None:
                result = worker.check_entry(lease.payload)
                with db.transaction(engine) as session:
                    jobs.finish_check(session, lease, result, datetime.now(UTC))
        engine.dispose()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    stop.set()
    thread.join()
