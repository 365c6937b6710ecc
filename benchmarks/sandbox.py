"""What the lock costs: to start a child, and per call of a reward function, beside the same work in process.

`python -m benchmarks.sandbox [--json]`. Both kinds of call build the same params dicts from the same rows and
call the same function; the sandbox sends the rows through a pipe to a locked child and reads the rewards
back. Rounds are taken in turn, so that a neighbour on the machine disturbs both alike; the figures are
medians over the quickest fifth, because a machine that others use only ever adds.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from arena.garage import protection
from arena.garage.child import Child, proves_to_be_locked
from arena.garage.limits import Allowance, Limits
from arena.garage.sandbox import RewardSandbox
from simulator import tracks
from simulator.canned import canned_states
from simulator.params import ParamsBuilder

CARS = 256
ROUNDS = 1500
STARTS = 200
MOST_START_MS = 5.0
MOST_CALL_US = 0.3

SOURCE = """
import math

def reward_function(params):
    waypoints = params["waypoints"]
    behind, ahead = params["closest_waypoints"]
    dx = waypoints[ahead][0] - waypoints[behind][0]
    dy = waypoints[ahead][1] - waypoints[behind][1]
    difference = abs(math.degrees(math.atan2(dy, dx)) - params["heading"])
    reward = 1.0 - params["distance_from_center"] / params["track_width"]
    if min(difference, 360.0 - difference) > 10.0:
        reward *= 0.5
    return float(reward + params["speed"] ** 2 / 16.0)
"""


@dataclass(frozen=True, slots=True)
class Result:
    """The figures of one run; the two `most_` are what the project promises."""

    profile: str
    first_start_ms: float
    start_ms: float
    in_process_us: float
    sandboxed_us: float
    most_start_ms: float = MOST_START_MS
    most_call_us: float = MOST_CALL_US

    @property
    def lock_us(self) -> float:
        """What a call costs more than in process."""
        return self.sandboxed_us - self.in_process_us


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    result = measure()
    if as_json:
        print(json.dumps({**asdict(result), "lock_us": result.lock_us, "machine": platform.platform()}))
        return
    print(f"lock: {result.profile}")
    print(f"first child, with its zygote  {result.first_start_ms:8.1f} ms")
    print(f"each further child            {result.start_ms:8.2f} ms  (at most {MOST_START_MS})")
    print(f"a call in process, N = {CARS}    {result.in_process_us:8.2f} us")
    print(f"a call in the sandbox         {result.sandboxed_us:8.2f} us")
    print(f"  more than in process        {result.lock_us:8.2f} us  (at most {MOST_CALL_US})")


def measure() -> Result:
    """Start children, then make calls in process and in the sandbox in turn."""
    began = time.perf_counter()
    proves_to_be_locked()
    first_start_ms = 1e3 * (time.perf_counter() - began)
    starts_ms = [1e3 * started_in_s() for _ in range(STARTS)]
    in_process_us, sandboxed_us = calls_us()
    profile = str(protection.current().profile)
    return Result(profile, first_start_ms, quickest(starts_ms), in_process_us, sandboxed_us)


def started_in_s() -> float:
    """Return the seconds until a child is locked, has said so and has been looked at."""
    began = time.perf_counter()
    with Child(Limits()) as child:
        child.exchange(b"", Allowance(20.0, 20.0))
        child.require_lock()
        return time.perf_counter() - began


def calls_us() -> tuple[float, float]:
    """Return the microseconds of a call in process and in the sandbox."""
    track = tracks.load("grand_tour")
    states = np.array([state.row for state in canned_states(track)])
    rows, cars = np.resize(states, (CARS, states.shape[1])), np.arange(CARS)
    params = ParamsBuilder(track.waypoints.tolist(), track.length_m, track.is_reversed)
    functions = [function_of(SOURCE) for _ in range(CARS)]  # each car has its own, here too

    def in_process() -> None:
        pairs = zip(functions, params.dicts(rows.tolist()), strict=True)
        np.array([float(function(each)) for function, each in pairs])

    with RewardSandbox(SOURCE, track, CARS) as reward:
        times = [(timed(in_process), timed(lambda: reward(rows, cars))) for _ in range(ROUNDS)]
    in_process_s, sandboxed_s = (quickest([pair[side] for pair in times]) for side in (0, 1))
    return 1e6 * in_process_s / CARS, 1e6 * sandboxed_s / CARS


def function_of(source: str) -> Callable[[dict[str, Any]], Any]:
    """Execute our own source as a module of its own."""
    names: dict[str, Any] = {}
    exec(source, names)
    function: Callable[[dict[str, Any]], Any] = names["reward_function"]
    return function


def timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def quickest(times: list[float]) -> float:
    """Return the median of the quickest fifth."""
    return statistics.median(sorted(times)[: max(1, len(times) // 5)])


if __name__ == "__main__":
    main()
