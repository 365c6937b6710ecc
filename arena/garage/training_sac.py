"""The learner of `training_algorithm: sac`: stable-baselines3's SAC over a batch of cars.

The algorithm, the networks, the replay buffer and the optimisers are stable-baselines3's; the loop of an
update is ours, as in `training_ppo`: it leaves out statistics that nobody reads, knows DeepRacer's
`loss_type` and asks between two gradient steps whether to stop. A test holds its weights against the
original's.

SAC learns from what it remembers, several times from each step. The memory is emptied between two stints: a
checkpoint would have to carry it otherwise. `sac_alpha` weighs the entropy of the policy against rewards that
are divided by the deviation of their discounted sum, so it means the same for every reward function.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Self

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3 import SAC
from stable_baselines3.common.noise import ActionNoise
from stable_baselines3.common.utils import polyak_update
from stable_baselines3.common.vec_env import VecNormalize
from torch import Tensor
from torch.nn import functional

from arena.garage.hyperparameters import LARGEST_SAC_BATCH, Hyperparameters
from arena.garage.training_cars import Cars
from arena.garage.training_ppo import StopLearning
from arena.garage.training_recipe import Plan

_STEPS_PER_GRADIENT: Final = 24.0  # new steps of the cars for each gradient step, at 4 epochs
_USUAL_EPOCHS: Final = 4
_REMEMBERED_STEPS: Final = 200_000
_LEAST_REMEMBERED: Final = 4_096  # before the first gradient step of a stint, and an eighth of one at most
_REWARD_SCALE: Final = 10.0
_TAU: Final = 0.01
_LAST_LR_SHARE: Final = 0.05


class ScaledRewards(VecNormalize):
    """Rewards divided by the deviation of their discounted sum, times a constant that suits `sac_alpha`."""

    def normalize_reward(self, reward: NDArray[Any]) -> NDArray[Any]:
        scaled: NDArray[Any] = super().normalize_reward(reward) * _REWARD_SCALE
        return scaled.astype(np.float32)


class SacLearner(SAC):
    """SAC for `MlpPolicy`. `tick` returns False when it is to stop."""

    tick: Callable[[], bool] = staticmethod(lambda: True)
    value_loss: Callable[[Tensor, Tensor], Tensor] = staticmethod(functional.mse_loss)
    budget: int = 0
    """All steps of the training, over which the learning rate falls; `learn` is called once per stint."""
    least_remembered: int = _LEAST_REMEMBERED

    def learn(self, total_timesteps: int, *arguments: Any, **named: Any) -> Self:
        """Go on for so many steps, with an empty memory."""
        assert self.replay_buffer is not None
        self.replay_buffer.reset()
        return super().learn(total_timesteps, *arguments, **named)

    def _update_current_progress_remaining(self, num_timesteps: int, total_timesteps: int) -> None:
        super()._update_current_progress_remaining(num_timesteps, self.budget or total_timesteps)

    def _sample_action(
        self, learning_starts: int, action_noise: ActionNoise | None = None, n_envs: int = 1
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Draw actions from the policy, from the first step on."""
        assert isinstance(self._last_obs, np.ndarray)
        with torch.no_grad():
            actions: NDArray[Any] = self.actor(torch.from_numpy(self._last_obs)).numpy()
        return actions, actions

    def train(self, gradient_steps: int, batch_size: int = 64) -> None:
        """Take so many gradient steps, once there is enough to remember."""
        assert self.replay_buffer is not None
        if self.replay_buffer.size() * self.n_envs < self.least_remembered:
            return
        self._update_learning_rate([self.actor.optimizer, self.critic.optimizer])
        for _ in range(gradient_steps):
            self._learn_once(batch_size)
            if not self.tick():
                raise StopLearning
        self._n_updates += gradient_steps

    def _learn_once(self, batch_size: int) -> None:
        assert self.replay_buffer is not None
        batch = self.replay_buffer.sample(batch_size, env=self._vec_normalize_env)
        actions, log_prob = self.actor.action_log_prob(batch.observations)
        with torch.no_grad():
            following, following_log_prob = self.actor.action_log_prob(batch.next_observations)
            worth = torch.min(*self.critic_target(batch.next_observations, following))
            worth = worth - self.ent_coef_tensor * following_log_prob.view(-1, 1)
            target = batch.rewards + (1 - batch.dones) * self.gamma * worth
        judged = self.critic(batch.observations, batch.actions)
        self._descend(self.critic.optimizer, 0.5 * sum(self.value_loss(each, target) for each in judged))
        worth = torch.min(*self.critic(batch.observations, actions))
        self._descend(self.actor.optimizer, (self.ent_coef_tensor * log_prob.view(-1, 1) - worth).mean())
        polyak_update(self.critic.parameters(), self.critic_target.parameters(), self.tau)

    @staticmethod
    def _descend(optimizer: torch.optim.Optimizer, loss: Any) -> None:
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def new_sac(
    cars: Cars, plan: Plan, settings: Hyperparameters, layers: tuple[int, ...], seed: int
) -> SacLearner:
    """Return the learner of a training that has not begun."""
    update = plan.num_cars * plan.steps_per_update
    share = settings.num_epochs / _USUAL_EPOCHS
    learner = SacLearner(
        "MlpPolicy",
        ScaledRewards(cars, norm_obs=False, norm_reward=True, gamma=settings.discount_factor),
        learning_rate=lambda left: settings.lr * (_LAST_LR_SHARE + (1.0 - _LAST_LR_SHARE) * left),
        buffer_size=min(_REMEMBERED_STEPS, max(plan.stints())),
        learning_starts=0,
        batch_size=min(settings.batch_size, LARGEST_SAC_BATCH),
        tau=_TAU,
        gamma=settings.discount_factor,
        train_freq=plan.steps_per_update,
        gradient_steps=max(1, round(share * update / _STEPS_PER_GRADIENT)),
        ent_coef=settings.sac_alpha,
        policy_kwargs={
            "net_arch": {"pi": list(layers), "qf": list(layers)},
            "activation_fn": torch.nn.Tanh,
            "optimizer_kwargs": {"fused": True},
        },
        seed=seed,
        device="cpu",
    )
    learner.least_remembered = min(_LEAST_REMEMBERED, max(plan.stints()) // 8)
    if settings.loss_type == "huber":
        learner.value_loss = functional.smooth_l1_loss
    return learner
