"""Steps per second of the simulator on one core, the price of a reward function, and two peers beside.

`python -m benchmarks.simulator [--json]`, half a minute. Medians of CPU time over rounds in which everything
has its turn, so that a neighbour on the machine disturbs all alike. Cars act at random, so that episodes end
and start all the time. Environments give the observation vector and fill the params rows; the price of a call
is that of making the dicts of 256 cars out of such rows and asking a short function about each, without the
step.
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

from benchmarks.peers import Peer, peers
from simulator.car import STEP_S
from simulator.params import ParamsBuilder
from simulator.vector import RewardFunction, TrackVectorEnv

ROUNDS = 7
ROUND_S = 0.3
ACTIONS = 50
REAL_TIME_STEPS_PER_S = 1.0 / STEP_S
LONG_TRACK = "grand_tour"
"""70 m with 320 waypoints, which every params dict holds a list of."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Something that takes `steps` steps per call."""

    name: str
    call: Callable[[], object]
    steps: int
    required: int | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """One row of the first table; `required` are the steps per second that the project promises."""

    name: str
    cars: int
    steps_per_s: int
    required: int | None
    times_real_time: int
    """Of one car: how many times as fast as the real one."""


@dataclass(frozen=True, slots=True)
class RewardCost:
    """One row of the second: what params and a short reward function cost per call (us)."""

    name: str
    us_per_call: float
    required_us: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """One row of the third: our fastest promise as a multiple of a peer of the same rounds.

    The figures of a peer that is not installed are None.
    """

    name: str
    steps_per_s: int | None
    times: int | None
    required_times: int


@dataclass(frozen=True, slots=True)
class Report:
    """All three tables."""

    results: list[Result]
    reward_costs: list[RewardCost]
    comparisons: list[Comparison]


def short_reward(params: dict[str, Any]) -> float:
    """Reward the centre line, as the best-known sample does."""
    if not params["all_wheels_on_track"]:
        return 1e-3
    share = params["distance_from_center"] / params["track_width"]
    return 1.0 if share <= 0.1 else 0.5 if share <= 0.25 else 0.1


def called_with_dicts(builder: ParamsBuilder, function: Callable[[dict[str, Any]], float]) -> RewardFunction:
    """Return a reward that calls `function` once per car with a fresh dict."""
    dicts = builder.dicts

    def reward(rows: NDArray[np.float64], cars: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.array([float(function(params)) for params in dicts(rows.tolist())])

    return reward


def driving(name: str, cars: int, track: str, required: int | None, *, rewarded: bool = False) -> Subject:
    """Return cars that act at random."""
    env = TrackVectorEnv(track, cars)
    if rewarded:
        env = TrackVectorEnv(track, cars, reward=called_with_dicts(env.params_builder, short_reward))
    actions = np.random.default_rng(0).uniform(-1.0, 1.0, (ACTIONS, cars, 2))
    env.reset(seed=0)
    taken = 0

    def step() -> None:
        nonlocal taken
        env.step(actions[taken % ACTIONS])
        taken += 1

    return Subject(name, step, cars, required)


def calling(track: str) -> Subject:
    """Return calls of the short reward function about 256 cars, whose rows are those of a drive."""
    env = TrackVectorEnv(track, 256)
    env.reset(seed=0)
    actions = np.random.default_rng(0).uniform(-1.0, 1.0, (ACTIONS, 256, 2))
    driven = []
    for action in actions:
        env.step(action)
        driven.append(env.params_rows.copy())
    reward, cars = called_with_dicts(env.params_builder, short_reward), np.arange(256)
    taken = 0

    def call() -> None:
        nonlocal taken
        reward(driven[taken % ACTIONS], cars)
        taken += 1

    return Subject(f"params and a short reward, {len(env.params_builder.waypoints)} waypoints", call, 256)


def rates(subjects: list[Subject], rounds: int, round_s: float) -> list[list[float]]:
    """Return the steps per second of CPU of each subject in every round."""
    found: list[list[float]] = [[] for _ in subjects]
    for subject in subjects:
        subject.call()
    for _ in range(rounds):
        for subject, rate in zip(subjects, found, strict=True):
            begin, calls = time.process_time(), 0
            while (spent := time.process_time() - begin) < round_s:
                subject.call()
                calls += 1
            rate.append(calls * subject.steps / spent)
    return found


def measure(others: list[Peer], rounds: int = ROUNDS, round_s: float = ROUND_S) -> Report:
    """Measure what the project promises, two sizes of batches beside, and those peers that are installed."""
    ours = [
        driving("no reward function", 256, "oval", 800_000),
        driving("no reward function, 70 m track", 256, LONG_TRACK, 800_000),
        driving("short reward function", 256, "oval", 250_000, rewarded=True),
        driving("short reward function, 70 m track", 256, LONG_TRACK, 250_000, rewarded=True),
        driving("one car", 1, "oval", round(300 * REAL_TIME_STEPS_PER_S)),
        driving("64 cars", 64, "oval", None),
        driving("1024 cars", 1024, "oval", None),
    ]
    calls = [calling("oval"), calling(LONG_TRACK)]
    here = [Subject(peer.name, peer.step, 1) for peer in others if peer.step]
    found = rates([*ours, *calls, *here], rounds, round_s)
    by_name = {subject.name: each for subject, each in zip([*ours, *calls, *here], found, strict=True)}
    return Report(
        [_result(subject, by_name[subject.name]) for subject in ours],
        [_reward_cost(calls[0], by_name[calls[0].name], 1.2), _reward_cost(calls[1], by_name[calls[1].name])],
        [_comparison(peer, found[0], by_name.get(peer.name)) for peer in others],
    )


def _result(subject: Subject, rate: list[float]) -> Result:
    steps_per_s = statistics.median(rate)
    times = round(steps_per_s / subject.steps / REAL_TIME_STEPS_PER_S)
    return Result(subject.name, subject.steps, round(steps_per_s), subject.required, times)


def _reward_cost(subject: Subject, rate: list[float], required_us: float | None = None) -> RewardCost:
    return RewardCost(subject.name, round(1e6 / statistics.median(rate), 2), required_us)


def _comparison(peer: Peer, ours: list[float], theirs: list[float] | None) -> Comparison:
    """Compare round by round."""
    if theirs is None:
        return Comparison(peer.name, None, None, peer.required_times)
    times = statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True))
    return Comparison(peer.name, round(statistics.median(theirs)), round(times), peer.required_times)


def show(report: Report) -> None:
    """Print the tables."""
    print(f"{'simulator':<46}{'cars':>6}{'steps/s':>12}{'required':>12}{'x real time':>13}")
    for row in report.results:
        required = f"{row.required:,}" if row.required else "-"
        print(f"{row.name:<46}{row.cars:>6}{row.steps_per_s:>12,}{required:>12}{row.times_real_time:>13,}")
    print(f"\n{'reward function, 256 cars':<52}{'us/call':>12}{'at most':>12}")
    for cost in report.reward_costs:
        print(f"{cost.name:<52}{cost.us_per_call:>12.2f}{cost.required_us or '-':>12}")
    print(f"\n{'peers, of the same rounds':<52}{'steps/s':>12}{'required':>12}{'we are x':>13}")
    for peer in report.comparisons:
        required = f"{peer.required_times:,} x"
        if peer.steps_per_s is None or peer.times is None:
            print(f"{peer.name:<52}{'not installed':>12}{required:>11}    (pip install '.[bench]')")
        else:
            print(f"{peer.name:<52}{peer.steps_per_s:>12,}{required:>12}{peer.times:>13,}")


def main() -> None:
    """Print the tables, or JSON for a program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    wants_json = parser.parse_args().json
    report = measure(peers())
    if wants_json:
        machine = {"machine": platform.processor() or platform.machine(), "numpy": np.__version__}
        print(json.dumps({**machine, **asdict(report)}, indent=2))
    else:
        show(report)


if __name__ == "__main__":
    main()
