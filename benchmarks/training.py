"""Training speed: `python -m benchmarks.training [--json] [--repeat N] [--steps N] [--track NAME]`.

Measures, each on one core (the reward process shares it with the trainer) and in medians:
- training steps per second, end to end through the sandboxed reward, default budget; also per CPU second of
  both processes, because a busy neighbour falsifies the clock;
- what two such trainings lose when they run side by side on two cores;
- what a call of the reward function costs in the sandbox, over building its params and calling it in process.
"""

import argparse
import inspect
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

from arena.garage.launching import close_zygotes
from arena.garage.sandbox import RewardSandbox
from arena.garage.training import DEFAULT_STEPS, train
from simulator import tracks
from simulator.env import TrackVectorEnv

previous = 0.0


def reward_function(params: dict[str, Any]) -> float:
    """A cheap reward with a memory: the progress gained."""
    global previous
    if params["steps"] <= 2:
        previous = params["progress"]
    gained: float = params["progress"] - previous
    previous = params["progress"]
    return -5.0 if params["is_offtrack"] else gained


CHEAP_REWARD = f"from typing import Any\nprevious = 0.0\n{inspect.getsource(reward_function)}"
CARS = 256
MESSAGES = 200


def cores() -> list[int]:
    """Return the cores that this process may use, or nothing where the system does not say."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def pin(core: int) -> None:
    """Keep this process, and what it starts, on one core."""
    if core in cores():
        os.sched_setaffinity(0, {core})


def train_once(track: str, steps: int) -> tuple[float, float]:
    """Train in this process; return steps per second by the clock, and per CPU second of both processes."""
    before = cpu_s()
    training = train(CHEAP_REWARD, tracks.load(track), steps=steps)
    return training.steps_per_s, training.steps / (cpu_s() - before)


def cpu_s() -> float:
    """Return the CPU seconds of this process and of its children, which are ended for that."""
    close_zygotes()
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def start(core: int, track: str, steps: int) -> "subprocess.Popen[str]":
    """Start one training on a core in a process of its own, which prints its speed."""
    command = [sys.executable, "-m", "benchmarks.training", "--one", str(core)]
    arguments = ["--track", track, "--steps", str(steps)]
    return subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True)


def speeds(chosen_cores: Sequence[int], track: str, steps: int) -> list[float]:
    """Run one training on each core, at the same time; return the means of both speeds of `train_once`."""
    running = [start(core, track, steps) for core in chosen_cores]
    printed = [[float(number) for number in process.communicate()[0].split()] for process in running]
    return [statistics.mean(column) for column in zip(*printed, strict=True)]


def call_costs_us(track_name: str) -> tuple[float, float]:
    """Return what a call costs in the sandbox and in process, params included, in microseconds."""
    track = tracks.load(track_name)
    env = TrackVectorEnv(track, CARS)
    env.reset(seed=0)
    env.step(env.action_space.sample() * 0.0)
    rows, cars = env.params_rows.copy(), env.params_rows[:, 0].astype(int) * 0
    builder = env.params_builder
    inside, outside = [], []
    with RewardSandbox(CHEAP_REWARD, track, CARS) as reward:
        for _ in range(MESSAGES):
            began = time.perf_counter()
            reward(rows, cars)
            between = time.perf_counter()
            [float(reward_function(params)) for params in builder.dicts(rows.tolist())]
            outside.append(time.perf_counter() - between)
            inside.append(between - began)
    return 1e6 * statistics.median(inside) / CARS, 1e6 * statistics.median(outside) / CARS


def medians(rows: Sequence[Sequence[float]]) -> list[float]:
    return [statistics.median(column) for column in zip(*rows, strict=True)]


def measure(track: str, steps: int, repeat: int) -> dict[str, float]:
    """Return all figures."""
    usable = cores() or [0]
    alone = medians([speeds(usable[:1], track, steps) for _ in range(repeat)])
    figures = {"training_steps_per_s": alone[0], "training_steps_per_cpu_s": alone[1]}
    if len(usable) > 1:
        pair = medians([speeds(usable[:2], track, steps) for _ in range(repeat)])
        figures["side_by_side_steps_per_s"] = pair[0]
        figures["side_by_side_loss_percent"] = 100.0 * (1.0 - pair[0] / alone[0])
    sandboxed_us, in_process_us = call_costs_us(track)
    figures["reward_call_us"] = sandboxed_us
    figures["reward_call_in_process_us"] = in_process_us
    return {name: round(value, 2) for name, value in figures.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--steps", type=int, default=DEFAULT_STEPS)
    parser.add_argument("--track", default="oval")
    parser.add_argument("--one", type=int, metavar="CORE", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.one is not None:
        pin(chosen.one)
        print(*train_once(chosen.track, chosen.steps))
        return
    figures = measure(chosen.track, chosen.steps, chosen.repeat)
    if chosen.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:32}{value:>12,.2f}")


if __name__ == "__main__":
    main()
