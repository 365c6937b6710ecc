"""SAC is stable-baselines3's own, bit for bit, and trains like everything else here: by seed and budget."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from stable_baselines3 import SAC

from arena.garage import training_recipe
from arena.garage.hyperparameters import Hyperparameters
from arena.garage.policy import Output, Policy
from arena.garage.racing import drive
from arena.garage.recording import DriveRecorder
from arena.garage.settings import Algorithm, ModelMetadata, Network
from arena.garage.training import Checkpoint, Training, train
from arena.garage.training_sac import SacLearner
from simulator import tracks
from simulator.actions import Continuous
from tests.arena.garage.conftest import PROGRESS_REWARD

STEPS = 1024
METADATA = ModelMetadata(Continuous((-30.0, 30.0), (1.0, 4.0)), algorithm=Algorithm.SAC)


def training_of(metadata: ModelMetadata = METADATA, **settings: object) -> Training:
    return train(
        PROGRESS_REWARD,
        tracks.load("oval"),
        steps=STEPS,
        metadata=metadata,
        hyperparameters=Hyperparameters(num_epochs=1),
        **settings,  # type: ignore[arg-type]
    )


def digest_of(training: Training) -> str:
    return hashlib.sha256(training.policy.to_bytes()).hexdigest()


@pytest.fixture(scope="module")
def trained() -> Training:
    return training_of()


def test_two_trainings_give_the_same_bits_and_a_recorder_does_not_change_them(trained: Training) -> None:
    recorder = DriveRecorder()
    assert digest_of(training_of(recorder=recorder)) == digest_of(trained)
    assert recorder.drives()


def test_an_update_is_the_originals(trained: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    def original(self: SacLearner, gradient_steps: int, batch_size: int = 64) -> None:
        if self.replay_buffer is not None and self.replay_buffer.size() * 16 >= self.least_remembered:
            SAC.train(self, gradient_steps, batch_size)

    monkeypatch.setattr(SacLearner, "train", original)
    assert digest_of(training_of()) == digest_of(trained)


def test_the_budget_is_kept_and_the_curve_has_a_point_for_each_update(trained: Training) -> None:
    assert trained.steps == STEPS == trained.curve[-1].steps
    assert len(trained.curve) == STEPS // (16 * 8)


def test_the_policy_is_the_tanh_of_the_actors_mean_and_races(trained: Training) -> None:
    policy = Policy.from_bytes(trained.policy.to_bytes())
    assert policy.output is Output.TANH
    seen = np.random.default_rng(0).normal(size=(5, len(policy.columns))).astype(np.float32)
    actor = {name: array for name, array in trained.continuation.learner.items() if "actor" in name}
    assert actor.keys() >= {"policy/actor.mu.weight", "policy/actor.log_std.weight"}
    np.testing.assert_array_equal(policy.act(seen), np.tanh(policy.outputs(seen)))
    assert drive(policy, tracks.load("oval"), laps=1).trace is not None


def test_a_training_stops_when_told_to_within_an_update() -> None:
    stopped = training_of(should_stop=lambda: True)
    assert stopped.stopped
    assert stopped.steps < STEPS


def test_a_training_goes_on_from_a_checkpoint_to_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_recipe, "_SHORT_STEPS", 0)
    monkeypatch.setattr(training_recipe, "_STINT_STEPS_PER_CAR", 1)
    stops: list[Checkpoint] = []
    whole = training_of(on_checkpoint=stops.append)
    stop = Checkpoint.from_bytes(stops[1].to_bytes())
    assert digest_of(training_of(start=stop)) == digest_of(whole)


def test_another_training_can_go_on_from_it(trained: Training) -> None:
    further = training_of(parent=trained.continuation)
    assert further.total_steps == 2 * STEPS
    assert digest_of(further) != digest_of(trained)


@pytest.mark.parametrize("algorithm", [Algorithm.PPO, Algorithm.SAC])
def test_the_large_network_has_two_layers_of_256(algorithm: Algorithm) -> None:
    metadata = ModelMetadata(algorithm=algorithm, network=Network.LARGE)
    policy = training_of(metadata).policy
    assert [len(bias) for _, bias in policy.layers] == [256, 256, 2]
    assert Policy.from_bytes(policy.to_bytes()).to_bytes() == policy.to_bytes()
