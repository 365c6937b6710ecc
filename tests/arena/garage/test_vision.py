"""Policies that see pictures: what learns, what races and what a file may ask for."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
import torch

from arena.garage import racing
from arena.garage.policy import HEADER_KEY, Policy, PolicyError
from arena.garage.settings import ModelMetadata
from arena.garage.training import Training, train
from arena.garage.training_vision import SHAPES, Eyes
from arena.garage.vision import Shape, VisionError, features_of, seen, shapes_of
from simulator.actions import DEFAULT_ACTIONS
from simulator.rules import Rules
from simulator.sensors.rows import choice, columns_of, picture_shape, row_space, senses_of
from simulator.sensors.suite import Sensor
from simulator.track import Track
from tests.arena.garage.conftest import PROGRESS_REWARD

FRONT = (Sensor.FRONT_FACING_CAMERA,)


def trained(oval: Track, *sensors: str) -> Training:
    return train(PROGRESS_REWARD, oval, metadata=ModelMetadata(sensors=sensors), steps=1_024, seed=3)


@pytest.fixture(scope="module")
def policy(oval: Track) -> Policy:
    return trained(oval, "FRONT_FACING_CAMERA").policy


@pytest.mark.parametrize("sensors", [FRONT, (Sensor.STEREO_CAMERAS, Sensor.VECTOR)])
def test_the_eyes_see_the_same_in_numpy_as_in_pytorch(sensors: tuple[Sensor, ...]) -> None:
    senses = choice(sensors)
    pixels = picture_shape(senses)
    assert pixels is not None
    torch.manual_seed(0)
    eyes = Eyes(row_space(senses), pixels)
    count = len(columns_of(sensors))
    rows = np.random.default_rng(0).integers(0, 256, (5, count)).astype(np.uint8)
    with torch.no_grad():
        expected = eyes(torch.from_numpy(rows)).numpy()
    own = [seen(row.astype(np.float64), pixels, eyes.as_arrays()) for row in rows]
    assert expected.shape[1] == eyes.features_dim
    np.testing.assert_allclose(own, expected, atol=1e-5)


def test_the_same_training_by_pictures_gives_the_same_bytes(policy: Policy, oval: Track) -> None:
    again = trained(oval, "FRONT_FACING_CAMERA").policy
    assert again.to_bytes() == policy.to_bytes()
    assert policy.columns == columns_of(FRONT)


def test_a_policy_that_sees_survives_saving_and_loading(policy: Policy, tmp_path: Path) -> None:
    policy.save(tmp_path)
    again = Policy.load(tmp_path)
    rows = np.random.default_rng(1).integers(0, 256, (3, len(policy.columns))).astype(np.float32)
    np.testing.assert_array_equal(again.act(rows), policy.act(rows))
    np.testing.assert_array_equal(again.act(rows[1:2])[0], policy.act(rows)[1])
    assert again.to_bytes() == policy.to_bytes()
    assert "observation_columns" not in policy.header()


def test_cars_with_other_eyes_race_each_other_and_the_reference_driver(policy: Policy, oval: Track) -> None:
    lidar = trained(oval, "observation", "SECTOR_LIDAR").policy
    blind = trained(oval, "observation").policy
    rules = replace(Rules.object_avoidance(1), max_steps=150)
    heat = racing.head_to_head([policy, lidar, blind, racing.REFERENCE], oval, laps=1, rules=rules)
    assert heat.order[0] == 3
    assert heat.trials[3].finished


def test_a_lidar_is_learnt_by_without_pictures(oval: Track) -> None:
    policy = trained(oval, "BORDER_LIDAR").policy
    assert not policy.convolutions
    assert senses_of(policy.columns).sensors == (Sensor.BORDER_LIDAR,)
    assert Policy.from_bytes(policy.to_bytes()).columns == policy.columns


def altered(policy: Policy, change: Callable[[dict[str, Any], dict[str, Any]], Any]) -> bytes:
    tensors = safetensors.numpy.load(policy.to_bytes())
    header: dict[str, Any] = dict(policy.header())
    change(header, tensors)
    return safetensors.numpy.save(tensors, metadata={HEADER_KEY: json.dumps(header)})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda header, _: header.update(convolutions=[]), "list of 1 to 4"),
        (lambda header, _: header.update(convolutions=None), "list of 1 to 4"),
        (lambda header, _: header.update(convolutions=header["convolutions"] * 9), "list of 1 to 4"),
        (lambda header, _: header["convolutions"][0].update(filters=10**9), "filters must be 1 to 64"),
        (lambda header, _: header["convolutions"][0].update(stride=0), "stride must be 1 to 8"),
        (lambda header, _: header["convolutions"][0].update(kernel=True), "kernel must be 1 to 8"),
        (lambda header, _: header["convolutions"][0].update(padding=1), "must have filters, kernel, stride"),
        (lambda header, _: header["convolutions"][0].update(filters=64, stride=1), "multiplications"),
        (lambda header, _: header["convolutions"][0].update(filters=7), "expected float32 of shape"),
        (lambda header, _: header["convolutions"][1].update(kernel=8), "too small"),
        (lambda header, _: header.update(sensors=["front_facing_camera", "left_camera"]), "expected one of"),
        (lambda header, _: header.update(sensors=["lidar"]), "must have a camera"),
        (lambda header, _: header.update(sensors=["x-ray"]), "expected sensors out of"),
        (lambda header, _: header.update(sensors=7), "expected sensors out of"),
        (lambda header, _: header.update(picture={"width": 160, "height": 120}), "Pictures are 40 x 30"),
        (lambda header, _: header.update(layers=[1, 64, 2]), "first layer's size"),
        (lambda _, tensors: tensors.pop("convolution0.bias"), "Expected the arrays"),
        (lambda _, tensors: tensors["convolution0.weight"].fill(np.nan), "not finite"),
        (lambda _, tensors: tensors["convolution1.bias"].fill(np.inf), "not finite"),
    ],
)
def test_a_file_that_lies_about_its_eyes_is_refused(
    policy: Policy, change: Callable[[dict[str, Any], dict[str, Any]], Any], words: str
) -> None:
    with pytest.raises(PolicyError, match=words):
        Policy.from_bytes(altered(policy, change))


def test_convolutions_of_a_milliard_multiplications_are_refused() -> None:
    shapes = shapes_of([{"filters": 64, "kernel": 8, "stride": 1}] * 3)
    with pytest.raises(VisionError, match="multiplications"):
        features_of(shapes, (120, 160, 1))


def test_our_own_network_is_far_within_the_bounds() -> None:
    assert features_of(SHAPES, (30, 40, 1)) < 500
    with pytest.raises(VisionError, match="too small"):
        features_of((Shape(8, 8, 8), Shape(8, 8, 1)), (30, 40, 1))


def test_a_policy_without_convolutions_may_not_promise_pictures(policy: Policy) -> None:
    with pytest.raises(PolicyError):
        Policy(policy.layers, DEFAULT_ACTIONS, columns_of((Sensor.VECTOR,)), convolutions=policy.convolutions)
