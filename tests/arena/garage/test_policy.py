"""A policy is a few arrays with an honest header; everything else is refused before it drives."""

from __future__ import annotations

import itertools
import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st

from arena.garage.policy import WEIGHTS_FILE, Output, Policy, PolicyError
from simulator.actions import DEFAULT_ACTIONS, ActionSpace, Discrete
from simulator.sensors import OBSERVATION_COLUMNS

INPUTS = len(OBSERVATION_COLUMNS)
FIVE = Discrete(tuple((float(angle), 1.0) for angle in (-30, -15, 0, 15, 30)))


def random_policy(actions: ActionSpace = DEFAULT_ACTIONS, seed: int = 0) -> Policy:
    generator = np.random.default_rng(seed)
    sizes = (INPUTS, 64, 64, len(actions.actions) if isinstance(actions, Discrete) else 2)
    layers = tuple(
        (
            generator.normal(size=(outputs, inputs)).astype(np.float32).astype(np.float64),
            generator.normal(size=outputs).astype(np.float32).astype(np.float64),
        )
        for inputs, outputs in itertools.pairwise(sizes)
    )
    return Policy(layers, actions, about={"track": "oval"})


def observations(count: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(1).normal(size=(count, INPUTS)).astype(np.float32)


@pytest.mark.parametrize("actions", [DEFAULT_ACTIONS, FIVE])
def test_a_policy_survives_saving_and_loading(actions: ActionSpace, tmp_path: Path) -> None:
    policy = random_policy(actions)
    policy.save(tmp_path)
    again = Policy.load(tmp_path)
    assert again.to_bytes() == policy.to_bytes() == (tmp_path / WEIGHTS_FILE).read_bytes()
    np.testing.assert_array_equal(again.act(observations(5)), policy.act(observations(5)))
    assert again.actions == actions
    assert again.about == {"track": "oval"}
    assert json.loads((tmp_path / "policy.json").read_text()) == policy.header()


def test_an_action_does_not_depend_on_the_batch_it_is_computed_in() -> None:
    policy, seen = random_policy(), observations(33)
    together = policy.outputs(seen)
    for row in range(len(seen)):
        np.testing.assert_array_equal(policy.outputs(seen[row : row + 1])[0], together[row])


def test_actions_are_the_clipped_mean_or_the_preferred_one() -> None:
    assert np.abs(random_policy().act(observations(50))).max() == 1.0
    discrete = random_policy(FIVE)
    np.testing.assert_array_equal(
        discrete.act(observations(50)), discrete.outputs(observations(50)).argmax(axis=1)
    )
    assert set(discrete.commands(observations(50))[:, 0]) <= {-30.0, -15.0, 0.0, 15.0, 30.0}


def test_a_squashed_policy_acts_by_the_tanh_of_its_outputs_and_says_so_in_its_header() -> None:
    squashed = replace(random_policy(), output=Output.TANH)
    again = Policy.from_bytes(squashed.to_bytes())
    assert (again.output, again.header()["output"]) == (Output.TANH, "tanh")
    np.testing.assert_array_equal(again.act(observations(5)), np.tanh(again.outputs(observations(5))))
    assert "output" not in random_policy().header()


def altered(change: Callable[[dict[str, Any], dict[str, Any]], None]) -> bytes:
    """Return the bytes of a policy whose header and tensors were changed."""
    data = random_policy().to_bytes()
    tensors = {name: array.copy() for name, array in safetensors.numpy.load(data).items()}
    length = int.from_bytes(data[:8], "little")
    header = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["apex_arena"])
    change(header, tensors)
    return safetensors.numpy.save(tensors, metadata={"apex_arena": json.dumps(header)})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda header, tensors: header.update(format="other"), "format"),
        (lambda header, tensors: header.update(version=99), "version"),
        (lambda header, tensors: header.update(activation="relu"), "tanh"),
        (lambda header, tensors: header.update(layers=[INPUTS, 32, 64, 2]), "expected float32 of shape"),
        (lambda header, tensors: header.update(layers=[INPUTS, 64, 64, 64, 2]), "Expected the arrays"),
        (lambda header, tensors: header.update(layers=[INPUTS, 10**9, 2]), "from 1 to 512"),
        (lambda header, tensors: header.update(layers=["a", 2]), "whole number"),
        (lambda header, tensors: header.update(layers=3), "list"),
        (lambda header, tensors: header.update(observation_columns=["x"] * INPUTS), "other columns"),
        (lambda header, tensors: header.pop("action_space"), "no action_space"),
        (lambda header, tensors: header.update(action_space=[]), "action_space_type"),
        (
            lambda header, tensors: (
                header.update(action_space=[{"speed": 1, "steering_angle": 90}] * 2)
                or header.update(action_space_type="discrete")
            ),
            "-30 to 30",
        ),
        (
            lambda header, tensors: (
                header.update(action_space=[{"speed": 1, "steering_angle": 0}] * 5)
                or header.update(action_space_type="discrete")
            ),
            "5 outputs",
        ),
        (lambda header, tensors: tensors.pop("layer2.bias"), "Expected the arrays"),
        (lambda header, tensors: tensors.update(extra=np.zeros(3, np.float32)), "Expected the arrays"),
        (lambda header, tensors: tensors["layer0.weight"].fill(np.nan), "not finite"),
        (lambda header, tensors: tensors["layer1.bias"].fill(np.inf), "not finite"),
        (lambda header, tensors: tensors.update({"layer1.bias": np.zeros(64)}), "float64"),
    ],
)
def test_a_header_that_lies_is_refused(
    change: Callable[[dict[str, Any], dict[str, Any]], None], words: str
) -> None:
    with pytest.raises(PolicyError, match=words):
        Policy.from_bytes(altered(change))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"short",
        pickle.dumps({"layer0.weight": 1}),
        (10**15).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"{}",
        (60_000).to_bytes(8, "little") + b"[" * 60_000,
        safetensors.numpy.save({"a": np.zeros(2, np.float32)}),
        random_policy().to_bytes()[:-4],
        b"\0" * 5_000_000,
    ],
)
def test_what_is_no_policy_is_refused(data: bytes) -> None:
    with pytest.raises(PolicyError):
        Policy.from_bytes(data)


@given(st.integers(0, 2_000), st.integers(0, 255))
def test_a_flipped_byte_in_the_header_never_escapes_the_checks(place: int, value: int) -> None:
    data = bytearray(random_policy().to_bytes())
    data[place] = value
    try:
        policy = Policy.from_bytes(bytes(data))
    except PolicyError:
        return
    assert np.isfinite(policy.outputs(observations(1))).all()


def test_a_folder_without_a_policy_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="Train one first"):
        Policy.load(tmp_path)
