"""Training and racing with obstacles: a car learns to drive around them."""

from __future__ import annotations

from arena.garage.policy import Policy
from arena.garage.racing import object_avoidance, time_trial
from arena.garage.training import train
from simulator import tracks
from simulator.objects import Lane, Obstacle

OBSTACLES = (Obstacle(0.35, Lane.INNER), Obstacle(0.7, Lane.OUTER))
SOURCE = """
previous = {}

def reward_function(params):
    assert len(params["objects_location"]) == 2
    before = previous.get("progress", params["progress"])
    previous["progress"] = params["progress"]
    if params["is_crashed"] or params["is_offtrack"]:
        return -5.0
    gain = params["progress"] - before if params["steps"] > 2 else 0.0
    return max(-1.0, min(5.0, gain))
"""


def test_a_car_learns_to_lap_around_two_boxes_without_a_crash() -> None:
    oval = tracks.load("oval")
    policy = train(SOURCE, oval, steps=200_000, seed=1, obstacles=OBSTACLES).policy
    policy = Policy.from_bytes(policy.to_bytes())
    trial = object_avoidance(policy, oval, OBSTACLES)
    assert trial.finished
    assert (trial.completed_laps, trial.crash_count) == (3, 0)
    assert time_trial(policy, oval, laps=1).trace  # the same policy sees an empty road, too
