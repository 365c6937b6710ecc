"""The journey of the product: a reward function becomes a lap on a board that others are watching.

`arena serve` runs the web process, the checker and a worker; a racer submits by `arena submit`; a spectator
without an account watches over a real Socket.IO client and sees queue, training, laps and standing arrive.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import socketio

import starter_kits
from arena.league import accounts, db, seasons
from arena.league.plans import RacePlan
from arena.league.states import Role, Timing
from arena.settings import ArenaSettings

pytestmark = pytest.mark.timeout(200)

RACE = "journey"
STEPS = 60_000


@dataclass(slots=True)
class RunningArena:
    """An arena in processes of its own."""

    address: str
    token: str
    process: subprocess.Popen[bytes]


@dataclass(slots=True)
class Spectator:
    """A Socket.IO client that writes down everything it hears."""

    snapshots: queue.Queue[dict[str, Any]] = field(default_factory=queue.Queue)
    events: list[dict[str, Any]] = field(default_factory=list)

    def names(self) -> list[str]:
        return [event["name"] for event in self.events]


@pytest.fixture
def arena(tmp_path: Path) -> Iterator[RunningArena]:
    token = prepare(tmp_path)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "ARENA_DATA_DIR": str(tmp_path),
        "ARENA_SECRET_KEY": "a key for this test only, 32 bytes long",
    }
    command = [sys.executable, "-m", "arena", "serve", "--port", str(port), "--workers", "1"]
    with subprocess.Popen(command, env=environment) as process:
        address = f"http://127.0.0.1:{port}"
        wait_for_answer(address)
        yield RunningArena(address, token, process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def prepare(data: Path) -> str:
    """Open a race and give Ann a token."""
    settings = ArenaSettings.from_environment({"ARENA_DATA_DIR": str(data)})
    engine = db.connect(settings.database_url)
    db.upgrade(engine)
    now = datetime.now(UTC)
    with db.transaction(engine) as session:
        olga = accounts.create_racer(
            session, handle="olga", name="Olga", password=None, role=Role.ORGANISER, now=now
        )
        season = seasons.open_season(
            session,
            slug="season",
            title="Season",
            opens_at=now,
            closes_at=now + timedelta(days=1),
            by=olga,
            now=now,
        )
        plan = RacePlan(
            slug=RACE,
            title="Journey",
            track="oval",
            laps=2,
            timing=Timing.BEST_LAP,
            training_steps=STEPS,
        )
        seasons.open_race(session, season, plan, by=olga, now=now)
        ann = accounts.create_racer(session, handle="ann", name="Ann", password=None, now=now)
        token = accounts.issue_token(session, ann, "test", now)
    engine.dispose()
    return token


def wait_for_answer(address: str) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"No arena answered at {address} within 30 s.")


def watch(address: str) -> tuple[socketio.Client, Spectator]:
    """Join the race's room as a spectator without an account."""
    spectator = Spectator()
    client = socketio.Client()
    client.on("snapshot", spectator.snapshots.put)
    client.on("event", spectator.events.append)
    client.connect(address, transports=["websocket"])
    assert client.call("join", {"room": f"race:{RACE}", "since": None})["ok"] is True
    return client, spectator


def submit(arena: RunningArena, source: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "arena", "submit", str(source), "--race", RACE]
    environment = {**os.environ, "ARENA_URL": arena.address, "ARENA_TOKEN": arena.token}
    return subprocess.run([*command, "--json"], env=environment, capture_output=True, text=True, timeout=150)


def test_a_reward_function_becomes_a_lap_on_the_live_board(arena: RunningArena, tmp_path: Path) -> None:
    client, spectator = watch(arena.address)
    assert spectator.snapshots.get(timeout=10)["board"] == []

    broken = tmp_path / "broken.py"
    broken.write_text("def reward_function(params):\n    return params['nope']\n")
    refused = submit(arena, broken)
    assert refused.returncode == 1
    assert (json.loads(refused.stdout)["verdict"], json.loads(refused.stdout)["line"]) == ("runtime", 2)

    finished = submit(arena, starter_kits.FOLDER / "make_progress" / "reward_function.py")
    assert finished.returncode == 0, finished.stderr
    submission = json.loads(finished.stdout)
    assert submission["state"] == "recorded"
    assert submission["official_ms"] == min(lap["lap_time_ms"] for lap in submission["laps"])

    wait_for(lambda: "standing.changed" in spectator.names())
    names = spectator.names()
    for earlier, later in (
        ("submission.queued", "submission.training"),
        ("training.progressed", "submission.racing"),
        ("lap.completed", "standing.changed"),
    ):
        assert names.index(earlier) < names.index(later)
    ids = [event["id"] for event in spectator.events]
    assert ids == sorted(set(ids))
    standing = next(event for event in spectator.events if event["name"] == "standing.changed")
    assert standing["payload"]["row"]["official_ms"] == submission["official_ms"]
    assert standing["payload"]["row"]["name"] == "Ann"

    page = urllib.request.urlopen(f"{arena.address}/races/{RACE}").read().decode()
    assert f"{submission['official_ms'] / 1000:.3f}" in page
    client.disconnect()


def wait_for(condition: Any, within_s: float = 15.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
