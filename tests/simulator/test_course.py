"""A course is one value: what is the same race is the same course, in any order, and has one text."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import tracks
from simulator.course import Bots, Course, CourseError, Direction, RaceType
from simulator.imperfections import CALIBRATED, Imperfections
from simulator.objects import Kind, Lane, Obstacle

OVAL = tracks.load("oval")
BOX, CAR = Obstacle(0.3, Lane.INNER), Obstacle(0.7, Lane.OUTER, Kind.PARKED_CAR)
DIRECTIONS = st.sampled_from(Direction)
# Two of them share a lane's metre only if they are the same place; all are clear of the start.
PLACES = st.lists(st.integers(1, 9), unique=True, max_size=5)


def placed(tenths: list[int]) -> tuple[Obstacle, ...]:
    return tuple(Obstacle(tenth / 10, Lane.INNER if tenth % 2 else Lane.OUTER) for tenth in tenths)


@given(PLACES, DIRECTIONS, st.sampled_from([None, CALIBRATED, Imperfections(grip=0.1)]))
def test_equal_courses_have_equal_texts_whatever_the_order(
    tenths: list[int], direction: Direction, rough: Imperfections | None
) -> None:
    course = Course(OVAL, direction, placed(tenths), imperfections=rough)
    again = Course(OVAL, direction, placed(tenths[::-1]), imperfections=rough)
    assert course == again
    assert course.text == again.text
    assert (json.loads(course.text) if course.text else {}) == json.loads(json.dumps(course.as_json()))
    assert bool(course.text) == bool(tenths or rough or direction is not Direction.FORWARD)


@given(DIRECTIONS, PLACES)
def test_legs_are_driven_forward_on_turned_tracks(direction: Direction, tenths: list[int]) -> None:
    course = Course(OVAL, direction, placed(tenths))
    legs = course.legs()
    assert len(legs) == len(course.directions) == (2 if direction is Direction.ALTERNATE else 1)
    for leg, way in zip(legs, course.directions, strict=True):
        assert leg.direction is Direction.FORWARD
        assert leg.legs() == (leg,)
        assert leg.track.is_reversed == (way is Direction.REVERSED)
        assert leg.obstacles == course.obstacles
        assert leg.params_builder().is_reversed == leg.track.is_reversed


def test_a_plain_time_trial_says_nothing_of_itself() -> None:
    plain = Course.of(OVAL)
    assert (plain.as_json(), plain.text, plain.race_type) == ({}, "", RaceType.TIME_TRIAL)
    assert Course.of(plain) is plain
    assert plain.in_words() == "oval"


def test_what_is_on_the_course_is_told_in_words_and_in_its_text() -> None:
    course = Course(OVAL, Direction.ALTERNATE, (CAR, BOX, Obstacle(0.5)), imperfections=CALIBRATED)
    assert course.in_words() == "oval, both ways in turn, 2 boxes, 1 parked car, an imperfect car"
    assert course.race_type is RaceType.OBJECT_AVOIDANCE
    assert json.loads(course.text) == {
        "direction": "alternate",
        "obstacles": [[0.3, 1, "box"], [0.5, 1, "box"], [0.7, -1, "parked_car"]],
        "imperfections": CALIBRATED.as_json(),
    }


def test_bots_and_rivals_are_told_too() -> None:
    bots = Course(OVAL, bots=Bots(2, 0.5, lane_change=True))
    assert bots.in_words() == "oval, 2 bots at 0.5 m/s that change lanes"
    assert bots.race_type is RaceType.HEAD_TO_BOTS
    assert bots.as_json() == {
        "bots": {"count": 2, "speed_mps": 0.5, "lane_change": True, "min_distance_m": 2.0}
    }
    rivals = Course(OVAL, obstacles=(BOX,), cars=4)
    assert rivals.in_words() == "oval, 1 box, 4 cars"
    assert rivals.race_type is RaceType.HEAD_TO_HEAD
    assert rivals.as_json() == {"obstacles": [[0.3, 1, "box"]], "cars": 4}


@pytest.mark.parametrize(
    "course",
    [
        Course(OVAL),
        Course(OVAL, obstacles=(BOX, CAR)),
        Course(OVAL, bots=Bots(2)),
        Course(OVAL, obstacles=(BOX,), cars=2),
        Course(OVAL.reversed(), cars=4),
    ],
    ids=lambda course: course.in_words(),
)
def test_the_params_builder_of_a_leg_is_its_environments(course: Course) -> None:
    env = course.environment(2 * course.cars)
    env.reset(seed=0)
    env.drive(np.zeros((env.num_envs, 2)))
    assert course.params_builder().static() == env.params_builder.static()
    assert next(iter(course.params_builder().dicts(env.params_rows.tolist())))["steps"] == 2


@pytest.mark.parametrize(
    ("things", "words"),
    [
        ({"obstacles": (BOX,), "bots": Bots()}, "ask for one of the two"),
        ({"bots": Bots(), "cars": 2}, "ask for bots, or for 2 cars"),
        ({"cars": 0}, "1 to 8 cars"),
        ({"cars": 9}, "1 to 8 cars"),
        ({"cars": 8, "obstacles": (Obstacle(0.9),)}, "on the grid of 8 cars"),
        ({"bots": Bots(10, min_distance_m=3.0)}, "do not fit"),
    ],
)
def test_combinations_that_cannot_be_are_refused(things: dict[str, Any], words: str) -> None:
    with pytest.raises(CourseError, match=words):
        Course(OVAL, **things)


def test_the_environment_of_a_leg_has_its_track_and_its_obstacles() -> None:
    course = Course(OVAL, Direction.REVERSED, (BOX,))
    (leg,) = course.legs()
    env = leg.environment(2, starts="line")
    env.reset(seed=0)
    assert env.track.is_reversed
    assert env.objects is not None
    assert np.allclose(env.objects.s_m.ravel(), 0.3 * OVAL.length_m, atol=0.2)
    assert leg.params_builder().static() == env.params_builder.static()
    with pytest.raises(CourseError, match="take one of legs"):
        course.environment(1)


@pytest.mark.parametrize(
    ("obstacles", "words"),
    [
        ((BOX, Obstacle(0.3001)), "on top of each other"),
        ((BOX, Obstacle(0.301, Lane.OUTER)), "no way through"),
        ((Obstacle(0.001),), "from the start; choose a fraction"),
        (placed([1]) * 21, "at most 20"),
    ],
)
def test_obstacles_that_cannot_stand_there_are_refused(obstacles: tuple[Obstacle, ...], words: str) -> None:
    with pytest.raises(CourseError, match=words):
        Course(OVAL, obstacles=obstacles)
