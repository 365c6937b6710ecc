"""An exported policy acts as the policy itself, says what it is, and is given away only with proof."""

from __future__ import annotations

import gzip
import io
import itertools
import json
import tarfile
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from arena.garage import bundle
from arena.garage.equivalence import MAX_ACTION_DIFFERENCE, compare
from arena.garage.onnx_files import to_onnx
from arena.garage.policy import HEADER_KEY, Output, Policy
from arena.garage.settings import ModelMetadata, parse_model_metadata
from arena.garage.uploads import open_policy
from arena.garage.verdicts import EntrantFault
from arena.garage.vision import Convolution
from simulator.actions import DEFAULT_ACTIONS, ActionSpace, Discrete
from simulator.car import CLASSIC
from simulator.course import Course
from simulator.sensors.objects import OBJECT_VECTOR_COLUMNS
from simulator.sensors.rows import choice, columns_of, picture_shape
from simulator.sensors.suite import Sensor
from simulator.track import Track
from tests.arena.garage.onnx_making import COUNT, FIVE, choosing_policy, model, steering_policy, weights


def trained_like(actions: ActionSpace, columns: tuple[str, ...]) -> Policy:
    """Weights of the size that training gives: 1/sqrt(inputs)."""
    generator = np.random.default_rng(7)
    sizes = (len(columns), 64, 64, len(actions.actions) if isinstance(actions, Discrete) else 2)
    layers = []
    for inputs, outputs in itertools.pairwise(sizes):
        weight = generator.normal(size=(outputs, inputs)) / np.sqrt(inputs)
        layers.append((weight.astype(np.float32).astype(np.float64), np.full(outputs, 0.125)))
    return Policy(tuple(layers), actions, columns)


@pytest.mark.parametrize("actions", [DEFAULT_ACTIONS, FIVE])
@pytest.mark.parametrize("columns", [steering_policy().columns, OBJECT_VECTOR_COLUMNS])
def test_onnxruntime_acts_as_the_policy_does(actions: ActionSpace, columns: tuple[str, ...]) -> None:
    policy = trained_like(actions, columns)
    session = onnxruntime.InferenceSession(to_onnx(policy), providers=["CPUExecutionProvider"])
    seen = np.random.default_rng(1).uniform(-2, 2, (2_000, len(columns))).astype(np.float32)
    action, command = session.run(["action", "command"], {"observation": seen})
    assert np.abs(action - policy.act(seen)).max() <= MAX_ACTION_DIFFERENCE
    np.testing.assert_allclose(command, policy.commands(seen), atol=1e-3)
    if isinstance(actions, Discrete):
        (preferences,) = session.run(["preferences"], {"observation": seen})
        np.testing.assert_allclose(preferences, policy.outputs(seen), atol=1e-5)


def seeing_policy(*sensors: Sensor) -> Policy:
    """Random weights behind two convolutions, and behind the readings of the other sensors."""
    columns, generator = columns_of(sensors), np.random.default_rng(3)
    height, width, pictures = picture_shape(choice(sensors)) or (0, 0, 0)

    def drawn(*shape: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        weight = generator.normal(size=shape) / np.sqrt(np.prod(shape[1:]))
        return weight.astype(np.float32).astype(np.float64), np.full(shape[0], 0.125)

    convolutions = (Convolution(*drawn(4, pictures, 8, 8), 4), Convolution(*drawn(8, 4, 3, 3), 2))
    features = 8 * 2 * 4  # 30 x 40 pixels become 6 x 9, these 2 x 4
    readings = len(columns) - height * width * pictures
    layers = (drawn(16, features + readings), drawn(2, 16))
    return Policy(layers, DEFAULT_ACTIONS, columns, output=Output.TANH, convolutions=convolutions)


@pytest.mark.parametrize(
    "sensors", [(Sensor.FRONT_FACING_CAMERA,), (Sensor.VECTOR, Sensor.LIDAR, Sensor.STEREO_CAMERAS)]
)
def test_a_policy_that_sees_pictures_is_exported_with_its_eyes(sensors: tuple[Sensor, ...]) -> None:
    policy, chance = seeing_policy(*sensors), np.random.default_rng(5)
    pixels = 1200 * (2 if Sensor.STEREO_CAMERAS in sensors else 1)
    seen = chance.uniform(-1, 1, (20, len(policy.columns))).astype(np.float32)
    seen[:, -pixels:] = chance.integers(0, 256, (20, pixels))
    with open_policy(to_onnx(policy)) as exported:
        assert exported.columns == policy.columns
        assert np.abs(exported.act(seen) - policy.act(seen)).max() <= MAX_ACTION_DIFFERENCE
    text = bundle.readme(policy)
    first, last = len(policy.columns) - pixels, len(policy.columns) - 1
    assert f"| {first} to {last} | `{sensors[-1]}` | grey picture of 40 x 30 pixels" in text
    assert "convolutions" in text


def test_a_network_of_another_trainer_may_see_pictures() -> None:
    metadata = ModelMetadata(sensors=("FRONT_FACING_CAMERA",))
    with open_policy(model(arrays=[weights(1200)], shape=(1, 1200)), metadata) as network:
        assert network.columns == columns_of((Sensor.FRONT_FACING_CAMERA,))
    with pytest.raises(EntrantFault) as caught, open_policy(model(), metadata):
        pass
    assert "Expected observation, float32 [1, 1200]: FRONT_FACING_CAMERA." in caught.value.message


def test_the_file_says_what_it_sees_and_does() -> None:
    policy = choosing_policy()
    written = onnx.load_from_string(to_onnx(policy))
    (entry,) = written.metadata_props
    header = json.loads(entry.value)
    assert entry.key == HEADER_KEY
    assert header["observation_columns"] == list(policy.columns)
    assert len(header["action_space"]) == 5
    assert header["car"]
    assert (written.producer_name, len(written.producer_version) > 0) == ("apex-arena", True)


def test_equal_policies_give_equal_bytes() -> None:
    assert to_onnx(steering_policy()) == to_onnx(steering_policy())
    assert bundle.car_bundle(steering_policy(), b"x") == bundle.car_bundle(steering_policy(), b"x")


@pytest.mark.parametrize("policy", [steering_policy(), choosing_policy()])
def test_an_export_is_proven_by_its_laps(policy: Policy, oval: Track) -> None:
    with open_policy(to_onnx(policy)) as exported:
        found = compare(policy, exported, Course(oval), CLASSIC)
    assert found.same
    assert len(found.exported_lap_times_ms) == 3
    assert found.observations > 900


def test_another_policy_is_not_the_same(oval: Track) -> None:
    found = compare(steering_policy(), steering_policy(gain=2.1), Course(oval), CLASSIC)
    assert not found.same
    assert found.lap_times_ms != found.exported_lap_times_ms


def test_a_car_bundle_has_all_that_is_needed_to_drive() -> None:
    policy = choosing_policy()
    model = to_onnx(policy)
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(bundle.car_bundle(policy, model)))) as archive:
        files = {member.name: archive.extractfile(member) for member in archive.getmembers()}
        content = {name: file.read() for name, file in files.items() if file}
    assert content["policy.onnx"] == model
    assert Policy.from_bytes(content["policy.safetensors"]).to_bytes() == policy.to_bytes()
    assert parse_model_metadata(content["model_metadata.json"].decode()) == ModelMetadata(policy.actions)
    text = content["README.md"].decode()
    assert all(f"| {place} | `{name}` |" in text for place, name in enumerate(policy.columns))
    assert f"float32 [1, {COUNT}]" in text
    assert "trained on oval" in text


def test_the_bundle_of_a_car_that_sees_objects_explains_those_too() -> None:
    text = bundle.readme(trained_like(DEFAULT_ACTIONS, OBJECT_VECTOR_COLUMNS))
    assert "`object_2_left`" in text
