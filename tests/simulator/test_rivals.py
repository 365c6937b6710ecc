"""Several cars on one road: the grid, who sees whom, whose fault a crash is, standing aside, self-play."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from simulator import params, tracks
from simulator.car import standing_state
from simulator.objects import Lane, Obstacle, ObstacleError, corners, place_obstacles
from simulator.rules import Rules, Status
from simulator.sensors.boxes import CAR
from simulator.situation import assess
from simulator.starts import GRID_STAGGER_M, Starts
from simulator.track import Track
from simulator.vector import TrackVectorEnv
from tests.simulator.pilots import FULL_RANGE, pursuit, straight


def racing(track: Track, cars: int, rules: Rules | None = None, races: int = 1) -> TrackVectorEnv:
    env = TrackVectorEnv(
        track,
        cars * races,
        cars=cars,
        actions=FULL_RANGE,
        rules=rules or Rules.object_avoidance(1),
        starts=Starts.LINE,
    )
    env.reset(seed=0)
    return env


def put_all(env: TrackVectorEnv, s_m: list[float], offset_m: list[float], turned_deg: list[float]) -> None:
    """Set all cars down standing, noses at `s_m`."""
    s = np.array(s_m)
    heading = env.track.heading_at(s) + np.radians(turned_deg)
    nose = env.track.at(s, np.array(offset_m))
    base = nose - env.car.base_to_nose_m * np.column_stack([np.cos(heading), np.sin(heading)])
    env._state = standing_state(base[:, 0], base[:, 1], heading, env.car)
    env._now = assess(env.road, env.car, env._state, env.track.project(nose).segment)
    env.objects = env._traffic.around(env._now, env._all, env._timing.elapsed)


def bases(env: TrackVectorEnv) -> NDArray[np.float64]:
    """Return where the cars' middles were [n, 3] before the last step."""
    rows = env.trace_rows()
    yaw, back = rows[:, 3], env.car.base_to_nose_m
    return np.column_stack([rows[:, 1] - back * np.cos(yaw), rows[:, 2] - back * np.sin(yaw), yaw])


def test_cars_start_from_a_grid_behind_the_line(oval: Track) -> None:
    env = racing(oval, 4)
    env.step(straight(env))
    place = oval.project(bases(env)[:, :2])
    behind = -(place.s_m + 0.001) % oval.length_m
    behind[0] -= oval.length_m  # a hair before the line
    assert behind == pytest.approx([0.0, 0.75, 1.5, 2.25], abs=0.01)
    assert np.sign(place.offset_m).tolist() == [-1.0, 1.0, -1.0, 1.0], "even on the outer lane, odd inside"
    first = 100.0 * (env.car.base_to_nose_m - GRID_STAGGER_M * np.arange(4)) / oval.length_m
    assert env.params_rows[:, params.PROGRESS] == pytest.approx(first, abs=0.1), "nobody gains on the line"
    clockwise = racing(oval.reversed(), 2)
    assert (clockwise.location.offset_m > 0.0).tolist() == [True, False]


@pytest.mark.parametrize(("cars", "num_envs"), [(9, 9), (3, 4), (2, 3), (0, 2)])
def test_groups_that_cannot_be_are_refused(oval: Track, cars: int, num_envs: int) -> None:
    with pytest.raises(ValueError, match="expected 1, or 2 to 8 cars"):
        TrackVectorEnv(oval, num_envs, cars=cars)


def test_obstacle_on_the_grid_is_refused(oval: Track) -> None:
    boxes = [Obstacle(0.9)]
    TrackVectorEnv(oval, 2, cars=2, obstacles=boxes, starts=Starts.LINE)
    TrackVectorEnv(oval, 4, cars=4, obstacles=boxes)
    with pytest.raises(ObstacleError, match=r"on the grid of 4 cars; choose a fraction up to 0\.8"):
        TrackVectorEnv(oval, 4, cars=4, obstacles=boxes, starts=Starts.LINE)


@pytest.mark.parametrize("is_reversed", [False, True])
def test_params_of_rivals_are_what_anybody_would_work_out(oval: Track, is_reversed: bool) -> None:
    track = oval.reversed() if is_reversed else oval
    boxes = place_obstacles(track, 2, seed=1)
    env = TrackVectorEnv(track, 6, cars=3, actions=FULL_RANGE, obstacles=boxes, rules=Rules(max_resets=99))
    env.reset(seed=4)
    rng = np.random.default_rng(0)
    for _ in range(60):
        speeds = env.state[3].copy()
        env.step(pursuit(env, 1.5) + rng.normal(0.0, 0.3, (6, 2)))
        found = list(env.params_builder.dicts(env.params_rows.tolist()))
        middles = bases(env)
        for car in range(6):
            rivals = [other for other in range(car // 3 * 3, car // 3 * 3 + 3) if other != car]
            assert np.allclose(env.object_rows()[car, 2:], middles[rivals], atol=1e-12)
            objects = np.vstack([env.object_rows()[car, :2], middles[rivals]])
            place = track.project(objects[:, :2])
            row = found[car]
            assert np.allclose(row["objects_location"], objects[:, :2])
            assert row["objects_distance"] == pytest.approx(place.s_m.tolist(), abs=1e-6)
            assert row["objects_distance_from_center"] == pytest.approx(place.distance_m.tolist(), abs=1e-6)
            inside = [within(point, track.waypoints) for point in objects[:, :2]]
            assert row["objects_left_of_center"] == [each == track.is_ccw for each in inside]
            assert row["objects_heading"] == pytest.approx([0.0, 0.0, *middles[rivals, 2]])
            assert row["objects_speed"] == pytest.approx([0.0, 0.0, *speeds[rivals]])
            nose = track.project([[row["x"], row["y"]]]).s_m[0]
            order = np.argsort((place.s_m - nose) % track.length_m)
            assert row["closest_objects"] == [order[-1], order[0]]
            assert row["object_in_camera"] == in_camera(row, objects[order[0], :2])


def within(point: NDArray[np.float64], ring: NDArray[np.float64]) -> bool:
    """Return whether a closed ring [n, 2] goes round a point: its winding number."""
    away = ring - point
    turned = np.diff(np.arctan2(away[:, 1], away[:, 0]))
    return bool(abs(np.sum((turned + np.pi) % (2.0 * np.pi) - np.pi)) > np.pi)


def in_camera(row: dict[str, float], point: NDArray[np.float64]) -> bool:
    """Return whether a ground point lies within the frustum, by angles."""
    yaw = math.radians(row["heading"])
    dx, dy = point[0] - row["x"], point[1] - row["y"]
    forward = dx * math.cos(yaw) + dy * math.sin(yaw) + 0.14 - 0.145
    left = dy * math.cos(yaw) - dx * math.sin(yaw)
    pitch = 0.2618
    depth = forward * math.cos(pitch) + 0.130 * math.sin(pitch)
    down = 0.130 * math.cos(pitch) - forward * math.sin(pitch)
    tangent = math.tan(1.13 / 2.0)
    return bool(
        0.2 <= depth <= 300.0 and abs(left) <= depth * tangent and abs(down) <= depth * tangent * 0.75
    )


def test_rear_car_is_at_fault(oval: Track) -> None:
    env = racing(oval, 2)
    for rear, front in ((0, 1), (1, 0)):
        places = [0.0, 0.0]
        places[front], places[rear] = 2.0, 1.75
        put_all(env, places, [0.02 * rear, 0.02 * front], [0.0, 0.0])
        env.step(straight(env))
        assert env.status[rear] == Status.CRASHED
        assert env.params_rows[:, params.IS_CRASHED].astype(bool).tolist() == [rear == 0, rear == 1]
        assert env.status[front] == Status.IN_PROGRESS
        env.reset()


def test_only_a_corner_in_a_rectangle_is_a_crash(oval: Track) -> None:
    env = racing(oval, 2, Rules(max_steps=4000, max_resets=1000))
    rng = np.random.default_rng(3)
    seen = set()
    for _ in range(150):
        put_all(
            env,
            [2.0, 2.0 + rng.uniform(-0.35, 0.35)],
            [0.0, rng.uniform(-0.25, 0.25)],
            [0.0, rng.uniform(-90, 90)],
        )
        env._timing.hold[:] = 0
        env._encounters._forgiven[:] = False  # type: ignore[union-attr]
        env.step(straight(env))
        x, y, yaw = bases(env).T
        s = oval.project(np.column_stack([x, y])).s_m
        for car, other in ((0, 1), (1, 0)):
            own_x, own_y = corners(x[car], y[car], np.cos(yaw[car]), np.sin(yaw[car]), CAR[:2])
            cos, sin = math.cos(yaw[other]), math.sin(yaw[other])
            along = (own_x - x[other]) * cos + (own_y - y[other]) * sin
            across = (own_y - y[other]) * cos - (own_x - x[other]) * sin
            inside = bool(((np.abs(along) < CAR[0] / 2) & (np.abs(across) < CAR[1] / 2)).any())
            at_fault = inside and bool(s[other] >= s[car])
            assert bool(env.params_rows[car, params.IS_CRASHED]) == at_fault
            seen.add((inside, at_fault))
    assert seen == {(False, False), (True, False), (True, True)}


def test_crash_with_a_rival_costs_a_reset_behind_it_while_it_drives_on(oval: Track) -> None:
    env = racing(oval, 2)
    put_all(env, [1.5, 1.75], [0.25, 0.25], [0.0, 0.0])
    actions = straight(env, 1.0)
    env.step(actions)
    assert env.status.tolist() == [Status.CRASHED, Status.IN_PROGRESS]
    assert env.location.s_m[0] == pytest.approx(1.75 - env.car.base_to_nose_m - 1.0, abs=0.03)
    assert env.location.offset_m[0] == pytest.approx(-0.25, abs=0.01)
    before = float(env.location.s_m[1])
    for _ in range(30):
        env.step(actions)
        assert env.status[0] == Status.PAUSE
    assert env.location.s_m[1] - before > 1.5
    assert (env.book.crash_count, env.book.penalty_ms) == ([1, 0], [5000, 0])


def test_two_cars_put_back_at_once_do_not_stand_in_each_other(oval: Track) -> None:
    env = racing(oval, 3)
    # The first two drive into the third, side by side.
    put_all(env, [2.0, 2.0, 2.27], [0.14, -0.06, 0.04], [0.0, 0.0, 0.0])
    env.step(straight(env))
    assert env.status.tolist() == [Status.CRASHED, Status.CRASHED, Status.IN_PROGRESS]
    env.step(straight(env))
    gap = np.hypot(*(bases(env)[0] - bases(env)[1])[:2])
    assert gap > 0.33


def test_car_that_waits_is_not_at_fault_and_may_leave_an_embrace(oval: Track) -> None:
    env = racing(oval, 2, Rules.object_avoidance(1, collision_penalty_s=1.0))
    put_all(env, [2.0, 1.9], [0.0, 0.05], [0.0, 0.0])
    env._timing.hold[0] = 3
    env.step(straight(env))
    assert env.status.tolist() == [Status.PAUSE, Status.CRASHED]
    put_all(env, [2.0, 2.1], [0.0, 0.05], [0.0, 0.0])
    env.step(straight(env))
    env.step(straight(env))
    assert env.status[0] == Status.PAUSE
    env.step(straight(env))
    assert env.status[0] == Status.IN_PROGRESS, "the other one came in while it waited"


def test_car_that_is_done_stands_aside_until_the_last_one_is(oval: Track) -> None:
    env = racing(oval, 3, Rules.time_trial(1), races=2)
    order: list[int] = []
    speeds = np.array([2.0, 1.6, 1.2, 2.0, 1.7, 1.3])
    for _ in range(1200):
        actions = pursuit(env)
        actions[:, 1] = (speeds - 0.1) / 3.9 * 2.0 - 1.0
        _, rewards, terminated, truncated, infos = env.step(actions)
        for car in env.outcomes:
            order.append(car)
            assert truncated[car]
            assert not terminated[car]
            assert infos["final_info"]["status"][car] == Status.LAP_COMPLETE
        if len(order) >= 6:
            break
        for car in order:
            racing_yet = {car // 3 * 3, car // 3 * 3 + 1, car // 3 * 3 + 2} - set(order)
            if car not in env.outcomes and racing_yet:
                assert env.status[car] == Status.PARK
                assert rewards[car] == 0.0
                assert not truncated[car]
                rivals = [other for other in range(car // 3 * 3, car // 3 * 3 + 3) if other != car]
                for other in rivals:
                    column = [
                        each for each in range(other // 3 * 3, other // 3 * 3 + 3) if each != other
                    ].index(car)
                    assert np.isnan(env.object_rows()[other, column]).all(), "no object any more"
    assert sorted(order) == [0, 1, 2, 3, 4, 5]
    assert [car for car in order if car < 3] == [0, 1, 2]
    last = order[-1] // 3 * 3
    assert env._timing.elapsed[last : last + 3].tolist() == [0] * 3, "all begin anew on the grid"
    assert not env._traffic.aside.any()  # type: ignore[union-attr]
    env.step(straight(env))
    assert set(env.status.tolist()) == {Status.IN_PROGRESS}


def test_lists_of_params_leave_out_who_is_gone(oval: Track) -> None:
    env = racing(oval, 3)
    put_all(env, [1.0, 3.0, 6.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0])
    rivals = env._traffic._rivals
    assert rivals is not None
    for gone, closest, count in ([False, False, False], [1, 0], 2), ([False, True, False], [0, 0], 1):
        rivals.aside[:] = gone
        env.objects = env._traffic.around(env._now, env._all, env._timing.elapsed)
        seen = env._sensors.observe(env._now, env._all, env._nobody, env.objects)
        assert not np.isnan(seen).any()
        env.step(straight(env, 0.1))
        row = next(env.params_builder.dicts(env.params_rows.tolist()))
        assert row["closest_objects"] == closest
        assert len(row["objects_location"]) == len(row["objects_speed"]) == count
        put_all(env, [1.0, 3.0, 6.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0])
    rivals.aside[:] = [False, True, True]
    env.objects = env._traffic.around(env._now, env._all, env._timing.elapsed)
    env.step(straight(env, 0.1))
    row = next(env.params_builder.dicts(env.params_rows.tolist()))
    assert row["closest_objects"] == [0, 0]
    assert row["objects_location"] == []
    assert row["object_in_camera"] is False


def test_in_training_who_is_done_starts_anew_clear_of_the_others(oval: Track) -> None:
    env = TrackVectorEnv(oval, 16, cars=4, obstacles=[Obstacle(0.3), Obstacle(0.7, Lane.OUTER)])
    rng = np.random.default_rng(1)
    starts = 0
    for seed in range(3):
        env.reset(seed=seed)
        for _ in range(120):
            env.step(rng.uniform(-0.5, 1.0, (16, 2)))
            for car in env.outcomes:
                starts += 1
                assert env._timing.elapsed[car] == 0
                middles = np.array(env.objects.gaps(env.location.s_m - 0.14)[car])  # type: ignore[union-attr]
                ahead = np.where(middles > 0.0, middles, np.inf).min()
                behind = np.where(middles < 0.0, -middles, np.inf).min()
                assert ahead > 0.5
                assert behind > 0.5
            assert not np.any(env.params_rows[env._timing.elapsed == 1, params.IS_CRASHED])
    assert starts > 50


@pytest.mark.parametrize("on_grid", [False, True])
def test_batch_of_races_is_its_races_bit_for_bit(oval: Track, on_grid: bool) -> None:
    rules = Rules.object_avoidance(1, off_track_penalty_s=0.5, max_resets=1) if on_grid else Rules()
    starts = Starts.LINE if on_grid else Starts.SPREAD
    made = [
        TrackVectorEnv(
            oval, count, cars=3, rules=rules, starts=starts, sensors=("object_vector", "sector_lidar")
        )
        for count in (9, 3, 3, 3)
    ]
    together, alone = made[0], made[1:]
    together.reset(seed=5)
    for race, env in enumerate(alone):
        env.reset(seed=5 + 3 * race)
    rng = np.random.default_rng(2)
    statuses = set()
    for _ in range(130):
        actions = rng.uniform(-0.35, 1.0, (9, 2)) * [0.5, 1.0]
        seen, rewards, terminated, *_ = together.step(actions)
        statuses |= set(together.status.tolist())
        for race, env in enumerate(alone):
            cars = slice(3 * race, 3 * race + 3)
            one, reward, ended, *_ = env.step(actions[cars])
            assert all(np.array_equal(one[name], seen[name][cars]) for name in seen)
            assert np.array_equal(reward, rewards[cars])
            assert np.array_equal(ended, terminated[cars])
            assert np.array_equal(env.params_rows, together.params_rows[cars], equal_nan=True)
            assert np.array_equal(env.object_rows(), together.object_rows()[cars], equal_nan=True)
    assert Status.OFF_TRACK in statuses
    assert (Status.PARK in statuses) == on_grid


def test_cars_may_have_commands_of_their_own(oval: Track) -> None:
    env = racing(oval, 2)
    for _ in range(15):
        env.drive(np.array([[0.0, 0.5], [0.0, 3.0]]))
    assert env.params_rows[:, params.SPEED].tolist() == [0.5, 3.0]
    assert env.state[3] == pytest.approx([0.5, 2.9], abs=0.2)
    with pytest.raises(ValueError, match=r"expected one action per car \(2\), got 3"):
        env.drive(np.zeros((3, 2)))


@pytest.mark.parametrize("name", ["oval", "sawmill"])
def test_nobody_is_put_back_into_another_car(name: str) -> None:
    env = racing(tracks.load(name), 8, Rules.object_avoidance(3, collision_penalty_s=2.0))
    rng = np.random.default_rng(0)
    speeds = rng.uniform(0.8, 2.6, 8)
    resets = 0
    for _ in range(400):
        actions = pursuit(env) + rng.normal(0.0, 0.25, (8, 2))
        actions[:, 1] = (speeds - 0.1) / 3.9 * 2.0 - 1.0
        seen, *_ = env.step(actions)
        assert not np.isnan(seen).any()
        for car in env._marshals.put_back:
            resets += 1
            away = np.hypot(*(env.state[:2] - env.state[:2, car : car + 1]))
            assert np.delete(away, car).min() > 0.3
    assert resets > 10
