"""Obstacles: where they stand, who hits them, what params say. The oval begins with a straight along x."""

from __future__ import annotations

import json

import numpy as np
import pytest

from simulator import params
from simulator.objects import (
    START_CLEAR_M,
    Kind,
    Lane,
    Objects,
    Obstacle,
    ObstacleError,
    corners,
    parse_obstacles,
    place_obstacles,
)
from simulator.params import ParamsBuilder
from simulator.rules import Rules, Status
from simulator.starts import Starts
from simulator.track import Track
from simulator.vector import TrackVectorEnv
from tests.simulator.pilots import FULL_RANGE, put, straight


def placed(track: Track, *obstacles: Obstacle, rules: Rules | None = None) -> TrackVectorEnv:
    env = TrackVectorEnv(
        track, actions=FULL_RANGE, rules=rules or Rules(), starts=Starts.LINE, obstacles=obstacles
    )
    env.reset(seed=0)
    return env


def on_lane(track: Track, s_m: float, lane: Lane = Lane.INNER, kind: Kind = Kind.BOX) -> Obstacle:
    return Obstacle.at(track, s_m, lane, kind)


def test_obstacle_stands_in_the_middle_of_its_lane(oval: Track) -> None:
    objects = Objects.on(oval, [on_lane(oval, 2.1, Lane.OUTER), on_lane(oval, 1.1)])
    assert objects.s_m[0] == pytest.approx([1.1, 2.1])
    assert objects.offset_m[0] == pytest.approx([0.25, -0.25]), "driven counter-clockwise, inner is left"
    assert objects.x[0] == pytest.approx([1.1, 2.1], abs=0.001)


def test_drawn_obstacles_follow_the_seed_and_keep_their_distance(oval: Track) -> None:
    drawn = place_obstacles(oval, 6, seed=4)
    assert drawn == place_obstacles(oval, 6, seed=4) != place_obstacles(oval, 6, seed=5)
    for seed in range(30):
        s_m = Objects.on(oval, place_obstacles(oval, 6, seed)).s_m[0]
        assert np.diff(s_m).min() > 1.95
        assert s_m[0] >= START_CLEAR_M - 0.01
        assert s_m[-1] <= oval.length_m - START_CLEAR_M + 0.01


@pytest.mark.parametrize(
    ("obstacles", "message"),
    [
        ((Obstacle(0.3), Obstacle(0.31)), "on top of each other; move one by"),
        ((Obstacle(0.3), Obstacle(0.31, Lane.OUTER)), "no way through"),
        ((Obstacle(0.01),), "from the start; choose a fraction from"),
    ],
)
def test_places_that_cannot_be_are_refused(
    oval: Track, obstacles: tuple[Obstacle, ...], message: str
) -> None:
    with pytest.raises(ObstacleError, match=message):
        Objects.on(oval, obstacles)
    with pytest.raises(ObstacleError, match="Ask for fewer"):
        place_obstacles(oval, 12, seed=0)


def test_positions_are_read_as_deepracer_writes_them() -> None:
    assert parse_obstacles("0.25,1; 0.6,outer") == (Obstacle(0.25), Obstacle(0.6, Lane.OUTER))
    for text in ("0.25", "x,1", "0.2,2", "1.5,1", "nan,1"):
        with pytest.raises(ObstacleError, match="expected"):
            parse_obstacles(text)


def test_corners_of_a_turned_rectangle() -> None:
    x, y = corners(np.array([1.0]), np.array([2.0]), np.array([0.0]), np.array([1.0]), (0.4, 0.2))
    assert x[:, 0] == pytest.approx([0.9, 1.1, 1.1, 0.9])
    assert y[:, 0] == pytest.approx([2.2, 2.2, 1.8, 1.8])


@pytest.mark.parametrize(
    ("kind", "ahead_m", "left_m", "crashed"),
    [
        # The car reaches 0.022 m beyond its nose; the box begins 0.25 m before its middle, the car 0.162 m.
        (Kind.BOX, 0.275, 0.0, False),
        (Kind.BOX, 0.270, 0.0, True),
        (Kind.BOX, 0.270, 0.297, True),
        (Kind.BOX, 0.270, 0.299, False),
        (Kind.PARKED_CAR, 0.186, 0.0, False),
        (Kind.PARKED_CAR, 0.182, 0.05, True),
    ],
)
def test_crash_is_a_corner_inside_a_rectangle(
    oval: Track, kind: Kind, ahead_m: float, left_m: float, crashed: bool
) -> None:
    env = placed(oval, on_lane(oval, 2.0, Lane.INNER, kind))
    put(env, 2.0 - ahead_m, 0.25 + left_m)
    env.step(straight(env))
    assert env.params_rows[0, params.IS_CRASHED] == crashed
    assert (env.status[0] == Status.CRASHED) == crashed
    assert (0 in env.outcomes) == crashed


def test_params_of_objects(oval: Track) -> None:
    env = placed(oval, on_lane(oval, 2.0), on_lane(oval, 8.0, Lane.OUTER, Kind.PARKED_CAR))
    put(env, 1.1)
    env.step(straight(env))
    static = json.loads(json.dumps(env.params_builder.static()))
    builder = ParamsBuilder.from_static(static)
    first, second = builder.dicts(env.params_rows.repeat(2, axis=0).tolist())
    assert first["closest_objects"] == [1, 0]
    assert first["objects_distance"] == pytest.approx([2.0, 8.0], abs=0.02)
    assert first["objects_distance_from_center"] == pytest.approx([0.25, 0.25], abs=0.01)
    assert first["objects_location"][0] == pytest.approx([2.0, oval.at(2.0)[0, 1] + 0.25], abs=0.01)
    assert first["objects_heading"][0] == 0.0 != first["objects_heading"][1]
    assert first["objects_speed"] == [0.0, 0.0]
    assert first["objects_left_of_center"] == [True, False]
    assert first["object_in_camera"] is True
    first["objects_location"][0][0] = 99.0
    assert second["objects_location"][0][0] != 99.0
    put(env, 2.1)
    env.step(straight(env))
    (later,) = builder.dicts(env.params_rows.tolist())
    assert later["closest_objects"] == [0, 1]
    assert later["object_in_camera"] is False, "the parked car is round the bend"


def test_crash_costs_a_reset_behind_the_box_on_the_other_lane(oval: Track) -> None:
    env = placed(oval, on_lane(oval, 3.0), rules=Rules.object_avoidance(1))
    places = []
    for _ in range(3):
        put(env, 2.8, 0.25)
        env.step(straight(env))
        assert env.status[0] == Status.CRASHED
        places.append((float(env.location.s_m[0]), float(env.location.offset_m[0])))
        for _ in range(74):
            env.step(straight(env))
            assert env.status[0] == Status.PAUSE
        env.step(straight(env))
        assert env.status[0] == Status.IN_PROGRESS
    behind, ahead = pytest.approx((2.0, -0.25), abs=0.05), pytest.approx((4.0, -0.25), abs=0.05)
    assert places == [behind, behind, ahead], "the third crash at one box brings mercy"
    assert (env.book.crash_count[0], env.book.penalty_ms[0]) == (3, 15000)


def test_car_off_the_track_is_put_back_behind_a_near_box(oval: Track) -> None:
    env = placed(oval, on_lane(oval, 3.0, Lane.OUTER), rules=Rules.object_avoidance(1))
    put(env, 2.5, -0.9)
    env._timing.previous_s = env.location.s_m
    env.step(straight(env))
    assert env.status[0] == Status.OFF_TRACK
    assert env.location.s_m[0] == pytest.approx(2.0, abs=0.01)
    assert env.location.offset_m[0] == pytest.approx(0.25, abs=0.01)
    assert env.book.crash_count[0] == 0


def test_batch_with_obstacles_is_its_cars_bit_for_bit(oval: Track) -> None:
    obstacles = place_obstacles(oval, 4, seed=1)
    rng = np.random.default_rng(0)
    actions = rng.uniform(-0.5, 1.0, (150, 5, 2))
    together = TrackVectorEnv(oval, 5, obstacles=obstacles)
    alone = [TrackVectorEnv(oval, 1, obstacles=obstacles) for _ in range(5)]
    seen = together.reset(seed=7)[0]
    assert seen.shape == (5, 36)
    for car, env in enumerate(alone):
        assert np.array_equal(env.reset(seed=7 + car)[0][0], seen[car])
    crashes = 0
    for step in actions:
        seen, rewards, *_ = together.step(step)
        crashes += int(np.count_nonzero(together.status == Status.CRASHED))
        for car, env in enumerate(alone):
            one, reward, *_ = env.step(step[car : car + 1])
            assert np.array_equal(one[0], seen[car])
            assert reward[0] == rewards[car]
    assert crashes > 0


def test_no_episode_begins_in_an_obstacle(oval: Track) -> None:
    env = TrackVectorEnv(oval, 200, obstacles=place_obstacles(oval, 6, seed=3))
    for seed in range(5):
        env.reset(seed=seed)
        env.step(np.zeros((200, 2)))
        assert not env.params_rows[:, params.IS_CRASHED].any()
