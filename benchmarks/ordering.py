"""Reward design shows: five reward functions, from very good to misguided, and the laps of their cars.

`python -m benchmarks.ordering [--steps N] [--seed S] [--tracks a,b,c] [--json]`. All five are trained with
the settings that an entry without files has, alone on each track, and race three laps. Their official laps
are to come in the order in which they stand here; a car without a complete lap is the last.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
from collections.abc import Sequence
from typing import Final

from arena.garage import racing, training
from arena.garage.hyperparameters import Hyperparameters
from simulator import tracks
from simulator.track import Track

TRACKS: Final = ("foundry", "kidney", "harbour")
REWARDS: Final = {
    "pays for the way made": """
before = 0.0

def reward_function(params):
    global before
    if params["steps"] <= 2:
        before = params["progress"]
    gained = params["progress"] - before
    before = params["progress"]
    return -5.0 if params["is_offtrack"] else gained / 100.0 * params["track_length"]
""",
    "pays for 2.2 m/s along the road": """
import math

def reward_function(params):
    if params["is_offtrack"]:
        return -5.0
    behind, ahead = params["closest_waypoints"]
    x0, y0 = params["waypoints"][behind]
    x1, y1 = params["waypoints"][ahead]
    error = math.radians(params["heading"]) - math.atan2(y1 - y0, x1 - x0)
    return max(0.0, math.cos(error)) * max(0.0, 1.0 - abs(params["speed"] - 2.2) / 2.0)
""",
    "pays for the middle of the road at 1.6 m/s": """
def reward_function(params):
    if params["is_offtrack"]:
        return 0.001
    edge = params["distance_from_center"] / (params["track_width"] / 2.0)
    return max(0.001, 1.0 - edge**2) * max(0.05, 1.0 - abs(params["speed"] - 1.6) / 0.6)
""",
    "pays for the middle of the road": """
def reward_function(params):
    if params["is_offtrack"]:
        return 0.001
    edge = params["distance_from_center"] / (params["track_width"] / 2.0)
    return max(0.001, 1.0 - edge**2)
""",
    "takes away for every step": """
def reward_function(params):
    return params["speed"] - 10.0
""",
}
"""What each pays for -> its source, the best first. In the last one, leaving the road at once costs least."""


def lap_of(
    source: str,
    track: Track,
    steps: int,
    *,
    seed: int = 0,
    laps: int = 3,
    hyperparameters: Hyperparameters | None = None,
) -> float:
    """Train a reward function on a track; return its official lap in seconds, infinity without one."""
    policy = training.train(source, track, steps=steps, seed=seed, hyperparameters=hyperparameters).policy
    trial = racing.drive(policy, track, laps=laps)
    return math.inf if trial.best_lap_ms is None else trial.best_lap_ms / 1000


def is_ordered(laps_s: Sequence[float]) -> bool:
    """Return whether each lap is quicker than the next."""
    return all(first < second for first, second in itertools.pairwise(laps_s))


def main() -> None:
    """Print a line per reward function, a column per track, and which tracks have the order."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=500_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tracks", type=lambda text: text.split(","), default=list(TRACKS))
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    laps: dict[str, list[float]] = {}
    for name, source in REWARDS.items():
        driven = [tracks.load(track) for track in chosen.tracks]
        laps[name] = [lap_of(source, track, chosen.steps, seed=chosen.seed) for track in driven]
        if not chosen.json:
            print(f"{name:48}" + "".join(f"{lap_s:9.2f} s" for lap_s in laps[name]), flush=True)
    ordered = [is_ordered(column) for column in zip(*laps.values(), strict=True)]
    if chosen.json:
        shown = {name: [None if math.isinf(lap) else lap for lap in row] for name, row in laps.items()}
        print(
            json.dumps({"steps": chosen.steps, "tracks": chosen.tracks, "laps_s": shown, "ordered": ordered})
        )
        return
    print(
        "ordered: "
        + ", ".join(f"{t} {'yes' if o else 'NO'}" for t, o in zip(chosen.tracks, ordered, strict=True))
    )


if __name__ == "__main__":
    main()
