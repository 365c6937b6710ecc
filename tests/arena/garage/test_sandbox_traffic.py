"""Reward functions meet what is on the road: lists of things that stand, and of things that drive."""

from __future__ import annotations

import numpy as np
import pytest

from arena.garage.sandbox import RewardSandbox, check
from simulator.bots import Bots
from simulator.course import Course
from simulator.objects import Lane, Obstacle, place_obstacles
from simulator.track import Track

SUM = """
def reward_function(params):
    ahead = params["closest_objects"][1]
    x, y = params["objects_location"][ahead]
    away = abs(params["x"] - x) + abs(params["y"] - y)
    own = [params["objects_distance"], params["objects_heading"], params["objects_speed"]]
    own += [params["objects_left_of_center"], params["objects_distance_from_center"]]
    total = sum(map(sum, own))
    params["objects_location"].clear()
    return away + total + 10.0 * len(own[0])
"""


def courses(track: Track) -> dict[str, Course]:
    return {
        "boxes": Course(track, obstacles=place_obstacles(track, 3, seed=1)),
        "bots": Course(track, bots=Bots(3, 0.5, lane_change=True)),
        "rivals": Course(track, cars=3),
        "all": Course(track, cars=3, obstacles=(Obstacle(0.3), Obstacle(0.6, Lane.OUTER))),
    }


@pytest.mark.parametrize("name", ["boxes", "bots", "rivals", "all"])
def test_child_sees_the_objects_that_the_cars_see(oval: Track, name: str) -> None:
    course = courses(oval)[name]
    names: dict[str, object] = {}
    exec(SUM, names)
    function = names["reward_function"]
    env = course.environment(6)
    env.reset(seed=1)
    rng = np.random.default_rng(0)
    with RewardSandbox(SUM, course, 6) as reward:
        for _ in range(12):
            env.step(rng.uniform(-0.2, 1.0, (6, 2)))
            answers = reward(env.params_rows, np.arange(6))
            expected = [function(each) for each in env.params_builder.dicts(env.params_rows.tolist())]  # type: ignore[operator]
            assert answers.tolist() == expected
        with pytest.raises(ValueError, match="expected params rows of"):
            reward(env.params_rows[:, :-1], np.arange(6))


@pytest.mark.parametrize("name", ["boxes", "bots", "rivals", "all"])
def test_check_asks_about_states_at_objects(oval: Track, name: str) -> None:
    result = check(SUM, courses(oval)[name])
    assert result.ok, result.message
    states = [each.state for each in result.rewards]
    assert states[-4:] == ["behind an object", "beside an object", "in an object", "past an object"]
    assert not check(SUM, oval).ok, "there is nothing on an empty road: closest_objects is [0, 0]"
