"""Canned states where there is something on the road; those of the empty road are tested with the params."""

from __future__ import annotations

import pytest

from simulator import params, tracks
from simulator.bots import Bots
from simulator.canned import AT_OBJECTS, POSES, canned_states
from simulator.objects import Objects, place_obstacles
from simulator.params import ParamsBuilder
from simulator.vector import TrackVectorEnv


def around(name: str, what: str) -> tuple[Objects, ParamsBuilder]:
    track = tracks.load(name)
    settings: dict[str, dict[str, object]] = {
        "boxes": {"obstacles": place_obstacles(track, 3, seed=1)},
        "bots": {"bots": Bots(2, 1.0)},
        "rivals": {"cars": 4},
    }
    env = TrackVectorEnv(track, 4, **settings[what])  # type: ignore[arg-type]
    env.reset(seed=3)
    assert env.objects is not None
    return env.objects.of(slice(0, 1)), env.params_builder


@pytest.mark.parametrize("what", ["boxes", "bots", "rivals"])
@pytest.mark.parametrize("name", ["oval", "harbour"])
def test_states_at_objects_are_what_their_names_say(name: str, what: str) -> None:
    objects, builder = around(name, what)
    states = {state.name: state.row for state in canned_states(objects.track, objects)}
    assert list(states) == [pose.name for pose in POSES] + [name for name, *_ in AT_OBJECTS]
    seen = {state: next(builder.dicts([list(row)])) for state, row in states.items()}
    for state in seen.values():
        assert len(state["objects_location"]) == len(state["objects_speed"]) == len(objects)
    assert [state for state in seen if seen[state]["is_crashed"]][-1] == "in an object"
    assert not seen["beside an object"]["is_crashed"]
    first = int(objects.s_m[0].argmin())
    assert seen["behind an object"]["closest_objects"][1] == first
    assert seen["behind an object"]["object_in_camera"]
    is_left = seen["in an object"]["objects_left_of_center"][first]
    assert seen["past an object"]["closest_objects"][0] == first
    assert seen["behind an object"]["is_left_of_center"] == is_left
    assert seen["beside an object"]["is_left_of_center"] != is_left


def test_plain_states_do_not_know_of_objects() -> None:
    track = tracks.load("oval")
    for state in canned_states(track):
        assert len(state.row) == len(params.COLUMNS)
        assert state.row[params.OBJECT_AHEAD] == state.row[params.IS_CRASHED] == 0.0
