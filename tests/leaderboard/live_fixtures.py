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


@pytest.fixture
def arena_stage(tmp_path: Path, migrated_file: Path, password_hash: str) -> Iterator[Stage]:
    """An arena with people, a season and an open race, around the present moment."""
    shutil.copy(migrated_file, tmp_path / "arena.db")
    yield from stage.build(tmp_path, password_hash=password_hash)


@pytest.fixture
def live_app(arena_stage: Stage) -> Flask:
    """The web application on that arena."""
    return create_app(stage.settings(arena_stage))


@pytest.fixture
def api(live_app: Flask) -> FlaskClient:
    """A client without an account."""
    return live_app.test_client()


@pytest.fixture
def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def address(arena_stage: Stage, free_port: int) -> Iterator[str]:
    """A running web process on that arena."""
    with server.running(arena_stage.folder, free_port) as address:
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
