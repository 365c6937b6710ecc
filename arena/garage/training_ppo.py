"""The learner: stable-baselines3's PPO with its two inner loops written for small networks on a CPU.

The algorithm, the networks, the buffer, the optimiser's settings and the schedules are stable-baselines3's; a
test compares one update with its own. What is left out is what costs without an effect here: distribution
objects, statistics that nobody reads, and one call of the value network per car whose lap ended. Together
that makes a training about a seventh quicker (in CPU time).

Added are the Huber loss for the value (DeepRacer's `loss_type`), the average of the last updates' weights
(`training_average`) and a tick between minibatches, because an update can take seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv
from torch import Tensor
from torch.nn import functional

from arena.garage.training_average import LAST_SHARE, Average

_HALF_LOG_TWO_PI: Final = 0.5 * math.log(2.0 * math.pi)


class StopLearning(Exception):  # noqa: N818 - a wish, no error
    """Raised inside an update when the training is to stop now."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Steps of one rollout, all of them or a minibatch: [m, ...] tensors."""

    observations: Tensor
    actions: Tensor
    old_log_probs: Tensor
    advantages: Tensor
    returns: Tensor

    def __getitem__(self, rows: Tensor | slice) -> Samples:
        return Samples(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


class Learner(PPO):
    """PPO for `MlpPolicy` with discrete or continuous actions. `tick` returns False when it is to stop."""

    tick: Callable[[], bool] = staticmethod(lambda: True)
    value_loss: Callable[[Tensor, Tensor], Tensor] = staticmethod(functional.mse_loss)
    budget: int = 0
    """All steps of the training, over which the learning rate falls; `learn` is called once per stint."""

    average: Average
    """Of the weights over the last updates: the policy that races."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        """Take what `PPO` takes."""
        super().__init__(*arguments, **settings)
        self.average = Average()

    def extras(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return what else a checkpoint must keep, beside networks, optimisers and the normaliser."""
        return self.average.as_arrays()

    def restore_extras(self, arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Take back what `extras` returned. Raises ValueError or KeyError."""
        self.average.restore(arrays, self.parameters)

    @property
    def parameters(self) -> list[Tensor]:
        """Return the parameters of all networks."""
        return list(self.policy.parameters())

    def _update_current_progress_remaining(self, num_timesteps: int, total_timesteps: int) -> None:
        super()._update_current_progress_remaining(num_timesteps, self.budget or total_timesteps)

    def collect_rollouts(
        self, env: VecEnv, callback: BaseCallback, rollout_buffer: RolloutBuffer, n_rollout_steps: int
    ) -> bool:
        """Drive `n_rollout_steps` steps with every car into the buffer; return False when told to stop."""
        rollout_buffer.reset()
        callback.on_rollout_start()
        seen, starts = self._last_obs, self._last_episode_starts
        assert isinstance(seen, np.ndarray)
        assert isinstance(starts, np.ndarray)
        for _ in range(n_rollout_steps):
            with torch.no_grad():
                outputs, values = self._forward(self._tensor(seen))
                actions, log_probs = self._sample(outputs)
            chosen = actions.cpu().numpy()
            driven = chosen if self._discrete else chosen.clip(-1.0, 1.0)
            observation, rewards, dones, infos = env.step(driven)
            self.num_timesteps += env.num_envs
            if not callback.on_step():
                return False
            self._bootstrap(rewards, infos)
            rollout_buffer.add(seen, chosen, rewards, starts, values, log_probs)
            seen, starts = observation, dones  # type: ignore[assignment]
        self._last_obs, self._last_episode_starts = seen, starts
        with torch.no_grad():
            _, values = self._forward(self._tensor(seen))
        rollout_buffer.compute_returns_and_advantage(last_values=values, dones=starts)
        callback.on_rollout_end()
        return True

    def _bootstrap(self, rewards: np.ndarray[Any, Any], infos: list[dict[str, Any]]) -> None:
        """Add the value of going on to the last reward of drives that were cut short, laps among them."""
        cut = [car for car, info in enumerate(infos) if info and info["TimeLimit.truncated"]]
        if cut:
            final = np.stack([infos[car]["terminal_observation"] for car in cut])
            with torch.no_grad():
                rewards[cut] += self.gamma * self._forward(self._tensor(final))[1].cpu().numpy()

    def _tensor(self, array: np.ndarray[Any, Any]) -> Tensor:
        return torch.from_numpy(array).to(self.device)

    @property
    def _discrete(self) -> bool:
        return not hasattr(self.policy, "log_std")

    def _forward(self, observations: Tensor) -> tuple[Tensor, Tensor]:
        """Return the actor's outputs [m, outputs] and the values [m]."""
        policy, extractor = self.policy, self.policy.mlp_extractor
        features = policy.features_extractor(observations)
        outputs: Tensor = policy.action_net(extractor.policy_net(features))
        return outputs, policy.value_net(extractor.value_net(features)).flatten()

    def _sample(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Draw actions and return them with their log-probabilities [m]."""
        if self._discrete:
            # the largest of log-probabilities plus Gumbel noise is a draw from them
            noise = torch.empty_like(outputs).exponential_().log_()
            actions = (outputs - noise).argmax(dim=1)
        else:
            actions = outputs + torch.randn_like(outputs) * self._log_std.exp()
        return actions, self._judge(outputs, actions)[0]

    @property
    def _log_std(self) -> Tensor:
        log_std: Tensor = self.policy.log_std
        return log_std

    def _judge(self, outputs: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Return the log-probability [m] of actions and the mean entropy."""
        if self._discrete:
            log_probs = functional.log_softmax(outputs, dim=1)
            entropy = -(log_probs.exp() * log_probs).sum(dim=1).mean()
            return log_probs.gather(1, actions.long().view(-1, 1)).flatten(), entropy
        log_std = self._log_std
        deviation = (actions - outputs) * (-log_std).exp()
        constant = log_std.sum() + len(log_std) * _HALF_LOG_TWO_PI
        return -0.5 * deviation.square().sum(dim=1) - constant, constant + 0.5 * len(log_std)

    def train(self) -> None:
        """Update the networks with the rollout in the buffer."""
        self._update_learning_rate(self.policy.optimizer)
        clip = self.clip_range(self._current_progress_remaining)  # type: ignore[operator]
        parameters = self.parameters
        for batch in self._minibatches():
            loss = self._loss(batch, clip)
            self.policy.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(parameters, self.max_grad_norm)
            self.policy.optimizer.step()
            if not self.tick():
                raise StopLearning
        self._n_updates += self.n_epochs
        if self._current_progress_remaining <= LAST_SHARE:
            self.average.add(parameters)

    def _minibatches(self) -> Iterator[Samples]:
        """Yield each step of the rollout once per epoch, in a new random order."""
        buffer = self.rollout_buffer
        arrays = (buffer.observations, buffer.actions, buffer.log_probs, buffer.advantages, buffer.returns)
        flat = [self._tensor(buffer.swap_and_flatten(array)) for array in arrays]
        rollout = Samples(flat[0], *(array.squeeze(1) for array in flat[1:]))
        count = len(rollout.observations)
        for _ in range(self.n_epochs):
            shuffled = rollout[torch.from_numpy(np.random.permutation(count))]
            for start in range(0, count, self.batch_size):
                yield shuffled[slice(start, start + self.batch_size)]

    def _loss(self, batch: Samples, clip: float) -> Tensor:
        outputs, values = self._forward(batch.observations)
        log_probs, entropy = self._judge(outputs, batch.actions)
        advantages = batch.advantages
        if len(advantages) > 1:
            advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
        ratio = (log_probs - batch.old_log_probs).exp()
        clipped = ratio.clamp(1.0 - clip, 1.0 + clip)
        policy_loss = -torch.min(advantages * ratio, advantages * clipped).mean()
        return policy_loss - self.ent_coef * entropy + self.vf_coef * self.value_loss(values, batch.returns)
