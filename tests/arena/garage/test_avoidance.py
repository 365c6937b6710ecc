"""Training and racing with obstacles: a car learns to drive around them."""

from __future__ import annotations

from arena.garage.policy import Policy
from arena.garage.racing import drive
from arena.garage.training import train
from simulator import tracks
from simulator.course import Course, RaceType
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
    course = Course(tracks.load("oval"), obstacles=OBSTACLES)
    policy = train(SOURCE, course, steps=200_000, seed=1).policy
    assert policy.about["course"] == course.text
    policy = Policy.from_bytes(policy.to_bytes())
    trial = drive(policy, course)
    assert trial.finished
    assert (trial.completed_laps, trial.crash_count) == (3, 0)
    assert trial.versions["course"] == course.text
    assert (trial.race_type, trial.percent_of_the_possible) == (RaceType.OBJECT_AVOIDANCE, None)
    assert drive(policy, course.track, laps=1).trace  # the same policy sees an empty road, too
