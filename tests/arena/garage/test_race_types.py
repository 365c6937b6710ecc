"""From a reward function to a raced policy, once for every kind of race, with small budgets."""

from __future__ import annotations

import pytest

from arena.garage import racing
from arena.garage.policy import Policy
from arena.garage.training import train
from simulator import tracks
from simulator.course import Bots, Course, Direction, RaceType
from simulator.imperfections import CALIBRATED
from simulator.objects import Kind, Lane, Obstacle
from simulator.rules import Rules
from simulator.sensors import OBSERVATION_COLUMNS
from simulator.sensors.objects import OBJECT_VECTOR_COLUMNS

OVAL = tracks.load("oval")
SMALL = 1536
SOURCE = """
LISTS = ("location", "distance", "distance_from_center", "heading", "speed", "left_of_center")

def reward_function(params):
    assert {len(params["objects_" + name]) for name in LISTS} == {COUNT}
    if COUNT:
        assert all(0 <= index < COUNT for index in params["closest_objects"])
    return 0.1 if params["is_crashed"] or params["is_offtrack"] else 1.0
"""
BOXES = (Obstacle(0.3, Lane.INNER), Obstacle(0.7, Lane.OUTER, Kind.PARKED_CAR))
COURSES = {
    RaceType.TIME_TRIAL: (Course(OVAL, imperfections=CALIBRATED), 0),
    RaceType.OBJECT_AVOIDANCE: (Course(OVAL, Direction.ALTERNATE, obstacles=BOXES), 2),
    RaceType.HEAD_TO_BOTS: (Course(OVAL, Direction.REVERSED, bots=Bots(3, 0.4, lane_change=True)), 3),
    RaceType.HEAD_TO_HEAD: (Course(OVAL, obstacles=BOXES, cars=3), 4),
}
"""A course of each kind, and how many objects its params speak of."""


@pytest.mark.parametrize("race_type", RaceType)
def test_a_policy_is_trained_and_raced_twice_the_same(race_type: RaceType) -> None:
    course, count = COURSES[race_type]
    assert course.race_type is race_type
    trained = train(SOURCE.replace("COUNT", str(count)), course, steps=SMALL, seed=2)
    assert 0.9 * SMALL < trained.steps <= SMALL
    policy = Policy.from_bytes(trained.policy.to_bytes())
    assert policy.columns == (OBJECT_VECTOR_COLUMNS if count else OBSERVATION_COLUMNS)
    assert policy.about["course"] == course.text
    rules = Rules(max_steps=200, laps=2, max_resets=3)
    trial = racing.drive(policy, course, laps=2, rules=rules, seed=5)
    assert trial == racing.drive(policy, course, laps=2, rules=rules, seed=5)
    assert (trial.race_type, trial.versions["course"]) == (race_type, course.text)
    assert trial.trace.objects.shape == (len(trial.trace), count, 3)


def test_the_same_self_play_gives_the_same_weights() -> None:
    course, count = COURSES[RaceType.HEAD_TO_HEAD]
    source = SOURCE.replace("COUNT", str(count))
    one, other = (train(source, course, steps=SMALL, seed=2).policy.to_bytes() for _ in range(2))
    assert one == other
