"""What an agent costs: `python -m benchmarks.agents [--json]`.

Three figures: the round trip of an act that does nothing (the row, the pipe, the observation's dictionary,
the answer), the CPU time that the slowest act of a whole race was charged with, and the seconds of a race
over three laps by each kit for agents. Medians of several rounds; a machine that others use only ever adds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from dataclasses import asdict, dataclass

import numpy as np

import starter_kits
from arena.garage import racing
from arena.garage.agents import SOFT_ACT_S, Agent
from arena.garage.cockpit import AgentSeat
from simulator import tracks
from simulator.course import Course, Direction
from simulator.starts import Starts

ACTS = 3000
ROUNDS = 5
TRACK = "oval"
IDLE = "class Agent:\n    def act(self, observation):\n        return 0.0, 1.0\n"


@dataclass(frozen=True, slots=True)
class Race:
    """A race over three laps by one kit."""

    kit: str
    seconds: float
    acts: int
    slowest_act_ms: float
    late_acts: int


def act_us() -> float:
    """Return the microseconds of an act that does nothing, with all that is told around it."""
    course = Course(tracks.load(TRACK))
    env = course.environment(1, starts=Starts.LINE, sensors="object_vector")
    observation, _ = env.reset(seed=0)
    times = []
    with Agent(IDLE) as agent:
        seat = AgentSeat(agent, env, 0, course, Direction.FORWARD)
        for _ in range(ACTS):
            began = time.perf_counter()
            seat(observation, env.state, None)
            times.append(time.perf_counter() - began)
    return 1e6 * statistics.median(times)


def race_of(name: str) -> Race:
    """Race a kit several times; return the median race, and the slowest act of all."""
    kit, track = starter_kits.load_agent(name), tracks.load(TRACK)
    seconds, slowest, late = [], [], 0
    for _ in range(ROUNDS):
        began = time.perf_counter()
        with Agent(kit.agent) as agent:
            racing.drive(agent, track, laps=3)
        seconds.append(time.perf_counter() - began)
        slowest.append(1e3 * agent.slowest_act_s)
        late += agent.late_acts
    return Race(name, statistics.median(seconds), agent.acts, float(np.max(slowest)), late)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    trip_us, races = act_us(), [race_of(name) for name in starter_kits.AGENTS]
    if as_json:
        print(json.dumps({"act_us": trip_us, "races": [asdict(race) for race in races]}))
        return
    print(f"an act that does nothing      {trip_us:8.0f} us")
    for race in races:
        print(
            f"{race.kit:<16} 3 laps of {TRACK} {race.seconds:6.2f} s, {race.acts} acts, the slowest "
            f"{race.slowest_act_ms:.2f} ms of {1e3 * SOFT_ACT_S:.0f}, {race.late_acts} late"
        )


if __name__ == "__main__":
    main()
