"""Bots: where they are, what params say of them, whose fault a crash is, where a reset puts a car."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest
from numpy.typing import NDArray

from simulator import params
from simulator.bots import AHEAD_M, BEHIND_M, BotError, Bots
from simulator.car import STEP_S
from simulator.objects import Obstacle
from simulator.params import ParamsBuilder
from simulator.rules import Rules, Status
from simulator.sensors.boxes import CAR
from simulator.starts import Starts
from simulator.track import Track
from simulator.vector import TrackVectorEnv
from tests.simulator.pilots import FULL_RANGE, put, straight


def among(track: Track, bots: Bots, rules: Rules | None = None, seed: int = 0) -> TrackVectorEnv:
    rules = rules or Rules(max_steps=4000, max_resets=1000)
    env = TrackVectorEnv(track, actions=FULL_RANGE, rules=rules, starts=Starts.LINE, bots=bots)
    env.reset(seed=seed)
    return env


def parked(env: TrackVectorEnv, steps: int) -> NDArray[np.float64]:
    """Return where the bots were [steps, k, 3] while the only car stood on the road, out of every rule."""
    rows = []
    for _ in range(steps):
        put(env, 0.3)
        env._timing.still[:] = env._timing.falling[:] = 0
        env.step(straight(env, 0.1))
        rows.append(env.object_rows()[0])
    return np.array(rows)


@pytest.mark.parametrize(
    "settings",
    [
        {"count": 0},
        {"count": 11},
        {"count": 2.0},
        {"speed_mps": 0.0},
        {"speed_mps": 9.0},
        {"min_distance_m": 0.1},
    ],
)
def test_bots_that_cannot_drive_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(BotError, match="expected"):
        Bots(**settings)  # type: ignore[arg-type]


def test_too_many_bots_for_a_track_are_refused(oval: Track) -> None:
    with pytest.raises(BotError, match="Ask for fewer or less distance"):
        TrackVectorEnv(oval, bots=Bots(10, min_distance_m=3.0))
    with pytest.raises(ValueError, match="expected bots alone"):
        TrackVectorEnv(oval, bots=Bots(), obstacles=[Obstacle(0.5)])
    with pytest.raises(ValueError, match="expected bots alone"):
        TrackVectorEnv(oval, 2, bots=Bots(), cars=2)


@pytest.mark.parametrize("way_round", [1, -1])
def test_bots_keep_their_lane_speed_and_distance(oval: Track, way_round: int) -> None:
    track = oval if way_round == 1 else oval.reversed()
    env = among(track, Bots(4, 0.6), seed=3)
    rows = parked(env, 120)
    for bot in range(4):
        place = track.project(rows[:, bot, :2])
        inner, outer = track.border_at(place.s_m)
        centre = track.at(place.s_m)
        middles = [0.5 * (centre + border) for border in (inner, outer)]
        away = [np.hypot(*(rows[:, bot, :2] - middle).T).max() for middle in middles]
        assert min(away) < 0.02, "it drives along the middle of one lane"
        way = np.diff(place.s_m) % track.length_m
        assert way.sum() == pytest.approx(119 * 0.6 * STEP_S, abs=0.03)
        turned = rows[:, bot, 2] - track.heading_at(place.s_m)
        assert np.abs(np.arctan2(np.sin(turned), np.cos(turned))).max() < 0.1
    for step in (0, 119):
        s = np.sort(track.project(rows[step, :, :2]).s_m)
        assert np.diff(np.append(s, s[0] + track.length_m)).min() > 1.9


def test_bots_begin_clear_of_the_start(oval: Track) -> None:
    env = TrackVectorEnv(oval, 100, bots=Bots(5))
    for seed in (0, 500):
        env.reset(seed=seed)
        assert env.objects is not None
        way = env.objects.gaps(env.location.s_m - env.car.base_to_nose_m)
        assert np.where(way > 0.0, way, np.inf).min() > AHEAD_M - 0.05
        assert np.where(way < 0.0, -way, np.inf).min() > BEHIND_M - 0.05


def test_lanes_are_changed_every_three_to_five_seconds_over_a_metre(oval: Track) -> None:
    bots = Bots(2, 1.0, lane_change=True)
    env = among(oval, bots, seed=1)
    rows = parked(env, 900)
    for bot in range(2):
        place = oval.project(rows[:, bot, :2])
        offset = place.offset_m
        settled = np.abs(offset) > 0.24
        borders = np.flatnonzero(np.diff(settled.astype(int)))
        stays = [(end - begin) * STEP_S for begin, end in itertools.pairwise(borders) if settled[begin + 1]]
        changes = [
            (end - begin) * STEP_S for begin, end in itertools.pairwise(borders) if not settled[begin + 1]
        ]
        assert len(stays) >= 8
        assert 2.9 < min(stays) < max(stays) < 5.5
        assert 0.7 < min(changes) <= max(changes) < 1.1
        assert len(set(np.sign(offset[settled]))) == 2, "there and back"
        moved = np.diff(rows[:, bot, :2], axis=0)
        along = np.arctan2(moved[:, 1], moved[:, 0]) - 0.5 * (rows[1:, bot, 2] + rows[:-1, bot, 2])
        error = np.abs(np.arctan2(np.sin(2 * along), np.cos(2 * along))) / 2
        assert np.median(error) < 0.01
        assert error.max() < 0.2, "the heading follows the path"


def test_bots_are_a_function_of_seed_episode_and_steps(oval: Track) -> None:
    bots = Bots(3, 0.5, lane_change=True)
    together = TrackVectorEnv(oval, 4, bots=bots)
    alone = [TrackVectorEnv(oval, 1, bots=bots) for _ in range(4)]
    together.reset(seed=11)
    for car, env in enumerate(alone):
        env.reset(seed=11 + car)
    rng = np.random.default_rng(0)
    ends = 0
    for _ in range(200):
        actions = rng.uniform(-0.4, 1.0, (4, 2))
        seen, rewards, *_ = together.step(actions)
        ends += len(together.outcomes)
        for car, env in enumerate(alone):
            one, reward, *_ = env.step(actions[car : car + 1])
            assert np.array_equal(one[0], seen[car])
            assert reward[0] == rewards[car]
            assert np.array_equal(env.object_rows()[0], together.object_rows()[car])
            assert np.array_equal(env.params_rows[0], together.params_rows[car])
    assert ends > 8
    once_more = TrackVectorEnv(oval, 1, bots=bots, rules=Rules(max_steps=4000))
    once_more.reset(seed=11)
    assert once_more.objects is not None
    again = TrackVectorEnv(oval, 1, bots=bots)
    again.reset(seed=11)
    assert again.objects is not None
    assert np.array_equal(once_more.objects.x, again.objects.x)
    again.reset()
    assert not np.array_equal(once_more.objects.x, again.objects.x), "the next episode has other bots"


@pytest.mark.parametrize("is_reversed", [False, True])
def test_params_of_bots_are_what_anybody_would_work_out(oval: Track, is_reversed: bool) -> None:
    track = oval.reversed() if is_reversed else oval
    env = among(track, Bots(3, 0.7, lane_change=True), seed=5)
    builder = ParamsBuilder.from_static(json.loads(json.dumps(env.params_builder.static())))
    assert env.params_rows.shape == (1, params.row_width(3))
    for step in range(90):
        nose_s = 0.2 * step
        put(env, nose_s, 0.3 * math.sin(step))
        env._timing.still[:] = env._timing.falling[:] = env._timing.travel_m[:] = 0
        env.step(straight(env))
        found, again = builder.dicts(env.params_rows.repeat(2, axis=0).tolist())
        rows = env.object_rows()[0]
        place = track.project(rows[:, :2])
        assert found["objects_location"] == rows[:, :2].tolist()
        assert found["objects_distance"] == pytest.approx(place.s_m.tolist(), abs=1e-6)
        assert found["objects_distance_from_center"] == pytest.approx(place.distance_m.tolist(), abs=1e-6)
        assert found["objects_heading"] == rows[:, 2].tolist(), "radians, as on the real thing"
        assert found["objects_speed"] == [0.7] * 3
        assert found["objects_left_of_center"] == (place.offset_m > 0.0).tolist()
        nose = track.project([[found["x"], found["y"]]]).s_m[0]
        order = sorted(range(3), key=lambda bot: (place.s_m[bot] - nose) % track.length_m)
        assert found["closest_objects"] == [order[-1], order[0]]
        found["objects_location"][0][0] = 99.0
        assert again["objects_location"][0][0] != 99.0
        assert list(found) == list(again)


def meet(env: TrackVectorEnv, ahead_m: float, aside_m: float = 0.0, bot: int = 0) -> None:
    """Set the only car down with its nose `ahead_m` behind the middle of a bot."""
    assert env.objects is not None
    s, offset = float(env.objects.s_m[0, bot]), float(env.objects.offset_m[0, bot])
    put(env, s - ahead_m, offset + aside_m)


def straight_bot(env: TrackVectorEnv) -> int:
    """Return a bot on one of the oval's straights."""
    assert env.objects is not None
    s = env.objects.s_m[0]
    found = np.flatnonzero(np.abs(env.track.curvature_at(s)) < 0.01)
    return int(found[0])


def test_crash_with_a_bot_costs_a_reset_behind_it_on_the_other_lane(oval: Track) -> None:
    env = among(oval, Bots(3, 0.3), Rules.object_avoidance(1), seed=0)
    for crash in range(1, 5):
        bot = straight_bot(env)
        meet(env, 0.15, bot=bot)
        assert env.objects is not None
        bot_s, bot_offset = float(env.objects.s_m[0, bot]), float(env.objects.offset_m[0, bot])
        env.step(straight(env))
        assert env.status[0] == Status.CRASHED
        assert env.params_rows[0, params.IS_CRASHED]
        assert env.location.s_m[0] == pytest.approx((bot_s - 1.0) % oval.length_m, abs=0.02), (
            "never ahead of it"
        )
        assert np.sign(env.location.offset_m[0]) == -np.sign(bot_offset)
        before = env.objects.s_m[0].copy()
        for _ in range(74):
            env.step(straight(env))
            assert env.status[0] == Status.PAUSE
            assert not env.params_rows[0, params.IS_CRASHED]
        way = (env.objects.s_m[0] - before) % oval.length_m
        assert way == pytest.approx(74 * 0.3 * STEP_S, abs=0.05), "bots drive on while a penalty is served"
        env.step(straight(env))
        assert env.book.crash_count[0] == crash
        assert env.book.penalty_ms[0] == crash * 5000


def test_training_episode_ends_with_a_crash_into_a_bot(oval: Track) -> None:
    env = among(oval, Bots(3, 0.3), Rules(), seed=0)
    meet(env, 0.15, bot=straight_bot(env))
    _, rewards, terminated, *_ = env.step(straight(env))
    assert terminated[0]
    assert rewards[0] < -4.0
    assert env.outcomes[0].crash_count == 1


def test_bot_that_runs_a_car_over_is_at_fault_itself(oval: Track) -> None:
    env = among(oval, Bots(1, 1.0), Rules(max_steps=4000, immobilized_steps=4000), seed=2)
    while not 0.6 < env.objects.s_m[0, 0] < 0.8:  # type: ignore[union-attr]
        put(env, 12.0)
        env._timing.travel_m[:] = 0.0
        env.step(straight(env))
    meet(env, -1.0)
    inside = 0
    for _ in range(40):
        place = env.state.copy()
        env.step(straight(env))
        env._state = place  # it stands still
        nose = np.array([env.params_rows[0, params.X], env.params_rows[0, params.Y]])
        bot = env.object_rows()[0, 0, :2]
        inside += np.hypot(*(nose - bot)) < 0.1
        assert env.status[0] == Status.IN_PROGRESS
        assert not env.params_rows[0, params.IS_CRASHED]
    assert inside > 1, "the bot has driven through"


def test_bots_are_seen_where_they_are(oval: Track) -> None:
    env = TrackVectorEnv(
        oval,
        actions=FULL_RANGE,
        starts=Starts.LINE,
        bots=Bots(3, 0.5),
        sensors=("object_vector", "front_facing_camera", "sector_lidar"),
    )
    plain = TrackVectorEnv(oval, actions=FULL_RANGE, starts=Starts.LINE, sensors="front_facing_camera")
    env.reset(seed=0)
    plain.reset(seed=0)
    bot = straight_bot(env)
    meet(env, 0.8, bot=bot)
    meet_s, offset = env.location.s_m[0], env.location.offset_m[0]
    put(plain, float(meet_s), float(offset))
    seen, *_ = env.step(straight(env))
    road, *_ = plain.step(straight(plain))
    near, aside, forward, left = seen["object_vector"][0, 28:32]
    assert env.objects is not None
    way = float(env.objects.s_m[0, bot] - env.location.s_m[0])
    assert near == pytest.approx(1.0 - way / 5.0, abs=1e-4)
    assert forward / near == pytest.approx(way, abs=0.01)
    assert abs(left) + abs(aside) < 0.02
    drawn = seen["front_facing_camera"][0] != road[0]
    assert 20 < np.count_nonzero(drawn) < 2500
    columns = np.flatnonzero(drawn.any(axis=(0, 2)))
    assert abs(columns.mean() - 79.5) < 3.0, "straight ahead"


def test_bots_are_as_big_as_cars(oval: Track) -> None:
    assert among(oval, Bots(2)).object_sizes.tolist() == [list(CAR[:2])] * 2
