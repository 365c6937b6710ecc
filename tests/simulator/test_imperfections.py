"""Imperfections: drawn from seeds alone, never to a car's advantage, and only where they belong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from simulator import params, tracks
from simulator.car import CLASSIC, SPEED, standing_state
from simulator.draws import normals, uniforms
from simulator.imperfections import (
    ACROSS_NOISE_M,
    ALONG_NOISE_M,
    CALIBRATED,
    SPEED_NOISE_MPS,
    YAW_NOISE_RAD,
    YAW_RATE_NOISE_RADPS,
    Conditions,
    Imperfections,
    blurred,
)
from simulator.objects import Lane, Obstacle
from simulator.road import road_of
from simulator.rules import Rules
from simulator.sensors import LOOKAHEAD_M, OBSERVATION_COLUMNS
from simulator.sensors.suite import Senses, picked
from simulator.situation import Situation, assess
from simulator.track import Track
from simulator.vector import TrackVectorEnv
from tests.simulator.pilots import FULL_RANGE, pursuit, straight

Array = NDArray[np.float64]
MANY = np.arange(4000, dtype=np.uint64)


def begun(imperfections: Imperfections, seeds: NDArray[np.uint64], episodes: int = 1) -> Conditions:
    conditions = Conditions(imperfections, seeds)
    for _ in range(episodes):
        conditions.begin(np.arange(len(seeds)))
    return conditions


def on_the_line(cars: int) -> Situation:
    oval = tracks.load("oval")
    state = standing_state(np.zeros(cars), np.full(cars, -1.5), np.zeros(cars), CLASSIC)
    return assess(road_of(oval, LOOKAHEAD_M), CLASSIC, state, np.zeros(cars, dtype=np.int64))


def test_grip_is_lost_and_never_won_evenly_over_its_range() -> None:
    share = begun(Imperfections(grip=0.3), MANY).grip_share
    assert share.max() <= 1.0
    assert share.min() >= 0.7
    assert np.quantile(share, [0.1, 0.5, 0.9]) == pytest.approx([0.73, 0.85, 0.97], abs=0.01)


def test_every_latency_up_to_the_largest_is_drawn_equally_often() -> None:
    drawn = begun(Imperfections(latency_steps=3), MANY).latency_steps
    assert np.bincount(drawn) / len(MANY) == pytest.approx([0.25] * 4, abs=0.03)


def test_grip_and_latency_have_nothing_to_do_with_each_other() -> None:
    drawn = begun(Imperfections(latency_steps=1), MANY)
    assert abs(np.corrcoef(drawn.grip_share, drawn.latency_steps)[0, 1]) < 0.05


@given(seeds=st.lists(st.integers(0, 2**32), min_size=1, max_size=9), episodes=st.integers(1, 5))
def test_draw_of_a_car_is_that_of_the_same_car_alone(seeds: list[int], episodes: int) -> None:
    keys = np.array(seeds, dtype=np.uint64)
    batch = begun(CALIBRATED, keys, episodes)
    alone = [begun(CALIBRATED, keys[car : car + 1], episodes) for car in range(len(keys))]
    assert batch.grip_share.tolist() == [float(one.grip_share[0]) for one in alone]
    assert batch.latency_steps.tolist() == [int(one.latency_steps[0]) for one in alone]


def test_episodes_of_a_car_differ_and_come_again_with_its_seed() -> None:
    seeds = np.array([7], dtype=np.uint64)
    shares = [float(begun(CALIBRATED, seeds, episodes).grip_share[0]) for episodes in (1, 2, 3)]
    assert len(set(shares)) == 3
    assert float(begun(CALIBRATED, seeds, 2).grip_share[0]) == shares[1]


def test_an_ended_episode_leaves_the_other_cars_alone() -> None:
    conditions = begun(CALIBRATED, MANY[:5])
    before = conditions.grip_share.copy()
    conditions.begin(np.array([2]))
    assert (conditions.grip_share != before).tolist() == [False, False, True, False, False]


def test_commands_act_as_many_steps_late_as_drawn() -> None:
    conditions = begun(Imperfections(latency_steps=2), MANY[:30])
    late = conditions.latency_steps
    assert set(late.tolist()) == {0, 1, 2}
    for step in range(1, 8):
        acting = conditions.acting(np.full((30, 2), float(step)))
        assert acting.tolist() == [[max(0.0, step - by)] * 2 for by in late.tolist()]


def test_a_new_episode_knows_nothing_of_old_commands() -> None:
    conditions = begun(Imperfections(latency_steps=1), MANY[:30])
    conditions.acting(np.full((30, 2), 9.0))
    conditions.begin(np.arange(30))
    acting = conditions.acting(np.full((30, 2), 5.0))
    assert acting.tolist() == [[0.0 if by else 5.0] * 2 for by in conditions.latency_steps.tolist()]


def test_senses_are_off_by_the_noise_of_the_logs() -> None:
    now = on_the_line(len(MANY))
    seen = blurred(now, CALIBRATED, MANY, np.zeros(len(MANY), dtype=np.uint64))
    errors = {
        "nose_x": ALONG_NOISE_M,
        "nose_y": ACROSS_NOISE_M,
        "yaw_rad": YAW_NOISE_RAD,
        "speed_mps": SPEED_NOISE_MPS,
        "yaw_rate_radps": YAW_RATE_NOISE_RADPS,
    }
    for name, sigma in errors.items():
        error = getattr(seen, name) - getattr(now, name)
        assert error.std() == pytest.approx(sigma, rel=0.05), name
        assert abs(error.mean()) < 0.1 * sigma, name
    assert seen.location.offset_m - now.location.offset_m == pytest.approx(seen.nose_y - now.nose_y)
    assert np.hypot(seen.cos, seen.sin) == pytest.approx(np.ones(len(MANY)))


def test_what_is_blurred_is_a_copy() -> None:
    now, untouched = on_the_line(3), on_the_line(3)
    blurred(now, CALIBRATED, MANY[:3], MANY[:3])
    assert np.array_equal(now.nose_x, untouched.nose_x)
    assert np.array_equal(now.location.offset_m, untouched.location.offset_m)


def test_readings_differ_from_car_to_car_and_from_step_to_step() -> None:
    now = on_the_line(2)
    first, second = (
        blurred(now, CALIBRATED, MANY[:2], np.full(2, reading, dtype=np.uint64)).speed_mps
        for reading in (0, 1)
    )
    assert len({*first.tolist(), *second.tolist()}) == 4


def test_without_noise_the_senses_are_exact() -> None:
    now = on_the_line(2)
    assert blurred(now, Imperfections(noise=0.0), MANY[:2], MANY[:2]) is now


def test_normal_numbers_are_normal() -> None:
    drawn = normals(MANY, 8)
    assert drawn.shape == (4000, 8)
    assert drawn.mean() == pytest.approx(0.0, abs=0.02)
    assert drawn.std() == pytest.approx(1.0, abs=0.02)
    assert np.mean(np.abs(drawn) < 1.96) == pytest.approx(0.95, abs=0.01)
    assert 0.0 < uniforms(MANY, 3).min() < uniforms(MANY, 3).max() < 1.0


@pytest.mark.parametrize(
    "bad",
    [
        {"grip": -0.1},
        {"grip": 0.6},
        {"grip": float("nan")},
        {"grip": "much"},
        {"latency_steps": -1},
        {"latency_steps": 6},
        {"latency_steps": 1.5},
        {"latency_steps": True},
        {"noise": -1.0},
        {"noise": float("inf")},
        {"noise": None},
    ],
)
def test_imperfections_nobody_could_drive_with_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        Imperfections(**bad)


def test_they_are_named_for_seeds_and_versions() -> None:
    assert CALIBRATED.as_json() == {"grip": 0.2, "latency_steps": 1, "noise": 1.0}
    assert Imperfections(**CALIBRATED.as_json()) == CALIBRATED  # type: ignore[arg-type]
    assert repr(Imperfections(grip=0, noise=1).as_json()) == repr(Imperfections(0.0, 1, 1.0).as_json())


def imperfect(imperfections: Imperfections, num_envs: int = 1, **settings: Any) -> TrackVectorEnv:
    """Return cars with these imperfections, already reset with seed 0."""
    env = TrackVectorEnv("oval", num_envs, actions=FULL_RANGE, imperfections=imperfections, **settings)
    env.reset(seed=0)
    return env


BOXES = (Obstacle(0.3, Lane.INNER), Obstacle(0.7, Lane.OUTER))


@pytest.mark.parametrize(
    ("sensors", "objects"),
    [
        ("vector", {}),
        ("object_vector", {"obstacles": BOXES}),
        (["object_vector", "lidar"], {"bots": 3}),
        (["front_facing_camera", "vector"], {}),
    ],
    ids=["vector", "boxes", "bots and lidar", "camera"],
)
def test_imperfect_batch_is_its_cars_alone_bit_for_bit(
    sensors: str | list[str], objects: dict[str, Any]
) -> None:
    small = Senses(Senses.of(sensors).sensors, image_width=16, image_height=12)
    settings: dict[str, Any] = {"sensors": small, "rules": Rules(max_steps=40), **objects}
    rough = Imperfections(grip=0.4, latency_steps=3, noise=2.0)
    batch = imperfect(rough, 5, **settings)
    alone = [imperfect(rough, **settings) for _ in range(5)]
    for car, one in enumerate(alone):
        one.reset(seed=car)
    rng = np.random.default_rng(2)
    for _ in range(100):
        actions = rng.uniform(-1.0, 1.0, (5, 2))
        seen, paid, *_ = batch.step(actions)
        for car, one in enumerate(alone):
            own, own_paid, *_ = one.step(actions[car : car + 1])
            assert paid[car] == own_paid[0]
            assert same(picked(seen, car), picked(own, 0))
    assert np.array_equal(batch.state, np.concatenate([one.state for one in alone], axis=1))


def same(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return all(np.array_equal(one[name], other[name]) for name in one)
    return np.array_equal(one, other)


def test_referee_and_params_see_the_true_state() -> None:
    env = imperfect(Imperfections(grip=0.0, latency_steps=0, noise=5.0), 3, starts="line")
    plain = TrackVectorEnv("oval", 3, actions=FULL_RANGE, starts="line")
    sharp, _ = plain.reset(seed=0)
    for _ in range(60):
        actions = pursuit(plain, 1.5)
        seen, *_ = env.step(actions)
        sharp, *_ = plain.step(actions)
        assert np.array_equal(env.params_rows, plain.params_rows)
        assert np.array_equal(env.status, plain.status)
    assert np.array_equal(env.state, plain.state)
    error = np.abs(seen - sharp)
    assert error[:, OBSERVATION_COLUMNS.index("speed")].max() > 0.01
    assert error[:, OBSERVATION_COLUMNS.index("offset")].max() > 0.001
    assert not error[:, OBSERVATION_COLUMNS.index("steering")].any()


def test_late_commands_move_the_car_later_and_params_say_what_was_asked(oval: Track) -> None:
    late = Imperfections(grip=0.0, latency_steps=5, noise=0.0)
    env, plain = (
        imperfect(late, 40, starts="line"),
        TrackVectorEnv(oval, 40, actions=FULL_RANGE, starts="line"),
    )
    plain.reset(seed=0)
    by = env._conditions.latency_steps if env._conditions else None
    assert by is not None
    speeds = [plain.state[SPEED, 0]]
    for step in range(12):
        env.step(straight(env, 2.0))
        plain.step(straight(plain, 2.0))
        speeds.append(plain.state[SPEED, 0])
        assert env.params_rows[:, params.SPEED] == pytest.approx(2.0)
        for car in np.flatnonzero(by <= step).tolist():
            # Until its first command arrives a car rolls at its least speed, 0.1 m/s.
            assert env.state[SPEED, car] == pytest.approx(speeds[step + 1 - by[car]], abs=0.1)
    assert env.state[SPEED, by == 0] == pytest.approx(plain.state[SPEED, 0], abs=0.0)


def test_less_grip_is_a_slower_start() -> None:
    slippery = Imperfections(grip=0.5, latency_steps=0, noise=0.0)
    env = imperfect(slippery, 60, starts="line")
    for _ in range(8):
        env.step(straight(env, 4.0))
    share = env._conditions.grip_share if env._conditions else None
    assert share is not None
    assert env.state[SPEED] == pytest.approx(CLASSIC.grip_mps2 * share * 8 / 15, rel=0.02)


def test_everybody_in_a_race_meets_the_same_and_the_next_episode_another() -> None:
    def first_and_second(seed: int) -> list[float]:
        env = imperfect(CALIBRATED, rules=Rules(max_steps=20), starts="line")
        env.reset(seed=seed)
        assert env._conditions is not None
        shares = [float(env._conditions.grip_share[0])]
        while not env.outcomes:
            env.step(straight(env))
        return [*shares, float(env._conditions.grip_share[0])]

    assert first_and_second(3) == first_and_second(3)
    assert len({*first_and_second(3), *first_and_second(4)}) == 4


def test_rivals_meet_the_same_conditions_and_their_own_noise() -> None:
    env = imperfect(CALIBRATED, 6, cars=3, starts="line")
    conditions = env._conditions
    assert conditions is not None
    first, second = conditions.grip_share.reshape(2, 3).tolist()
    assert len(set(first)) == len(set(second)) == 1
    assert first != second
    by_race = [set(race) for race in conditions.latency_steps.reshape(2, 3).tolist()]
    assert [len(latencies) for latencies in by_race] == [1, 1]
    seen, *_ = env.step(straight(env))
    speed = OBSERVATION_COLUMNS.index("speed")
    errors = seen[:, speed] - env.state[SPEED] / 4.0
    assert len(set(errors.round(5).tolist())) == 6


def test_pictures_of_imperfect_episodes_differ_in_light() -> None:
    senses = Senses.of("front_facing_camera")
    env, plain = (
        imperfect(CALIBRATED, 2, sensors=senses, starts="line"),
        TrackVectorEnv("oval", 2, sensors=senses),
    )
    assert not env.senses.random_colours, "what a policy was trained with does not change its name"
    assert env.observation_space == plain.observation_space
    seen, _ = env.reset(seed=0)
    skies = seen[:, 0, 0, 0].tolist()
    assert skies[0] != skies[1]


def test_the_worst_car_has_the_least_grip_and_a_name_of_its_own() -> None:
    worst = CALIBRATED.worst(CLASSIC)
    assert worst.grip_mps2 == pytest.approx(0.8 * CLASSIC.grip_mps2)
    assert worst.name != CLASSIC.name
    assert Imperfections(grip=0.0).worst(CLASSIC) is CLASSIC
