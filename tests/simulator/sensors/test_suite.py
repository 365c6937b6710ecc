"""Senses in the environments: spaces, batches, episodes' ends, seeds."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import simulator
from simulator.env import TrackEnv, TrackVectorEnv
from simulator.rules import Rules
from simulator.sensors.boxes import Boxes
from simulator.sensors.suite import Senses, Sensor, copied, picked

EVERYTHING = tuple(Sensor)
SMALL = Senses(EVERYTHING, image_width=40, image_height=30, random_colours=True)


def flat(observation: Any) -> bytes:
    """Return an observation as bytes."""
    parts = observation.values() if isinstance(observation, dict) else [observation]
    return b"".join(np.ascontiguousarray(part).tobytes() for part in parts)


def random_life(env: TrackVectorEnv, steps: int, seed: int = 0) -> list[bytes]:
    rng = np.random.default_rng(seed)
    life = [flat(env.reset(seed=seed)[0])]
    for _ in range(steps):
        observation, *_ = env.step(rng.uniform(-1.0, 1.0, (env.num_envs, 2)))
        life += [flat(observation), flat(env.final_observation)]
    return life


def test_default_is_the_plain_vector() -> None:
    env = TrackVectorEnv("oval", 3)
    assert env.single_observation_space.shape == (28,)
    assert env.reset(seed=0)[0].shape == (3, 28)


@pytest.mark.parametrize("sensor", Sensor)
def test_one_sensor_gives_its_own_space(sensor: Sensor) -> None:
    env = TrackVectorEnv("oval", 3, sensors=sensor)
    observation, _ = env.reset(seed=0)
    assert not isinstance(env.single_observation_space, gymnasium.spaces.Dict)
    assert env.observation_space.contains(observation)
    assert env.observation_space.contains(env.step(env.action_space.sample())[0])
    assert env.single_observation_space.contains(picked(observation, 1))


def test_shapes_are_those_of_the_real_car() -> None:
    shapes = {str(sensor): Senses.of(sensor).space.shape for sensor in Sensor}
    assert shapes == {
        "vector": (28,),
        "object_vector": (36,),
        "front_facing_camera": (120, 160, 1),
        "left_camera": (120, 160, 1),
        "stereo_cameras": (120, 160, 2),
        "lidar": (64,),
        "sector_lidar": (8,),
        "discretized_sector_lidar": (64,),
        "border_lidar": (64,),
    }


def test_several_sensors_give_a_dict_whose_parts_agree_with_the_sensors_alone() -> None:
    names = ("vector", "FRONT_FACING_CAMERA", "stereo_cameras")
    together, _ = TrackVectorEnv("harbour", 2, sensors=names).reset(seed=5)
    assert list(together) == ["vector", "front_facing_camera", "stereo_cameras"]
    for name in together:
        alone, _ = TrackVectorEnv("harbour", 2, sensors=name).reset(seed=5)
        assert np.array_equal(alone, together[name])
    assert not np.array_equal(*np.moveaxis(together["stereo_cameras"], -1, 0))


@pytest.mark.parametrize("choice", ["radar", ["vector", "radar"], [], ["vector", "vector"]])
def test_unknown_missing_or_doubled_sensors_are_refused(choice: str | list[str]) -> None:
    with pytest.raises(ValueError, match=r"expected (sensors out of vector, .* got 'radar'|one or more)"):
        TrackVectorEnv("oval", sensors=choice)


@settings(max_examples=4)
@given(seed=st.integers(0, 2**31 - 1), n=st.integers(2, 5))
def test_batch_of_n_is_n_batches_of_one_with_all_senses(seed: int, n: int) -> None:
    rules = Rules(max_steps=9)
    batch = TrackVectorEnv("sawmill", n, sensors=SMALL, rules=rules)
    alone = [TrackVectorEnv("sawmill", 1, sensors=SMALL, rules=rules) for _ in range(n)]
    rng = np.random.default_rng(seed)
    together = batch.reset(seed=seed)[0]
    singles = [env.reset(seed=seed + car)[0] for car, env in enumerate(alone)]
    for _ in range(25):
        for car in range(n):
            assert flat(picked(together, car)) == flat(singles[car])
        actions = rng.uniform(-1.0, 1.0, (n, 2))
        together = batch.step(actions)[0]
        singles = [env.step(actions[car : car + 1])[0] for car, env in enumerate(alone)]
        for car, env in enumerate(alone):
            assert flat(picked(batch.final_observation, car)) == flat(env.final_observation)


def test_same_seed_same_senses_other_seed_other_senses() -> None:
    env = TrackVectorEnv("oval", 3, sensors=SMALL)
    first = random_life(env, 30)
    assert random_life(env, 30) == first
    assert random_life(TrackVectorEnv("oval", 3, sensors=SMALL), 30) == first
    assert random_life(env, 30, seed=1)[0] != first[0]


def test_ended_drives_report_their_last_observation_in_gymnasiums_form() -> None:
    env = TrackVectorEnv("oval", 2, sensors=("vector", "front_facing_camera"), rules=Rules(max_steps=3))
    env.reset(seed=0)
    infos: dict[str, Any] = {}
    while not infos:
        observation, *_, infos = env.step(np.zeros((2, 2)))
    for car in range(2):
        final = infos["final_obs"][car]
        assert env.single_observation_space.contains(final)
        assert flat(final) == flat(picked(env.final_observation, car))
        assert flat(final) != flat(picked(observation, car))


def test_colours_change_from_episode_to_episode_and_not_within() -> None:
    senses = Senses((Sensor.FRONT_FACING_CAMERA,), 40, 30, random_colours=True)
    env = TrackVectorEnv("oval", 1, sensors=senses, rules=Rules(max_steps=6))
    seen, final = [int(env.reset(seed=0)[0][0, 0, 0, 0])], []
    for _ in range(13):
        seen.append(int(env.step(np.zeros((1, 2)))[0][0, 0, 0, 0]))
        final.append(int(env.final_observation[0, 0, 0, 0]))
    assert len(set(seen)) == 3
    assert seen == sorted(seen, key=seen.index)
    changes = [step for step in range(13) if final[step] != seen[step + 1]]
    assert len(changes) == 2
    assert all(final[step] == seen[step] for step in changes)


def test_single_environment_sees_what_the_batch_of_one_sees() -> None:
    single = TrackEnv("oval", sensors=SMALL, rules=Rules(max_steps=5))
    batch = TrackVectorEnv("oval", 1, sensors=SMALL, rules=Rules(max_steps=5))
    assert flat(single.reset(seed=2)[0]) == flat(picked(batch.reset(seed=2)[0], 0))
    for _ in range(12):
        observation, _, terminated, truncated, _ = single.step(np.zeros(2))
        following = batch.step(np.zeros((1, 2)))[0]
        assert flat(observation) == flat(picked(batch.final_observation, 0))
        if terminated or truncated:
            assert flat(single.reset()[0]) == flat(picked(following, 0))


def test_returned_observations_are_the_callers_own() -> None:
    env = TrackVectorEnv("oval", 2, sensors=("vector", "front_facing_camera"))
    observation, _ = env.reset(seed=0)
    before = copied(env.final_observation)
    observation["front_facing_camera"][:] = 0
    assert flat(env.final_observation) == flat(before)


def test_objects_reach_cameras_and_lidars() -> None:
    env = TrackVectorEnv("oval", 2, sensors=Senses(EVERYTHING, lidar_noise=False))
    env.reset(seed=0)
    suite, now = env._sensors, env._now
    cars, nobody = np.arange(2), np.zeros(2, dtype=np.bool_)
    beside = np.column_stack([now.nose_x - 0.3 * now.sin, now.nose_y + 0.3 * now.cos])
    ahead = np.column_stack([now.nose_x + now.cos, now.nose_y + now.sin])
    boxes = Boxes.at(np.stack([beside, ahead], axis=1), now.yaw_rad[:, None])
    empty, full = suite.observe(now, cars, nobody), suite.observe(now, cars, nobody, boxes=boxes)
    for name in set(map(str, Sensor)) - {"vector", "object_vector", "border_lidar"}:
        assert not np.array_equal(empty[name], full[name])
    assert np.array_equal(empty["vector"], full["vector"])


@pytest.mark.parametrize("env_id", simulator.SENSORS_OF_ID)
def test_registered_environments_are_made_in_batches(env_id: str) -> None:
    simulator.register_envs()
    made = gymnasium.make_vec(env_id, num_envs=2, vectorization_mode="vector_entry_point")
    observation, _ = made.reset(seed=1)
    assert made.observation_space.contains(observation)
    assert isinstance(made.unwrapped, TrackVectorEnv)
    assert made.unwrapped.senses == Senses.of(simulator.SENSORS_OF_ID[env_id])
