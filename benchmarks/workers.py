"""Do two workers on two cores do twice the work of one on one? `python -m benchmarks.workers [--entries N]
[--steps N] [--json]`.

Starts real arenas, each with an empty database, hands in the same entries (the `make_progress` kit, one of
each racer) at once through the HTTP API, and measures until the board shows them all. A worker alone may use
the idle core too, because a reward function is computed beside the simulator: so the first arena has one
worker and one core in all, the second one worker and every core, the third two workers. Needs two idle cores
and Linux, which can say what cores a process has.
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


def seconds_for_all(workers: int, cores: int | None, entries: int, steps: int) -> float:
    """Return the seconds from the first upload until the last official time, by workers that are warm."""
    with tempfile.TemporaryDirectory() as folder:
        tokens = prepare(Path(folder), workers + entries, steps)
        with arena(Path(folder), workers, cores) as address:
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
    ways = {"one worker, one core": (1, 1), "one worker, all cores": (1, None), "two workers": (2, None)}
    took_s = {way: seconds_for_all(*has, chosen.entries, chosen.steps) for way, has in ways.items()}
    one_core_s, one_s, two_s = took_s.values()
    figures = {way: round(60.0 * chosen.entries / seconds, 2) for way, seconds in took_s.items()}
    ratios = {"by cores": round(one_core_s / two_s, 3), "by workers": round(one_s / two_s, 3)}
    if chosen.json:
        print(json.dumps({"per_minute": figures, "ratios": ratios}))
        return
    for way, per_minute in figures.items():
        print(f"{way:22} {took_s[way]:6.1f} s for {chosen.entries} entries, {per_minute:5.1f} a minute")
    print(f"two workers on two cores: {ratios['by cores']:.2f} x one on one core (at least {LEAST_RATIO})")
    print(f"and {ratios['by workers']:.2f} x one that may use the second core too")


if __name__ == "__main__":
    main()
