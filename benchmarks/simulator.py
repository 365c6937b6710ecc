"""Steps per second of the simulator on one core, with observations and params rows.

`python -m benchmarks.simulator [--json]`. Median of several rounds of CPU time, so that a neighbour on the
machine counts for little. Cars act at random, so that episodes end and start all the time.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

# One core: set before NumPy is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray

from simulator.vector import RewardFunction, TrackVectorEnv

ROUNDS = 7


@dataclass(frozen=True, slots=True)
class Result:
    """One row of the table; `required` are the steps per second that the project promises."""

    name: str
    cars: int
    steps_per_s: int
    required: int | None


def short_reward(params: dict[str, Any]) -> float:
    """Reward the centre line, as the best-known sample does."""
    if not params["all_wheels_on_track"]:
        return 1e-3
    share = params["distance_from_center"] / params["track_width"]
    return 1.0 if share <= 0.1 else 0.5 if share <= 0.25 else 0.1


def called_with_dicts(env: TrackVectorEnv, function: Callable[[dict[str, Any]], float]) -> RewardFunction:
    """Return a reward that calls `function` once per car with a fresh dict."""
    dicts = env.params_builder.dicts

    def reward(rows: NDArray[np.float64], cars: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.array([float(function(params)) for params in dicts(rows.tolist())])

    return reward


def measure(name: str, cars: int, track: str, required: int | None, *, rewarded: bool) -> Result:
    """Drive `cars` cars at random for `ROUNDS` rounds of about half a second."""
    env = TrackVectorEnv(track, cars)
    if rewarded:
        env = TrackVectorEnv(track, cars, reward=called_with_dicts(env, short_reward))
    rng = np.random.default_rng(0)
    actions = rng.uniform(-1.0, 1.0, (50, cars, 2))
    env.reset(seed=0)
    steps = 1000 if cars <= 256 else 200
    rates = []
    for _ in range(ROUNDS):
        begin = time.process_time()
        for step in range(steps):
            env.step(actions[step % 50])
        rates.append(steps * cars / (time.process_time() - begin))
    return Result(name, cars, round(statistics.median(rates)), required)


def results() -> list[Result]:
    """Measure what the project promises, and two sizes beside."""
    return [
        measure("no reward function", 256, "oval", 500_000, rewarded=False),
        measure("no reward function, 70 m track", 256, "grand_tour", 500_000, rewarded=False),
        measure("short reward function", 256, "oval", 250_000, rewarded=True),
        measure("short reward function, 70 m track", 256, "grand_tour", 250_000, rewarded=True),
        measure("one car", 1, "oval", 5_000, rewarded=False),
        measure("64 cars", 64, "oval", None, rewarded=False),
        measure("1024 cars", 1024, "oval", None, rewarded=False),
    ]


def main() -> None:
    """Print the table, or JSON for a program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    wants_json = parser.parse_args().json
    rows = results()
    if wants_json:
        machine = {"machine": platform.processor() or platform.machine(), "numpy": np.__version__}
        print(json.dumps({**machine, "results": [asdict(row) for row in rows]}, indent=2))
        return
    print(f"{'simulator':<36}{'cars':>6}{'steps/s':>12}{'required':>12}")
    for row in rows:
        required = f"{row.required:,}" if row.required else "-"
        print(f"{row.name:<36}{row.cars:>6}{row.steps_per_s:>12,}{required:>12}")


if __name__ == "__main__":
    main()
