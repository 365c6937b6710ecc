"""From the upload of a reward function to its official lap on the board: `python -m benchmarks.submission
[--json] [--repeat N]`.

Starts a real arena (web, checker, one worker per core) with an empty database on a free port, submits the
`make_progress` kit with the default budget of 500,000 steps through the HTTP API, one at a time, and
measures until the board shows the time. Each round is another racer.
"""

import argparse
import contextlib
import json
import os
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import starter_kits
from arena.league import accounts, db, seasons
from arena.league.plans import RacePlan
from arena.league.states import Role
from arena.remote import Client
from arena.settings import ArenaSettings
from simulator import tracks

RACE = "benchmark"
DEFAULT_STEPS = 500_000
PATIENCE_S = 300.0


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def prepare(data: Path, racers: int, steps: int = DEFAULT_STEPS) -> list[str]:
    """Create a race of `steps` and its racers; return one API token each."""
    engine = db.connect(ArenaSettings.from_environment({"ARENA_DATA_DIR": str(data)}).database_url)
    db.upgrade(engine)
    now = datetime.now(UTC)
    with db.transaction(engine) as session:
        organiser = accounts.create_racer(
            session, handle="organiser", name="Organiser", password=None, role=Role.ORGANISER, now=now
        )
        season = seasons.open_season(
            session,
            slug=RACE,
            title="Benchmark",
            opens_at=now,
            closes_at=now + timedelta(days=1),
            by=organiser,
            now=now,
        )
        seasons.open_race(
            session,
            season,
            RacePlan(slug=RACE, title="Benchmark", track=tracks.names()[0], training_steps=steps),
            by=organiser,
            now=now,
        )
        people = [
            accounts.create_racer(session, handle=f"racer-{n}", name=f"Racer {n}", password=None, now=now)
            for n in range(racers)
        ]
        tokens = [accounts.issue_token(session, racer, "benchmark", now) for racer in people]
    engine.dispose()
    return tokens


@contextlib.contextmanager
def arena(data: Path, workers: int, cores: int | None = None) -> Iterator[str]:
    """Run `arena serve` on a free port until the block ends; yield its address when it answers and its
    workers are warm. With `cores` it has no more of them than that (Linux).
    """
    port = free_port()
    environment = {
        **os.environ,
        "ARENA_DATA_DIR": str(data),
        "ARENA_SECRET_KEY": secrets.token_hex(32),
        "ARENA_RATE_LIMITS": "off",
    }
    command = [sys.executable, "-m", "arena", "serve", "--port", str(port), "--workers", str(workers)]
    with confined_to(cores), subprocess.Popen(command, env=environment, stdout=sys.stderr) as process:
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for_answer(address)
            time.sleep(8.0)  # the workers import PyTorch once, at their start
            yield address
        finally:
            process.terminate()


@contextlib.contextmanager
def confined_to(cores: int | None) -> Iterator[None]:
    """Give this process, and those that it starts, no more cores than that until the block ends."""
    if cores is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:cores])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def wait_for_answer(address: str) -> None:
    deadline = time.monotonic() + 60.0
    while True:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def texts_of(kit: starter_kits.Kit) -> dict[str, str]:
    """Return a kit as the API takes it."""
    names = ("reward_function", "model_metadata", "hyperparameters")
    return {name: getattr(kit, name) for name in names}


def submit_to_lap_s(address: str, token: str, kit: starter_kits.Kit) -> float:
    """Submit a kit and return the seconds until the board shows its official time."""
    client = Client(address, token)
    began = time.perf_counter()
    submission = client.submit(RACE, texts_of(kit))
    while time.perf_counter() - began < PATIENCE_S:
        rows = client.request(f"/api/v1/races/{RACE}/board")["rows"]
        if any(row["submission_id"] == submission["id"] for row in rows):
            return time.perf_counter() - began
        time.sleep(0.1)
    path = f"/api/v1/submissions/{submission['id']}"
    raise TimeoutError(f"No official time within {PATIENCE_S:.0f} s: {client.request(path)}")


def measure(repeat: int) -> dict[str, Any]:
    """Return the seconds of every round and their median."""
    kit = starter_kits.load("make_progress")
    with tempfile.TemporaryDirectory() as folder:
        tokens = prepare(Path(folder), repeat)
        with arena(Path(folder), os.cpu_count() or 1) as address:
            seconds = [submit_to_lap_s(address, token, kit) for token in tokens]
    return {
        "submit_to_lap_s": [round(s, 2) for s in seconds],
        "median_s": round(statistics.median(seconds), 2),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    result = measure(chosen.repeat)
    if chosen.json:
        print(json.dumps(result))
    else:
        print(
            f"submit to official lap on the board, 500,000 steps: {result['submit_to_lap_s']} s, "
            f"median {result['median_s']} s"
        )


if __name__ == "__main__":
    main()
