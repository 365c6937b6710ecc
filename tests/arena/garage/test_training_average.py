"""What races is the mean of the weights of the last updates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from arena.garage import training_ppo
from arena.garage.training import Training, train
from arena.garage.training_average import LAST_SHARE, Average
from simulator.track import Track
from tests.arena.garage.conftest import PROGRESS_REWARD


def parameters(*values: float) -> list[Tensor]:
    return [torch.full((2, 3), value, requires_grad=True) for value in values]


def test_an_average_is_the_mean_of_what_it_was_shown() -> None:
    average = Average()
    for values in ((1.0, 10.0), (2.0, 20.0), (6.0, 0.0)):
        average.add(parameters(*values))
    assert [mean.mean().item() for mean in average.means] == pytest.approx([3.0, 10.0])


def test_networks_have_the_average_for_a_while_and_then_their_own_weights() -> None:
    average, own = Average(), parameters(5.0)
    with average.lent_to(own):
        assert own[0][0, 0].item() == 5.0
    average.add(parameters(1.0))
    with average.lent_to(own):
        assert own[0][0, 0].item() == 1.0
    assert own[0][0, 0].item() == 5.0


def test_a_checkpoint_keeps_the_average() -> None:
    average, again = Average(), Average()
    again.restore(average.as_arrays(), parameters(0.0))
    assert again.count == 0
    for value in (1.0, 2.0):
        average.add(parameters(value))
    again.restore(average.as_arrays(), parameters(0.0))
    average.add(parameters(4.0))
    again.add(parameters(4.0))
    assert again.count == average.count == 3
    assert torch.equal(again.means[0], average.means[0])
    with pytest.raises(ValueError, match="shape"):
        again.restore(average.as_arrays(), [torch.zeros(3)])
    with pytest.raises(KeyError):
        again.restore({}, parameters(0.0))


def test_the_policy_is_the_mean_over_the_last_tenth_of_the_budget(
    oval: Track, monkeypatch: pytest.MonkeyPatch
) -> None:
    after_updates: list[np.ndarray[Any, Any]] = []
    learn = training_ppo.Learner.train

    def noting(learner: training_ppo.Learner) -> None:
        learn(learner)
        bias: Any = learner.policy.action_net.bias
        after_updates.append(bias.detach().numpy().copy())

    monkeypatch.setattr(training_ppo.Learner, "train", noting)
    training: Training = train(PROGRESS_REWARD, oval, steps=6_000, seed=3)
    count = len(after_updates)
    last = [bias for update, bias in enumerate(after_updates, 1) if 1.0 - update / count <= LAST_SHARE]
    assert len(last) >= 2
    np.testing.assert_allclose(training.policy.layers[-1][1], np.mean(last, axis=0), atol=1e-6)
