"""The environments' contract: gymnasium's, and that a car's life does not depend on its batch."""

from __future__ import annotations

import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import simulator
from simulator import params, tracks
from simulator.actions import Discrete
from simulator.car import V6
from simulator.env import TrackEnv, TrackVectorEnv
from simulator.params import COLUMNS
from simulator.rules import Rules, Status
from simulator.sensors import OBSERVATION_COLUMNS
from simulator.starts import Starts
from simulator.track import Track
from tests.simulator.pilots import FULL_RANGE, pursuit, straight

THREE = Discrete(((-30.0, 1.0), (0.0, 2.0), (30.0, 1.0)))
Array = NDArray[np.float64]


@pytest.fixture(autouse=True)
def registered() -> None:
    simulator.register_envs()


@pytest.mark.parametrize("settings", [{}, {"actions": THREE}, {"track": "needle", "starts": "line"}])
@pytest.mark.parametrize("env_id", simulator.SENSORS_OF_ID)
def test_gymnasium_checker_has_nothing_to_say(env_id: str, settings: dict[str, Any]) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check_env(gymnasium.make(env_id, **settings).unwrapped)
    assert [str(warning.message) for warning in caught] == []


def test_every_id_of_ours_is_checked() -> None:
    ours = {env_id for env_id in gymnasium.registry if env_id.startswith("ApexArena/")}
    assert ours == set(simulator.SENSORS_OF_ID)


def test_registering_twice_changes_nothing() -> None:
    before = gymnasium.registry[simulator.ENV_ID]
    simulator.register_envs()
    assert gymnasium.registry[simulator.ENV_ID] is before


def test_vector_environment_is_made_by_gymnasium_and_says_same_step() -> None:
    made = gymnasium.make_vec(simulator.ENV_ID, num_envs=3, vectorization_mode="vector_entry_point")
    assert isinstance(made.unwrapped, TrackVectorEnv)
    assert made.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    observation, _ = made.reset(seed=4)
    assert made.observation_space.contains(observation)
    observation, *_ = made.step(made.action_space.sample())
    assert made.observation_space.contains(observation)
    made.close()


def random_life(env: TrackVectorEnv, steps: int, seed: int = 0) -> list[tuple[NDArray[Any], ...]]:
    rng = np.random.default_rng(seed)
    env.reset(seed=seed)
    life: list[tuple[NDArray[Any], ...]] = []
    for _ in range(steps):
        actions = rng.uniform(-1.0, 1.0, (env.num_envs, 2))
        observation, rewards, terminated, truncated, _ = env.step(actions)
        life.append((observation, rewards, terminated, truncated, env.params_rows.copy(), env.trace_rows()))
    return life


def assert_same(one: list[tuple[NDArray[Any], ...]], other: list[tuple[NDArray[Any], ...]]) -> None:
    for ours, theirs in zip(one, other, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            assert a.tobytes() == b.tobytes()


def test_same_seed_gives_the_same_bytes() -> None:
    assert_same(
        random_life(TrackVectorEnv("sawmill", 8), 200), random_life(TrackVectorEnv("sawmill", 8), 200)
    )


def test_second_reset_with_the_seed_starts_all_over() -> None:
    env = TrackVectorEnv("oval", 5)
    assert_same(random_life(env, 150), random_life(env, 150))


def test_other_seed_starts_elsewhere_and_unseeded_reset_goes_on() -> None:
    env = TrackVectorEnv("oval", 2)
    first, _ = env.reset(seed=1)
    again, _ = env.reset()
    assert not np.array_equal(first, again)
    other, _ = env.reset(seed=2)
    assert not np.array_equal(first, other)
    TrackVectorEnv("oval", 2).reset()


@settings(max_examples=6)
@given(seed=st.integers(0, 2**31 - 1), n=st.integers(2, 12), name=st.sampled_from(tracks.names()))
def test_batch_of_n_is_n_batches_of_one_bit_for_bit(seed: int, n: int, name: str) -> None:
    batch = TrackVectorEnv(name, n)
    alone = [TrackVectorEnv(name, 1) for _ in range(n)]
    rng = np.random.default_rng(seed)
    together, _ = batch.reset(seed=seed)
    singles = np.concatenate([env.reset(seed=seed + car)[0] for car, env in enumerate(alone)])
    assert together.tobytes() == singles.tobytes()
    for _ in range(60):
        actions = rng.uniform(-1.0, 1.0, (n, 2))
        theirs = [env.step(actions[car : car + 1])[:4] for car, env in enumerate(alone)]
        for ours, single in zip(batch.step(actions)[:4], zip(*theirs, strict=True), strict=True):
            assert np.array_equal(np.asarray(ours), np.concatenate(single))
        rows = np.concatenate([env.params_rows for env in alone])
        assert batch.params_rows.tobytes() == rows.tobytes()


def test_single_environment_is_the_batch_of_one() -> None:
    single, batch = TrackEnv("oval"), TrackVectorEnv("oval", 1)
    rng = np.random.default_rng(5)
    observation, info = single.reset(seed=9)
    assert info["status"] == "prepare"
    expected, _ = batch.reset(seed=9)
    assert np.array_equal(observation, expected[0])
    for _ in range(300):
        action = rng.uniform(-1.0, 1.0, 2)
        observation, reward, terminated, truncated, info = single.step(action)
        expected, rewards, ends, cuts, _ = batch.step(action[None])
        assert (reward, terminated, truncated) == (rewards[0], ends[0], cuts[0])
        assert np.array_equal(observation, batch.final_observation[0])
        if terminated or truncated:
            assert info["status"] == batch.outcomes[0].status.name.lower()
            observation, _ = single.reset()
            assert np.array_equal(observation, expected[0])


def test_ended_episodes_leave_their_last_observation_in_gymnasiums_form() -> None:
    env = TrackVectorEnv("oval", 6, rules=Rules(max_steps=40))
    env.reset(seed=3)
    for step in range(39):
        observation, _, terminated, truncated, infos = env.step(straight(env))
        if step < 5:
            assert infos == {}
    assert truncated.any() or terminated.any()
    ended = terminated | truncated
    assert np.array_equal(infos["_final_obs"], ended)
    for car in range(6):
        if ended[car]:
            assert np.array_equal(infos["final_obs"][car], env.final_observation[car])
            assert not np.array_equal(observation[car], infos["final_obs"][car])
            assert infos["final_info"]["status"][car] == env.outcomes[car].status
        else:
            assert infos["final_obs"][car] is None
            assert np.array_equal(observation[car], env.final_observation[car])


def test_reward_function_gets_the_state_before_the_action_with_the_action() -> None:
    seen: list[Array] = []

    def reward(rows: Array, cars: NDArray[np.int64]) -> Array:
        assert cars.tolist() == [0]
        seen.append(rows.copy())
        return rows[:, params.X]

    env = TrackVectorEnv("oval", 1, actions=THREE, reward=reward, starts=Starts.LINE)
    env.reset(seed=0)
    rewards = [env.step(np.array([action]))[1][0] for action in (1, 2, 1)]
    assert [row[0, params.STEPS] for row in seen] == [2.0, 3.0, 4.0]
    assert seen[0][0, params.X] == pytest.approx(0.14)
    assert seen[0][0, params.PROGRESS] == pytest.approx(100 * 0.14 / env.track.length_m)
    assert [row[0, params.STEERING_ANGLE] for row in seen] == [0.0, 30.0, 0.0]
    assert [row[0, params.SPEED] for row in seen] == [2.0, 1.0, 2.0]
    assert rewards == [row[0, params.X] for row in seen]
    assert rewards[0] < rewards[1] < rewards[2]


def test_last_call_of_an_episode_sees_off_track_and_the_full_lap() -> None:
    last: dict[int, Array] = {}

    def reward(rows: Array, cars: NDArray[np.int64]) -> Array:
        last.update(zip(cars.tolist(), rows.copy(), strict=True))
        return np.zeros(len(rows))

    env = TrackVectorEnv("oval", 1, actions=FULL_RANGE, reward=reward, starts=Starts.LINE)
    env.reset(seed=0)
    while not env.outcomes:
        env.step(straight(env, 3.0))
    assert last[0][params.IS_OFFTRACK] == 1.0
    assert env.outcomes[0].status is Status.OFF_TRACK
    assert (env.step(straight(env))[2]).sum() == 0
    assert last[0][params.STEPS] == 2.0
    while not env.outcomes:
        _, _, terminated, truncated, infos = env.step(pursuit(env, 1.5))
    assert last[0][params.PROGRESS] == 100.0
    assert (terminated[0], truncated[0]) == (False, True)
    assert infos["final_info"]["lap_time_ms"][0] == env.outcomes[0].lap_time_ms


def test_default_reward_is_the_progress_made_less_the_price_of_leaving() -> None:
    env = TrackVectorEnv("oval", 1, starts=Starts.LINE)
    env.reset(seed=0)
    before = env.progress[0]
    total = sum(env.step(pursuit(env))[1][0] for _ in range(50))
    assert total == pytest.approx(env.progress[0] - before)
    rewards = []
    while not env.outcomes:
        rewards.append(env.step(straight(env, 3.0))[1][0])
    assert rewards[-1] < -4.0
    assert min(rewards[:-1]) > -0.5


def test_starts_are_spread_evenly_and_stand_on_the_road() -> None:
    for name in tracks.names():
        env = TrackVectorEnv(name, 64)
        for _ in range(5):
            env.reset(seed=11) if env.status[0] != Status.PREPARE else env.reset()
            gaps = np.diff(np.sort(env.location.s_m)) / env.track.length_m
            assert gaps.max() < 3.0 / 64
            assert np.abs(env.location.offset_m).max() < 0.25
            env.step(straight(env))
            assert np.all(env.params_rows[:, params.ALL_WHEELS_ON_TRACK] == 1.0)
            assert env.progress == pytest.approx(100 * 0.14 / env.track.length_m, rel=0.5)


def test_observation_columns_mean_what_they_are_called(oval: Track) -> None:
    env = TrackVectorEnv(oval, 1, starts=Starts.LINE)
    observation, _ = env.reset(seed=0)
    seen = dict(zip(OBSERVATION_COLUMNS, observation[0].tolist(), strict=True))
    assert len(seen) == 28
    assert observation.dtype == np.float32
    assert [seen[name] for name in ("speed", "steering", "yaw_rate")] == [0.0, 0.0, 0.0]
    assert seen["offset"] == pytest.approx(0.0, abs=1e-6)
    assert (seen["heading_error_sin"], seen["heading_error_cos"]) == pytest.approx((0.0, 1.0), abs=1e-6)
    # On a straight the point 1.2 m ahead is 1.2 m forward; it is divided by 1.2 + 0.5.
    assert seen["ahead_1.2_forward"] == pytest.approx(1.2 / 1.7, abs=0.01)
    assert seen["ahead_1.2_left"] == pytest.approx(0.0, abs=1e-4)
    assert seen["ahead_5.0_left"] > 0.1, "the first bend goes to the left"
    env.step(straight(env, 4.0, 30.0))
    later = dict(zip(OBSERVATION_COLUMNS, env.final_observation[0].tolist(), strict=True))
    assert later["speed"] == pytest.approx(env.state[3, 0] / 4.0)
    assert later["steering"] > 0.0
    assert later["heading_error_sin"] > 0.0


@settings(max_examples=10)
@given(seed=st.integers(0, 2**31 - 1), name=st.sampled_from(tracks.names()))
def test_readings_of_random_drives_stay_within_their_space(seed: int, name: str) -> None:
    env = TrackVectorEnv(name, 32, actions=FULL_RANGE, spec=V6)
    rng = np.random.default_rng(seed)
    env.reset(seed=seed)
    for _ in range(120):
        observation, *_ = env.step(rng.uniform(-1.0, 1.0, (32, 2)))
        assert np.abs(env.final_observation).max() < 6.0
        assert env.observation_space.contains(observation)
        assert np.isfinite(env.params_rows).all()
        assert env.params_rows.shape == (32, len(COLUMNS))


def test_wrong_number_of_cars_and_seeds_is_refused() -> None:
    with pytest.raises(ValueError, match="one car or more, got num_envs=0"):
        TrackVectorEnv("oval", 0)
    with pytest.raises(ValueError, match=r"one seed per car \(3\), got 2"):
        TrackVectorEnv("oval", 3).reset(seed=[1, 2])
    env = TrackVectorEnv("oval", 2)
    env.reset(seed=[7, 8])
    same = TrackVectorEnv("oval", 2)
    same.reset(seed=7)
    assert np.array_equal(env.state, same.state)


def test_large_batch_is_its_cars_alone_bit_for_bit() -> None:
    batch = TrackVectorEnv("cathedral", 131)
    batch.reset(seed=0)
    rng = np.random.default_rng(2)
    actions = rng.uniform(-1.0, 1.0, (60, 131, 2))
    for step in actions:
        batch.step(step)
    for car in (0, 1, 64, 129, 130):
        single = TrackVectorEnv("cathedral", 1)
        single.reset(seed=car)
        for step in actions:
            single.step(step[car : car + 1])
        assert single.state[:, 0].tobytes() == batch.state[:, car].tobytes()
        assert single.final_observation.tobytes() == batch.final_observation[car].tobytes()


def test_misuse_is_answered_with_what_was_expected() -> None:
    env = TrackVectorEnv("oval", 2)
    with pytest.raises(gymnasium.error.ResetNeeded, match="before the first step"):
        env.step(np.zeros((2, 2)))
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"one action per car \(2\), got 1"):
        env.step(np.zeros((1, 2)))
    with pytest.raises(ValueError, match=r"shape \(2,\)"):
        env.step(np.zeros(2))
    miser = TrackVectorEnv("oval", 2, reward=lambda rows, cars: np.zeros(1))
    miser.reset(seed=0)
    with pytest.raises(ValueError, match=r"one reward per car \(2\), got shape \(1,\)"):
        miser.step(np.zeros((2, 2)))
