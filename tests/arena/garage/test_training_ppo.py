"""The learner's quick loops do what stable-baselines3's own do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from stable_baselines3 import PPO

from arena.garage import training_ppo
from arena.garage.hyperparameters import Hyperparameters
from arena.garage.settings import ModelMetadata
from arena.garage.training import train
from arena.garage.training_ppo import Learner
from simulator import vector
from simulator.actions import DEFAULT_ACTIONS, ActionSpace, Discrete
from simulator.env import TrackVectorEnv
from simulator.rules import Rules
from simulator.track import Track
from tests.arena.garage.conftest import PROGRESS_REWARD

SIX = Discrete(tuple((angle, speed) for angle in (-25.0, 0.0, 25.0) for speed in (1.0, 2.0)))


def weights(oval: Track, actions: ActionSpace, **settings: Any) -> list[np.ndarray[Any, Any]]:
    hyperparameters = Hyperparameters(beta_entropy=0.01, **settings)
    policy = train(
        PROGRESS_REWARD,
        oval,
        metadata=ModelMetadata(actions),
        hyperparameters=hyperparameters,
        steps=6_000,
        seed=3,
    ).policy
    return [array for layer in policy.layers for array in layer]


@pytest.fixture
def short_drives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drives that time cuts short, so that their value is bootstrapped."""

    def short(*arguments: Any, **settings: Any) -> object:
        return TrackVectorEnv(*arguments, **settings, rules=Rules(max_steps=20))

    monkeypatch.setattr(vector, "TrackVectorEnv", short)


def test_an_update_is_that_of_stable_baselines3(
    oval: Track, short_drives: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_ppo, "LAST_SHARE", -1.0)  # no average
    own = weights(oval, DEFAULT_ACTIONS)
    monkeypatch.setattr(Learner, "train", PPO.train)
    monkeypatch.setattr(Learner, "collect_rollouts", PPO.collect_rollouts)
    for mine, theirs in zip(own, weights(oval, DEFAULT_ACTIONS), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=2e-4)


def test_an_update_with_discrete_actions_is_that_of_stable_baselines3(
    oval: Track, short_drives: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_ppo, "LAST_SHARE", -1.0)  # no average
    own = weights(oval, SIX)
    monkeypatch.setattr(Learner, "train", PPO.train)
    for mine, theirs in zip(own, weights(oval, SIX), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=2e-4)


def test_discrete_draws_follow_the_policy() -> None:
    torch.manual_seed(0)
    learner = object.__new__(Learner)
    learner.policy = torch.nn.Module()  # type: ignore[assignment]
    preferences = torch.tensor([0.1, 0.2, 0.7]).log().expand(40_000, 3)
    actions, log_probs = learner._sample(preferences)
    shares = np.bincount(actions.numpy(), minlength=3) / 40_000
    np.testing.assert_allclose(shares, [0.1, 0.2, 0.7], atol=0.01)
    np.testing.assert_allclose(log_probs.exp().numpy(), np.array([0.1, 0.2, 0.7])[actions.numpy()], rtol=1e-5)


def test_every_setting_changes_what_is_learnt(oval: Track) -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"loss_type": "huber"},
        {"batch_size": 128},
        {"num_epochs": 2},
        {"lr": 1e-4},
        {"discount_factor": 0.9},
        {"num_episodes_between_training": 10},
    ]
    first_layers = {weights(oval, DEFAULT_ACTIONS, **change)[0].tobytes() for change in changes}
    assert len(first_layers) == len(changes)


def test_a_stop_ends_an_update_between_minibatches(oval: Track, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        training_ppo.Learner, "_loss", lambda *_: pytest.fail("no minibatch was to be learnt")
    )
    stopped = train(PROGRESS_REWARD, oval, steps=2_000, should_stop=lambda: True)
    assert stopped.stopped
