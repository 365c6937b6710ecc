"""From a reward function to its official lap, for every style in the set: `python -m benchmarks.rewards
[--only NAME,...] [--steps N] [--json]`. About six minutes on two idle cores.

For each function: what a call costs in the sandbox (CPU time of its process, 256 cars, `us`), among how many
processes its calls are shared, and the seconds until it has its official time: the check on the canned
states, the training with 500,000 steps and the trial of three laps, as a warm worker does them one after the
other. What the arena adds (upload, queue, database) is in `python -m benchmarks.submission`: some tenths.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from arena.garage import racing
from arena.garage.sandbox import RewardSandbox, check
from arena.garage.training import DEFAULT_STEPS, MIN_STEPS, train, warm_up
from arena.garage.weighing import shards_worth
from benchmarks.rewards import Entry, entries
from simulator.course import Course
from simulator.env import TrackVectorEnv

MOST_MEDIAN_S = 15.0
MOST_DEAREST_S = 60.0
CARS = 256
WARM_STEPS, STEPS = 10, 40


@dataclass(frozen=True, slots=True)
class Result:
    """What one function costs."""

    name: str
    call_us: float
    processes: int
    seconds: float
    best_lap_s: float | None
    finished: bool


def measure(entry: Entry, steps: int) -> Result:
    """Check, train and race one function."""
    call_us, processes = cost_us(entry), shards_worth(entry.text, Course(entry.track), CARS)
    began = time.perf_counter()
    checked = check(entry.source, entry.track)
    if not checked.ok:
        raise SystemExit(f"{entry.name} does not run here: {checked.message}")
    trained = train(entry.text, entry.track, steps=steps)
    trial = racing.drive(trained.policy, entry.track, laps=3)
    seconds = time.perf_counter() - began
    best_lap_s = None if trial.best_lap_ms is None else trial.best_lap_ms / 1000
    return Result(entry.name, round(call_us, 2), processes, round(seconds, 2), best_lap_s, trial.finished)


def cost_us(entry: Entry) -> float:
    """Return the microseconds of a call, by cars that drive."""
    with RewardSandbox(entry.text, entry.track, CARS) as reward:
        env = TrackVectorEnv(entry.track, CARS, reward=reward)
        env.reset(seed=0)
        actions = env.action_space.sample() * 0.0
        for _ in range(WARM_STEPS):
            env.step(actions)
        took_s, calls = reward.took_s, reward.calls
        for _ in range(STEPS):
            env.step(actions)
        return 1e6 * (reward.took_s - took_s) / (reward.calls - calls)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line for each function as it is done, then the median and the dearest."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", type=lambda text: text.split(","), metavar="NAME,...")
    parser.add_argument("--steps", type=int, default=DEFAULT_STEPS)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    warm_up()
    train("def reward_function(params):\n    return 1.0\n", entries()[0].track, steps=MIN_STEPS)
    results = []
    for entry in entries():
        if chosen.only is None or entry.name in chosen.only:
            results.append(measure(entry, chosen.steps))
            if not chosen.json:
                show(results[-1])
    slowest = max(results, key=lambda result: result.seconds)
    median_s = statistics.median(result.seconds for result in results)
    if chosen.json:
        rows = [asdict(result) for result in results]
        print(json.dumps({"median_s": median_s, "slowest_s": slowest.seconds, "results": rows}))
        return
    print(f"median {median_s:.1f} s (at most {MOST_MEDIAN_S:.0f} s)")
    print(f"slowest {slowest.seconds:.1f} s: {slowest.name} (at most {MOST_DEAREST_S:.0f} s)")


def show(result: Result) -> None:
    lap = "no lap" if result.best_lap_s is None else f"{result.best_lap_s:.2f} s"
    lap = lap if result.finished else f"({lap})"
    print(
        f"{result.name:32}{result.call_us:9.2f} us{result.processes:3} {result.seconds:7.1f} s{lap:>12}",
        flush=True,
    )


if __name__ == "__main__":
    main()
