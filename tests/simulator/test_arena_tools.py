"""The tools of entrants: angles and offsets with the right sign, and places on a racing line."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.garage.sandbox import check
from simulator import tracks
from simulator.arena_tools import (
    Gained,
    RacingLine,
    angle_difference,
    bend_ahead,
    direction,
    heading_error,
    nearest_index,
    offset_from_center,
    point_ahead,
    track_direction,
)

SQUARE = [(0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 2.0)]
ANGLES = st.floats(-720.0, 720.0)
PARAMS = {
    "waypoints": [*SQUARE, SQUARE[0]],
    "closest_waypoints": [0, 1],
    "x": 0.5,
    "y": 0.1,
    "heading": 10.0,
    "distance_from_center": 0.1,
    "is_left_of_center": True,
    "steps": 2,
    "progress": 6.0,
}
SOURCE = """
from arena_tools import Gained, RacingLine, angle_difference, bend_ahead, heading_error, point_ahead

gained = Gained("progress")
line = None

def reward_function(params):
    global line
    import arena_tools
    if line is None:
        line = RacingLine(params["waypoints"])
    here = line.at(params)
    assert abs(abs(here.offset_m) - params["distance_from_center"]) < 0.05, here
    target = arena_tools.point_ahead(params, 1.0)
    assert 0.5 < arena_tools.math.dist(target, (params["x"], params["y"])) < 1.2
    return gained(params) + heading_error(params) / 180 + bend_ahead(params, 2.0) / 180 + here.along_m
"""


@given(to_deg=ANGLES, from_deg=ANGLES)
def test_turning_by_the_difference_leads_there(to_deg: float, from_deg: float) -> None:
    difference = angle_difference(to_deg, from_deg)
    assert -180.0 <= difference < 180.0
    assert math.isclose(math.cos(math.radians(from_deg + difference - to_deg)), 1.0)


def test_directions_and_offsets_have_the_sign_of_the_left() -> None:
    assert direction((1.0, 1.0), (1.0, 3.0)) == 90.0
    assert track_direction(PARAMS) == 0.0
    assert heading_error(PARAMS) == pytest.approx(10.0)
    assert heading_error(PARAMS | {"heading": -170.0}) == pytest.approx(-170.0)
    assert offset_from_center(PARAMS) == 0.1
    assert offset_from_center(PARAMS | {"is_left_of_center": False}) == -0.1
    assert nearest_index(SQUARE, 1.9, 1.8) == 2


def test_the_doubled_waypoint_at_the_line_has_the_direction_of_the_next() -> None:
    assert track_direction(PARAMS | {"closest_waypoints": [4, 0]}) == 0.0
    assert point_ahead(PARAMS | {"closest_waypoints": [4, 0], "x": 0.0, "y": 0.0}, 1.0) == (1.0, 0.0)


def test_what_is_ahead_is_measured_along_the_line() -> None:
    centred = PARAMS | {"y": 0.0}
    assert point_ahead(centred, 1.0) == pytest.approx((1.5, 0.0))
    assert point_ahead(centred, 2.0) == pytest.approx((2.0, 0.5))
    assert point_ahead(centred, 5.0) == pytest.approx((0.5, 2.0))
    assert bend_ahead(centred, 1.0) == 0.0
    assert bend_ahead(centred, 2.5) == pytest.approx(90.0)
    assert bend_ahead(centred, 5.0) == pytest.approx(180.0)
    right = {"waypoints": [*SQUARE[::-1], SQUARE[-1]], "closest_waypoints": [0, 1], "x": 0.5, "y": 2.0}
    assert bend_ahead(right, 2.5) == pytest.approx(-90.0)


def test_what_is_gained_begins_anew_with_each_episode() -> None:
    gained = Gained("progress")
    steps = [(2, 50.0), (3, 51.5), (4, 51.0), (2, 10.0), (3, 12.0), (3, 0.0)]
    gains = [gained({"steps": step, "progress": progress}) for step, progress in steps]
    assert gains == [0.0, 1.5, -0.5, 0.0, 2.0, 0.0]


@given(x=st.floats(-6.0, 12.0), y=st.floats(-6.0, 12.0))
def test_a_racing_line_finds_what_looking_at_every_point_finds(x: float, y: float) -> None:
    points = tracks.load("oval").waypoints
    line = RacingLine(points.tolist())
    index = nearest_index(line.points, x, y)
    assert math.dist(line.points[line.nearest(x, y)], (x, y)) == pytest.approx(
        math.dist(line.points[index], (x, y))
    )
    here = line.find(x, y)
    assert abs(here.offset_m) <= math.dist(line.points[index], (x, y)) + 1e-9
    assert 0.0 <= here.along_m <= line.length_m


def test_a_racing_line_says_offset_speed_and_way() -> None:
    line = RacingLine([(0.0, 0.0, 1.0), (2.0, 0.0, 3.0), (2.0, 2.0, 2.0), (0.0, 2.0, 2.0), (0.0, 0.0, 1.0)])
    assert line.length_m == 8.0
    here = line.find(0.5, 0.25)
    assert here == (0, 0.25, 0.0, 1.5, 0.5)
    assert line.find(1.5, -0.25) == (1, -0.25, 0.0, 2.5, 1.5)
    assert line.at({"x": -0.5, "y": 1.25})[1:] == pytest.approx((-0.5, -90.0, 1.625, 6.75))
    assert RacingLine(SQUARE).find(1.0, 1.5).speed == 0.0
    with pytest.raises(ValueError, match="three points or more, got 2"):
        RacingLine([(0.0, 0.0), (1.0, 0.0), (0.0, 0.0)])


def test_it_is_there_in_the_locked_child() -> None:
    checked = check(SOURCE, tracks.load("oval"))
    assert checked.ok, checked.detail or checked.message


def test_it_is_there_on_a_laptop(tmp_path: Path) -> None:
    """By the name of entrants, from any folder, as the installed package gives it."""
    code = "import arena_tools; print(arena_tools.angle_difference(10, 350), arena_tools.__all__[0])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "20.0 Gained\n"


@pytest.mark.parametrize("distance_m", [0.0, -1.0])
def test_a_point_that_is_not_ahead_is_the_car_itself(distance_m: float) -> None:
    assert point_ahead(PARAMS, distance_m) == (PARAMS["x"], PARAMS["y"])
