"""Each key of a hyperparameters.json has its effect on the weights, or its answer, and its errors."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache

import numpy as np
import pytest

from arena.garage.hyperparameters import Hyperparameters, parse_hyperparameters
from arena.garage.progress import Meter
from arena.garage.settings import Algorithm, ModelMetadata
from arena.garage.training import Training, train
from arena.garage.verdicts import EntrantFault, Verdict
from simulator import tracks
from simulator.actions import Discrete
from simulator.laps import Outcome
from simulator.rules import Status
from tests.arena.garage.conftest import PROGRESS_REWARD

STEPS = 1024
SAC = ModelMetadata(algorithm=Algorithm.SAC)
TWO = ModelMetadata(Discrete(((-25.0, 1.0), (25.0, 1.0))))
REWARD = np.array([2.0])
ENDED = Outcome(Status.OFF_TRACK, 10, 5.0, (), 1, 0, 0)
ONE_EPOCH = {"num_epochs": 1}


@lru_cache
def weights(settings: str = "{}", metadata: ModelMetadata = ModelMetadata()) -> str:  # noqa: B008  (frozen)
    """Return a hash of what a few steps with a file of settings lead to. All have one seed: 1."""
    hyperparameters = parse_hyperparameters(settings, metadata.algorithm)
    return policy_hash(training_of(hyperparameters, metadata))


def training_of(hyperparameters: Hyperparameters, metadata: ModelMetadata, steps: int = STEPS) -> Training:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("arena.garage.training_recipe.Recipe.seed", lambda *_: 1)
        track = tracks.load("oval")
        return train(PROGRESS_REWARD, track, steps=steps, metadata=metadata, hyperparameters=hyperparameters)


def policy_hash(training: Training) -> str:
    layers = b"".join(weight.tobytes() for weight, _ in training.policy.layers)
    return hashlib.sha256(layers).hexdigest()


@pytest.mark.parametrize(
    ("key", "value", "metadata"),
    [
        ("batch_size", 64, ModelMetadata()),
        ("num_epochs", 2, ModelMetadata()),
        ("lr", 3e-4, ModelMetadata()),
        ("beta_entropy", 0.1, TWO),
        ("discount_factor", 0.9, ModelMetadata()),
        ("loss_type", "huber", ModelMetadata()),
        ("num_episodes_between_training", 5, ModelMetadata()),
        ("term_cond_max_episodes", 1, ModelMetadata()),
        ("batch_size", 64, SAC),
        ("num_epochs", 2, SAC),
        ("lr", 3e-4, SAC),
        ("discount_factor", 0.9, SAC),
        ("loss_type", "huber", SAC),
        ("num_episodes_between_training", 40, SAC),
        ("sac_alpha", 0.6, SAC),
    ],
)
def test_a_key_with_an_effect_changes_the_weights(key: str, value: object, metadata: ModelMetadata) -> None:
    assert weights(json.dumps(ONE_EPOCH | {key: value}), metadata) != weights(json.dumps(ONE_EPOCH), metadata)


@pytest.mark.parametrize(
    ("key", "value", "algorithm"),
    [
        ("exploration_type", "e-greedy", Algorithm.PPO),
        ("e_greedy_value", 0.2, Algorithm.PPO),
        ("epsilon_steps", 5, Algorithm.PPO),
        ("stack_size", 4, Algorithm.PPO),
        ("sac_alpha", 0.5, Algorithm.PPO),
        ("beta_entropy", 0.5, Algorithm.SAC),
    ],
)
def test_a_key_without_an_effect_says_so(key: str, value: object, algorithm: Algorithm) -> None:
    settings = parse_hyperparameters(json.dumps({key: value}), algorithm)
    assert [warning for warning in settings.warnings if warning.startswith(f"{key} has no effect")]


RANGES = {
    "batch_size": (31, 8193, "32 to 8192"),
    "num_epochs": (0, 21, "1 to 20"),
    "lr": (1e-9, 0.02, "1e-08 to 0.01"),
    "beta_entropy": (-0.1, 1.1, "0 to 1"),
    "discount_factor": (-0.1, 1.1, "0 to 1"),
    "num_episodes_between_training": (0, 101, "1 to 100"),
    "sac_alpha": (-0.1, 1.1, "0 to 1"),
    "term_cond_max_episodes": (0, 1_000_001, "1 to 1e+06 episodes"),
    "term_cond_avg_score": (-2e9, 2e9, "-1e+09 to 1e+09"),
    "e_greedy_value": (-0.1, 1.1, "0 to 1"),
    "epsilon_steps": (0, 2e9, "1 to 1e+09 steps"),
    "stack_size": (0, 33, "1 to 32 pictures"),
}


@pytest.mark.parametrize("key", RANGES)
def test_a_key_out_of_its_range_is_refused_with_the_range(key: str) -> None:
    low, high, words = RANGES[key]
    for value in (low, high):
        assert words in refusal(key, value)


@pytest.mark.parametrize("key", [*RANGES, "loss_type", "exploration_type"])
def test_a_key_of_the_wrong_type_is_refused(key: str) -> None:
    for value in ("1", True, [1], {"value": 1}):
        assert key in refusal(key, value)


@pytest.mark.parametrize("key", ["batch_size", "num_epochs", "term_cond_max_episodes", "stack_size"])
def test_what_is_counted_is_whole(key: str) -> None:
    assert "whole number" in refusal(key, RANGES[key][0] + 1.5)


def refusal(key: str, value: object) -> str:
    with pytest.raises(EntrantFault) as caught:
        parse_hyperparameters(json.dumps({key: value}))
    assert caught.value.verdict is Verdict.SETTINGS
    return caught.value.message


def test_only_what_is_not_the_default_is_added_to_the_settings_that_seeds_derive_from() -> None:
    plain = Hyperparameters().as_json()
    assert not plain.keys() & {"sac_alpha", "term_cond_max_episodes", "term_cond_avg_score"}
    settings = parse_hyperparameters('{"sac_alpha": 0.3, "term_cond_avg_score": 7}')
    assert settings.as_json() == plain | {"sac_alpha": 0.3, "term_cond_avg_score": 7.0}
    assert parse_hyperparameters(json.dumps(settings.as_json())).as_json() == settings.as_json()


@pytest.mark.parametrize(("episodes", "score"), [(1000, 350), (100_000, 100_000)])
def test_an_end_that_deepracer_writes_by_itself_ends_nothing(episodes: int, score: int) -> None:
    settings = {"term_cond_max_episodes": episodes, "term_cond_avg_score": score}
    assert parse_hyperparameters(json.dumps(settings)) == Hyperparameters()


def test_with_sac_a_large_batch_and_many_epochs_are_warned_of() -> None:
    settings = parse_hyperparameters('{"batch_size": 512, "num_epochs": 8}', Algorithm.SAC)
    assert "at most 256" in settings.warnings[0]
    assert "2 times as long" in settings.warnings[1]


def test_a_training_ends_after_the_rollout_with_the_last_wanted_episode() -> None:
    ended = training_of(parse_hyperparameters('{"term_cond_max_episodes": 20}'), ModelMetadata(), steps=4096)
    assert (ended.stopped, len(ended.curve)) == (False, sum(p.episodes < 20 for p in ended.curve) + 1)
    assert ended.curve[-1].episodes >= 20
    assert ended.steps < 4096


def test_the_mean_of_the_last_hundred_returns_can_end_a_training() -> None:
    meter = Meter(1000, 1)
    for _ in range(99):
        meter.count(REWARD, {0: ENDED})
    assert not meter.is_enough(None, 2.0)
    meter.count(REWARD, {0: ENDED})
    assert meter.is_enough(None, 2.0)
    assert not meter.is_enough(None, 2.1)
    assert not meter.is_enough(None, None)
