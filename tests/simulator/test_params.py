"""The 27 params: exact values in states that can be checked by hand on the oval, in both directions."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from simulator import params, tracks
from simulator.canned import canned_states
from simulator.car import CLASSIC, standing_state
from simulator.params import COLUMNS, ParamsBuilder
from simulator.road import Road
from simulator.situation import assess, write_params
from simulator.track import Track

KEYS = {
    "all_wheels_on_track": bool,
    "x": float,
    "y": float,
    "heading": float,
    "distance_from_center": float,
    "projection_distance": float,
    "progress": float,
    "steps": float,
    "speed": float,
    "steering_angle": float,
    "track_width": float,
    "track_length": float,
    "waypoints": list,
    "closest_waypoints": list,
    "is_left_of_center": bool,
    "is_reversed": bool,
    "is_offtrack": bool,
    "is_crashed": bool,
    "sim_time": float,
    "closest_objects": list,
    "objects_location": list,
    "objects_distance": list,
    "objects_distance_from_center": list,
    "objects_heading": list,
    "objects_speed": list,
    "objects_left_of_center": list,
    "object_in_camera": bool,
}


def builder(track: Track) -> ParamsBuilder:
    return ParamsBuilder(track.waypoints.tolist(), track.length_m, track.is_reversed)


def params_at(track: Track, nose: tuple[float, float], heading_deg: float) -> dict[str, Any]:
    """Return the params of a car that stands with its nose there, about to act (-7.5 deg, 2.5 m/s)."""
    heading = np.array([math.radians(heading_deg)])
    base = np.array(nose) - CLASSIC.base_to_nose_m * np.array([np.cos(heading[0]), np.sin(heading[0])])
    state = standing_state(base[:1], base[1:], heading, CLASSIC)
    now = assess(Road(track), CLASSIC, state, track.project(nose).segment)
    rows = np.zeros((1, len(COLUMNS)))
    write_params(rows, now, np.array([[-7.5, 2.5]]), np.array([12.5]), np.array([43]))
    return next(builder(track).dicts(rows.tolist()))


def test_all_27_keys_are_there_with_python_types(oval: Track) -> None:
    found = params_at(oval, (1.0, -1.5), 0.0)
    assert {key: type(value) for key, value in found.items()} == KEYS
    assert len(KEYS) == 27


def test_state_on_the_first_straight(oval: Track) -> None:
    found = params_at(oval, (1.03, -1.4), 10.0)
    assert (found["x"], found["y"]) == pytest.approx((1.03, -1.4))
    assert found["heading"] == pytest.approx(10.0)
    assert found["distance_from_center"] == pytest.approx(0.1)
    assert found["projection_distance"] == pytest.approx(1.03)
    assert found["track_width"] == pytest.approx(1.0, abs=1e-6)
    assert found["track_length"] == oval.length_m
    assert (found["speed"], found["steering_angle"]) == (2.5, -7.5)
    assert found["progress"] == 12.5
    assert found["steps"] == 45.0
    assert found["sim_time"] == pytest.approx(43 / 15)
    assert found["all_wheels_on_track"] is True
    assert found["is_left_of_center"] is True
    assert found["is_reversed"] is False
    assert found["is_offtrack"] is False
    assert found["is_crashed"] is False
    behind, ahead = found["closest_waypoints"]
    assert (behind, ahead) == (5, 6)
    assert found["waypoints"][behind][0] <= 1.03 < found["waypoints"][ahead][0]


def test_same_place_in_the_reverse_direction(oval: Track) -> None:
    back = oval.reversed()
    found = params_at(back, (1.03, -1.4), 170.0)
    assert found["is_reversed"] is True
    assert found["projection_distance"] == pytest.approx(oval.length_m - 1.03)
    assert found["waypoints"] == [tuple(point) for point in oval.waypoints[::-1].tolist()]
    behind, ahead = found["closest_waypoints"]
    assert found["waypoints"][behind][0] >= 1.03 > found["waypoints"][ahead][0]
    # What was left of the centre line is right of it for who comes the other way.
    assert found["is_left_of_center"] is False
    assert params_at(back, (1.03, -1.6), 170.0)["is_left_of_center"] is True


def test_clockwise_track_has_its_left_on_the_outside() -> None:
    track = tracks.load("harbour")
    assert not track.is_ccw
    outside, inside = track.at(2.0, 0.2)[0], track.at(2.0, -0.2)[0]
    heading = float(np.degrees(track.heading_at(2.0)[0]))
    left = params_at(track, (outside[0], outside[1]), heading)
    right = params_at(track, (inside[0], inside[1]), heading)
    assert (left["is_left_of_center"], right["is_left_of_center"]) == (True, False)


def test_closest_waypoints_are_behind_and_ahead_not_the_two_nearest(oval: Track) -> None:
    vertex = oval.vertex_s_m
    just_before = params_at(oval, (vertex[6] - 0.01, -1.5), 0.0)
    assert just_before["closest_waypoints"] == [5, 6]
    at_the_waypoint = params_at(oval, (vertex[6], -1.5), 0.0)
    assert at_the_waypoint["closest_waypoints"][1] in (6, 7)
    last = len(oval.waypoints) - 1
    assert params_at(oval, (-0.05, -1.5), 0.0)["closest_waypoints"] == [last - 1, last]
    assert params_at(oval, (0.05, -1.5), 0.0)["closest_waypoints"] == [0, 1]


def test_waypoints_keep_the_closing_duplicate_as_tuples(oval: Track) -> None:
    waypoints = params_at(oval, (1.0, -1.5), 0.0)["waypoints"]
    assert waypoints[0] == waypoints[-1]
    assert len(waypoints) == len(oval.waypoints)
    assert all(type(point) is tuple and type(point[0]) is float for point in waypoints)


def test_wheels_decide_about_off_track_not_the_nose(oval: Track) -> None:
    # The road's right border on the first straight is y = -2.0; wheels are 0.08 m from the car's middle line.
    inside = params_at(oval, (1.0, -1.91), 0.0)
    assert (inside["all_wheels_on_track"], inside["is_offtrack"]) == (True, False)
    two_out = params_at(oval, (1.0, -1.93), 0.0)
    assert (two_out["all_wheels_on_track"], two_out["is_offtrack"]) == (False, False)
    last_in = params_at(oval, (1.0, -2.07), 0.0)
    assert (last_in["all_wheels_on_track"], last_in["is_offtrack"]) == (False, False)
    out = params_at(oval, (1.0, -2.09), 0.0)
    assert (out["all_wheels_on_track"], out["is_offtrack"]) == (False, True)
    assert out["distance_from_center"] == pytest.approx(0.59)
    # Nose 0.05 m over the border, rear wheels well on the road.
    nose_out = params_at(oval, (1.0, -2.05), -90.0)
    assert (nose_out["all_wheels_on_track"], nose_out["is_offtrack"]) == (True, False)


def test_heading_is_in_degrees_up_to_and_with_180(oval: Track) -> None:
    assert params_at(oval, (1.0, -1.5), 180.0)["heading"] == pytest.approx(180.0)
    assert params_at(oval, (1.0, -1.5), 190.0)["heading"] == pytest.approx(-170.0)


def test_objects_have_their_defaults(oval: Track) -> None:
    found = params_at(oval, (1.0, -1.5), 0.0)
    assert found["closest_objects"] == [0, 0]
    assert [found[key] for key in KEYS if key.startswith("objects_")] == [[]] * 6
    assert found["object_in_camera"] is False


def test_changing_params_harms_no_later_call(oval: Track) -> None:
    makes = builder(oval)
    row = canned_states(oval)[1].row
    first = next(makes.dicts([row]))
    untouched = {key: list(value) if type(value) is list else value for key, value in first.items()}
    for value in first.values():
        if type(value) is list:
            value.clear()
    first.clear()
    assert next(makes.dicts([row])) == untouched


def test_static_part_survives_json(oval: Track) -> None:
    makes = builder(oval.reversed())
    copy = ParamsBuilder.from_static(json.loads(json.dumps(makes.static())))
    row = canned_states(oval)[3].row
    assert list(copy.dicts([row, row])) == list(makes.dicts([row, row]))


def test_child_process_that_builds_params_does_not_load_gymnasium() -> None:
    code = "import simulator.params, sys; assert not {'gymnasium', 'numpy'} & set(sys.modules), 'heavy'"
    subprocess.run([sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, '.'); {code}"], check=True)


@pytest.mark.parametrize("name", tracks.names())
def test_canned_states_are_what_their_names_say(name: str) -> None:
    track = tracks.load(name)
    states = {state.name: state.row for state in canned_states(track)}
    assert len(states) >= 12
    assert states["start"][params.STEPS] == 2.0
    assert states["start"][params.PROGRESS] == pytest.approx(100 * 0.14 / track.length_m, rel=0.01)
    assert states["left of the centre line"][params.IS_LEFT_OF_CENTER] == 1.0
    assert states["right of the centre line"][params.IS_LEFT_OF_CENTER] == 0.0
    assert states["two wheels over the left border"][params.ALL_WHEELS_ON_TRACK] == 0.0
    assert states["two wheels over the left border"][params.IS_OFFTRACK] == 0.0
    assert states["off the track on the left"][params.IS_OFFTRACK] == 1.0
    assert states["off the track on the right"][params.IS_OFFTRACK] == 1.0
    assert states["rolled back behind the start"][params.PROGRESS] < 0.0
    assert states["last step of a lap"][params.PROGRESS] == 100.0
    assert all(np.isfinite(row).all() for row in states.values())


@pytest.mark.parametrize("first_step", [0, 1, 2])
def test_steps_can_be_renumbered_for_functions_that_begin_at_1(oval: Track, first_step: int) -> None:
    usual = builder(oval)
    other = ParamsBuilder(oval.waypoints.tolist(), oval.length_m, oval.is_reversed, first_step)
    row = [0.0] * len(COLUMNS)
    row[COLUMNS.index("steps")] = 2.0
    expected = next(usual.dicts([row]))
    found = next(ParamsBuilder.from_static(other.static()).dicts([row]))
    assert (found["steps"], type(found["steps"])) == (float(first_step), float)
    assert found | {"steps": 2.0} == expected
