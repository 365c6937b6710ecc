"""What is around cars, put together: obstacles before rivals, as many columns as objects."""

from __future__ import annotations

import numpy as np
import pytest

from simulator import params
from simulator.bots import Bots
from simulator.objects import Lane, Obstacle
from simulator.rules import Rules, Status
from simulator.starts import Starts
from simulator.track import Track
from simulator.vector import TrackVectorEnv
from tests.simulator.pilots import FULL_RANGE, put, straight

BOXES = (Obstacle(0.3), Obstacle(0.6, Lane.OUTER))


@pytest.mark.parametrize(
    ("settings", "standing", "moving"),
    [
        ({}, 0, 0),
        ({"obstacles": BOXES}, 2, 0),
        ({"obstacles": "0.3,1; 0.6,-1; 0.8,1"}, 3, 0),
        ({"bots": Bots(4)}, 0, 4),
        ({"bots": 2}, 0, 2),
        ({"cars": 3}, 0, 2),
        ({"cars": 3, "obstacles": BOXES}, 0, 4),
    ],
)
def test_rows_speak_of_objects_that_move_and_lists_of_those_that_stand(
    oval: Track, settings: dict[str, object], standing: int, moving: int
) -> None:
    env = TrackVectorEnv(oval, 3, **settings)  # type: ignore[arg-type]
    env.reset(seed=0)
    env.step(np.zeros((3, 2)))
    static = env.params_builder.static()
    assert static["moving"] == moving
    assert env.params_rows.shape == (3, params.row_width(moving))
    assert len(static["objects"]["location"] if static["objects"] else []) == standing
    found = next(env.params_builder.dicts(env.params_rows.tolist()))
    assert len(found["objects_location"]) == standing + moving
    assert env.object_rows().shape == (3, standing + moving, 3)
    assert env.object_sizes.shape == (standing + moving, 2)
    assert env.senses.sensors == (("object_vector",) if standing + moving else ("vector",))


def test_obstacles_stand_before_rivals_in_the_lists(oval: Track) -> None:
    env = TrackVectorEnv(oval, 2, cars=2, obstacles=BOXES)
    env.reset(seed=0)
    sizes = env.object_sizes
    assert sizes.tolist() == [[0.5, 0.4], [0.5, 0.4], [0.324, 0.196]]
    assert env.objects is not None
    assert env.objects.moves.tolist() == [False, False, True]


@pytest.mark.parametrize("what", ["box", "bot"])
@pytest.mark.parametrize("is_reversed", [False, True])
def test_reset_is_behind_in_the_direction_of_driving(oval: Track, what: str, is_reversed: bool) -> None:
    track = oval.reversed() if is_reversed else oval
    settings: dict[str, object] = {"obstacles": BOXES} if what == "box" else {"bots": Bots(1, 0.1)}
    env = TrackVectorEnv(
        track,
        actions=FULL_RANGE,
        rules=Rules.object_avoidance(1),
        starts=Starts.LINE,
        **settings,  # type: ignore[arg-type]
    )
    env.reset(seed=1)
    assert env.objects is not None
    s, offset = float(env.objects.s_m[0, 0]), float(env.objects.offset_m[0, 0])
    put(env, s - 0.2, offset + 0.05)
    env.step(straight(env))
    assert env.status[0] == Status.CRASHED
    behind = (s - env.location.s_m[0]) % track.length_m
    assert behind == pytest.approx(1.0, abs=0.05)
    assert np.sign(env.location.offset_m[0]) == -np.sign(offset)
    assert (env.location.offset_m[0] > 0.0) == (env.params_rows[0, params.IS_LEFT_OF_CENTER] == 0.0)
