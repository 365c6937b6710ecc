"""What a race does with a car in trouble: where it is put, how it stands there, how long it is held.

The oval begins with 2.3 m straight on along x; its lanes are 0.25 m left and right of the centre line.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simulator import params
from simulator.actions import Continuous
from simulator.car import CLASSIC, SPEED, STEERING, YAW, X
from simulator.objects import Lane, Obstacle
from simulator.params import ParamsBuilder
from simulator.rules import Rules, Status
from simulator.starts import Starts
from simulator.track import Track
from simulator.vector import TrackVectorEnv
from tests.simulator.pilots import FULL_RANGE, drive_to_the_end, pursuit, put, race_env, straight


def until(env: TrackVectorEnv, status: Status, speed_mps: float = 1.0) -> int:
    """Hold the wheel straight until the only car has this status; return the steps it took."""
    for step in range(1, 500):
        env.step(straight(env, speed_mps))
        if env.status[0] == status:
            return step
    raise AssertionError(f"{status!r} did not come within 500 steps")


def avoidance(track: Track, *places: tuple[float, Lane]) -> TrackVectorEnv:
    """Return a race with boxes at places (m, lane), already reset."""
    boxes = [Obstacle.at(track, s_m, lane) for s_m, lane in places]
    rules = Rules.object_avoidance(1)
    env = TrackVectorEnv(track, actions=FULL_RANGE, rules=rules, starts=Starts.LINE, obstacles=boxes)
    env.reset(seed=0)
    return env


def crash(env: TrackVectorEnv, s_m: float, offset_m: float) -> tuple[float, float]:
    """Set the car down in a box; return where it is put back, after its penalty."""
    put(env, s_m, offset_m)
    env.step(straight(env))
    assert env.status[0] == Status.CRASHED
    place = round(float(env.location.s_m[0]), 1), round(float(env.location.offset_m[0]), 2)
    until(env, Status.IN_PROGRESS)
    return place


def test_car_that_drives_the_wrong_way_is_turned_round_and_held(oval: Track) -> None:
    env = race_env(oval, Rules.time_trial(1))
    put(env, 1.8, 0.2, turned_deg=180.0)
    assert until(env, Status.REVERSED) == 16
    assert env.state[YAW, 0] == pytest.approx(0.0, abs=1e-9)
    assert not env.state[[SPEED, STEERING], 0].any()
    assert env.location.offset_m[0] == pytest.approx(0.25, abs=0.01), "the lane that it was nearer to"
    assert until(env, Status.IN_PROGRESS) == 30, "2 s; the first step is that of the event"
    book = env.book
    assert (book.reset_count[0], book.off_track_count[0], book.penalty_ms[0]) == (1, 0, 2000)
    for _ in range(20):
        env.step(straight(env))
        assert env.status[0] == Status.IN_PROGRESS, "old steps backwards are forgotten"


def test_steps_backwards_count_only_in_a_row(oval: Track) -> None:
    env = race_env(oval)
    for turned_deg in (180.0, 0.0, 180.0):
        put(env, 3.0, turned_deg=turned_deg)
        for _ in range(13):
            env.step(straight(env))
            assert env.status[0] == Status.IN_PROGRESS


def test_immobilised_car_is_put_back_at_no_price(oval: Track) -> None:
    parked = replace(CLASSIC, min_speed_mps=0.0)
    slow = Continuous((-30.0, 30.0), (0.0, 1.0))
    env = TrackVectorEnv(oval, actions=slow, spec=parked, starts="line", rules=Rules.time_trial(1))
    env.reset(seed=0)
    put(env, 0.5, -0.1)
    stand, go = np.array([[0.0, -1.0]]), np.array([[0.0, 1.0]])
    seen, places = [], [env.state[X, 0]]
    for action in [stand] * 10 + [go] * 2 + [stand] * 60:
        env.step(action)
        seen.append(Status(int(env.status[0])))
        places.append(env.state[X, 0])
    first = seen.index(Status.IMMOBILIZED)
    moved = np.abs(np.diff(places))[:first] > 0.0003
    assert moved[-16:].tolist() == [True] + [False] * 15, "it rolled in between: the count began anew"
    assert seen[first + 1] is Status.IN_PROGRESS
    assert env.location.offset_m[0] == pytest.approx(-0.25, abs=0.01)
    assert seen[first + 1 :].index(Status.IMMOBILIZED) == 15, "after a reset the count begins anew"
    assert (env.book.reset_count[0], env.book.off_track_count[0]) == (seen.count(Status.IMMOBILIZED), 0)


@pytest.mark.parametrize("lane_m", [0.25, -0.25])
def test_car_that_left_the_road_stands_on_the_lane_it_left_from(oval: Track, lane_m: float) -> None:
    env = race_env(oval, Rules.time_trial(1))
    put(env, 0.2, lane_m, turned_deg=100.0 * lane_m)
    places = []
    while env.status[0] != Status.OFF_TRACK:
        places.append(float(env.location.s_m[0]))
        env.step(straight(env, 2.0))
    assert places[-1] - places[-2] > 0.05
    assert env.location.s_m[0] == pytest.approx(places[-2], abs=0.01), "where it was one step before"
    assert env.location.offset_m[0] == pytest.approx(lane_m, abs=0.01)
    assert env.state[YAW, 0] == pytest.approx(0.0, abs=1e-9)
    assert not env.state[[SPEED, STEERING], 0].any()


def test_collision_is_paid_in_simulated_time_inside_the_lap(oval: Track) -> None:
    env = avoidance(oval, (3.0, Lane.INNER))
    put(env, 2.8, 0.25)
    env.step(straight(env))
    before = env.params_rows[0, [params.STEPS, params.SIM_TIME]].copy()
    assert until(env, Status.IN_PROGRESS) == 75
    steps, seconds = env.params_rows[0, [params.STEPS, params.SIM_TIME]] - before
    assert (steps, seconds) == (75.0, pytest.approx(5.0))
    put(env, 4.0)
    outcome = drive_to_the_end(env, 1.5)
    assert (outcome.laps[0].crash_count, outcome.laps[0].penalty_ms) == (1, 5000)
    around_s = (oval.length_m - 4.0) / 1.5
    assert outcome.laps[0].lap_time_ms == pytest.approx(1000 * (5.0 + around_s), rel=0.05)


def test_mercy_counts_the_crashes_into_one_box_only(oval: Track) -> None:
    env = avoidance(oval, (3.0, Lane.INNER), (10.0, Lane.OUTER))
    assert [crash(env, 2.8, 0.25) for _ in range(2)] == [(2.0, -0.25)] * 2
    assert [crash(env, 9.8, -0.25) for _ in range(2)] == [(9.0, 0.25)] * 2
    assert crash(env, 2.8, 0.25) == (4.0, -0.25), "the third crash here: ahead of it"
    assert crash(env, 2.8, 0.25) == (2.0, -0.25), "mercy begins the count anew"
    assert crash(env, 9.8, -0.25) == (11.0, 0.25)


def test_next_drive_begins_without_crashes(oval: Track) -> None:
    boxes = [Obstacle.at(oval, 3.0)]
    rules = Rules(max_steps=4000, max_resets=2)
    env = TrackVectorEnv(oval, actions=FULL_RANGE, rules=rules, starts=Starts.LINE, obstacles=boxes)
    env.reset(seed=0)
    for _ in range(2):
        assert crash(env, 2.8, 0.25) == (2.0, -0.25)
    put(env, 2.8, 0.25)
    env.step(straight(env))
    assert env.outcomes[0].crash_count == 3
    assert crash(env, 2.8, 0.25) == (2.0, -0.25)


def test_place_behind_a_box_that_is_in_another_one_is_not_taken(oval: Track) -> None:
    env = avoidance(oval, (4.0, Lane.INNER), (3.0, Lane.OUTER))
    # Behind the first, on the other lane, stands the second: behind that one, on the first one's lane.
    assert crash(env, 3.8, 0.25) == (2.0, 0.25)


def test_reset_at_the_line_neither_gives_nor_takes_a_lap(oval: Track) -> None:
    env = race_env(oval, Rules.time_trial(2))
    while env.progress[0] < 98.0:
        env.step(pursuit(env, 1.5))
    put(env, oval.length_m - 0.05, 0.45)
    while env.status[0] != Status.OFF_TRACK:
        env.step(straight(env, 3.0, 30.0))
    laps = len(env.book.laps[0])
    until(env, Status.IN_PROGRESS)
    outcome = drive_to_the_end(env, 1.5)
    assert laps in (0, 1)
    assert [lap.number for lap in outcome.laps] == [1, 2]
    assert outcome.off_track_count == 1
    assert min(lap.lap_time_ms for lap in outcome.laps) > 1000 * 0.95 * oval.length_m / 1.5


def test_both_directions_of_a_track_are_raced_by_the_same_rules(oval: Track) -> None:
    ways = [oval, oval.reversed()]
    races = [race_env(track, Rules.time_trial(2)) for track in ways]
    laps = []
    for env, track in zip(races, ways, strict=True):
        env.step(straight(env))
        (seen,) = ParamsBuilder.from_static(env.params_builder.static()).dicts(env.params_rows.tolist())
        assert seen["is_reversed"] is track.is_reversed
        assert seen["progress"] == pytest.approx(100 * 0.14 / oval.length_m)
        assert np.array_equal(seen["waypoints"], track.waypoints)
        laps.append([lap.lap_time_ms for lap in drive_to_the_end(env, 1.5).laps])
    forward, backward = races
    assert np.cos(forward.track.heading_at(0.0) - backward.track.heading_at(0.0)) == pytest.approx(-1.0)
    assert laps[0] == pytest.approx(laps[1], rel=0.01), "the oval is the same both ways"
