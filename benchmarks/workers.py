"""Do two workers do twice the work of one? `python -m benchmarks.workers [--entries N] [--steps N] [--json]`.

Starts a real arena with one worker and then one with two, each with an empty database, hands in the same
entries (the `make_progress` kit, one of each racer) at once through the HTTP API, and measures until the
board shows them all. The ratio needs two idle cores: the arena's other processes have little to do meanwhile.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import starter_kits
from arena.remote import Client
from benchmarks.submission import PATIENCE_S, RACE, arena, prepare, texts_of

ENTRIES = 8
STEPS = 200_000
LEAST_RATIO = 1.9


def seconds_for_all(workers: int, entries: int, steps: int) -> float:
    """Return the seconds from the first upload until the last official time, by workers that are warm."""
    with tempfile.TemporaryDirectory() as folder:
        tokens = prepare(Path(folder), workers + entries, steps)
        with arena(Path(folder), workers) as address:
            hand_in(address, tokens[:workers])
            wait_for(address, tokens[0], workers)
            began = time.perf_counter()
            hand_in(address, tokens[workers:])
            wait_for(address, tokens[0], workers + entries)
            return time.perf_counter() - began


def hand_in(address: str, tokens: Sequence[str]) -> None:
    """Enter the kit for each of some racers."""
    texts = texts_of(starter_kits.load("make_progress"))
    for token in tokens:
        Client(address, token).submit(RACE, texts)


def wait_for(address: str, token: str, rows: int) -> None:
    """Wait until the board has so many rows."""
    client, began = Client(address, token), time.perf_counter()
    while len(client.request(f"/api/v1/races/{RACE}/board")["rows"]) < rows:
        if time.perf_counter() - began > PATIENCE_S:
            raise TimeoutError(f"expected {rows} official times within {PATIENCE_S:.0f} s")
        time.sleep(0.2)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--entries", type=int, default=ENTRIES)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    one_s, two_s = (seconds_for_all(workers, chosen.entries, chosen.steps) for workers in (1, 2))
    figures = {
        "one_worker_per_minute": round(60.0 * chosen.entries / one_s, 2),
        "two_workers_per_minute": round(60.0 * chosen.entries / two_s, 2),
        "ratio": round(one_s / two_s, 3),
    }
    if chosen.json:
        print(json.dumps(figures))
        return
    print(f"{chosen.entries} entries of {chosen.steps:,} steps: {one_s:.1f} s by one, {two_s:.1f} s by two")
    print(f"two workers do {figures['ratio']:.2f} times the work of one (at least {LEAST_RATIO})")


if __name__ == "__main__":
    main()
