"""The cars of a training as stable-baselines3 wants them: one batch, wherever each of them drives.

`Cars` is the batch; `Legs` puts environments side by side whose cars drive different ways round (the first
block of cars one way, the next the other) and looks like one environment to all that trains, counts and
records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from arena.garage.progress import Meter
from arena.garage.recording import DriveRecorder
from simulator.actions import ActionSpace
from simulator.env import TrackVectorEnv
from simulator.laps import Outcome
from simulator.sensors.rows import columns_of, row_space, rows
from simulator.sensors.suite import Observation, Senses, joined, picked


class Legs:
    """Environments of one kind side by side, each with the cars that follow those of the one before."""

    render_mode = None

    def __init__(self, environments: Sequence[TrackVectorEnv]) -> None:
        self._environments = tuple(environments)
        counts = [env.num_envs for env in environments]
        self.num_envs = sum(counts)
        ends = np.cumsum(counts).tolist()
        self._blocks = [slice(end - count, end) for end, count in zip(ends, counts, strict=True)]
        self.final_observation: Observation = np.empty(0, np.float32)

    @property
    def senses(self) -> Senses:
        return self._environments[0].senses

    @property
    def single_action_space(self) -> gymnasium.Space[Any]:
        return self._environments[0].single_action_space

    @property
    def actions(self) -> ActionSpace:
        return self._environments[0].actions

    @property
    def outcomes(self) -> Mapping[int, Outcome]:
        """Return how the drives ended that the last step ended, by car of the whole batch."""
        return {
            block.start + car: outcome
            for block, env in zip(self._blocks, self._environments, strict=True)
            for car, outcome in env.outcomes.items()
        }

    def reset(self, *, seed: int | None = None) -> tuple[Observation, dict[str, Any]]:
        """Start all cars anew; car i of `seed` s lives as the car of its leg with seed s + i would alone."""
        seeds = [None if seed is None else seed + block.start for block in self._blocks]
        pairs = zip(self._environments, seeds, strict=True)
        return joined([env.reset(seed=each)[0] for env, each in pairs]), {}

    def step(
        self, actions: NDArray[Any]
    ) -> tuple[Observation, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Step each environment with its cars' actions [n, ...]."""
        parts = [
            env.step(actions[block]) for block, env in zip(self._blocks, self._environments, strict=True)
        ]
        seen = joined([part[0] for part in parts])
        rewards, terminated, truncated = (
            np.concatenate([part[place] for part in parts]) for place in (1, 2, 3)
        )
        self.final_observation = joined([env.final_observation for env in self._environments])
        return seen, rewards, terminated, truncated, {}

    def trace_rows(self) -> NDArray[np.float64]:
        """Return the last step of all cars as trace rows [n, columns]."""
        return np.concatenate([env.trace_rows() for env in self._environments])

    def close(self) -> None:
        for env in self._environments:
            env.close()


class Cars(VecEnv):
    """An environment as stable-baselines3 wants it: its observations are rows of `columns`.

    Only ended drives get an info of their own. `env` may be replaced by one of the same kind before a
    `reset`.
    """

    def __init__(
        self, env: TrackVectorEnv | Legs, meter: Meter, recorder: DriveRecorder | None = None
    ) -> None:
        self.env = env
        self._meter = meter
        self._recorder = recorder
        self._infos: list[dict[str, Any]] = [{}] * env.num_envs
        self.columns = columns_of(env.senses.sensors)
        super().__init__(env.num_envs, row_space(env.senses), env.single_action_space)

    def seed(self, seed: int | None = None) -> list[int | None]:
        self._seed = seed
        return [seed] * self.num_envs

    def _rows(self, observation: Observation) -> NDArray[Any]:
        return rows(observation, self.env.senses, self.columns)

    def reset(self) -> NDArray[Any]:
        return self._rows(self.env.reset(seed=self._seed)[0])

    def step_async(self, actions: NDArray[Any]) -> None:
        self._actions = actions

    def step_wait(
        self,
    ) -> tuple[NDArray[Any], NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        observation, rewards, terminated, truncated, _ = self.env.step(self._actions)
        outcomes = self.env.outcomes
        self._meter.count(rewards, outcomes)
        if self._recorder is not None:
            self._recorder.note(self.env.trace_rows(), rewards, outcomes)
        infos = self._infos
        if outcomes:
            infos = infos.copy()
            final = self._rows(picked(self.env.final_observation, np.array(list(outcomes))))
            for place, car in enumerate(outcomes):
                infos[car] = {
                    "terminal_observation": final[place],
                    "TimeLimit.truncated": bool(truncated[car]),
                }
        return self._rows(observation), rewards.astype(np.float32), terminated | truncated, infos

    def close(self) -> None:
        self.env.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        return [getattr(self.env, attr_name)] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        raise NotImplementedError("the cars share one environment; change that one")

    def env_method(self, method_name: str, *_: Any, indices: Any = None, **__: Any) -> list[Any]:
        raise NotImplementedError("the cars share one environment; call that one")

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        return [False] * self.num_envs
