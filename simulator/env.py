"""The environments that gymnasium knows: `TrackVectorEnv` (simulator/vector.py) and its batch of one."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from simulator import params
from simulator.rules import Status
from simulator.sensors.suite import Observation, picked
from simulator.track import Track
from simulator.vector import RewardFunction, TrackVectorEnv

__all__ = ["RewardFunction", "TrackEnv", "TrackVectorEnv"]


class TrackEnv(gymnasium.Env[Observation, Any]):
    """One car: the vector environment's batch of one. Takes the same arguments, except `num_envs`."""

    metadata: dict[str, Any] = {"render_modes": [], "render_fps": 15}  # noqa: RUF012

    def __init__(
        self, track: str | Track = "oval", *, render_mode: str | None = None, **settings: Any
    ) -> None:
        """Set the car up; `settings` are those of `TrackVectorEnv`."""
        self.render_mode = render_mode
        self.vector = TrackVectorEnv(track, 1, **settings)
        self.action_space = self.vector.single_action_space
        self.observation_space = self.vector.single_observation_space
        self._begun: Observation | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start a new episode: the next one of the present seed, or the first one of `seed`."""
        super().reset(seed=seed)
        # The batch has begun the next episode by itself where one ended; that one is it.
        if self._begun is None or seed is not None:
            self._begun = picked(self.vector.reset(seed=seed)[0], 0)
        observation, self._begun = self._begun, None
        return observation, {
            "status": Status.PREPARE.name.lower(),
            "progress": float(self.vector.progress[0]),
        }

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Drive 1/15 s."""
        observation, reward, terminated, truncated, _ = self.vector.step(np.asarray(action)[None])
        status = Status(int(self.vector.status[0]))
        info: dict[str, Any] = {
            "status": status.name.lower(),
            "progress": float(self.vector.params_rows[0, params.PROGRESS]),
        }
        if 0 in self.vector.outcomes:
            self._begun = picked(observation, 0)
            info["lap_time_ms"] = self.vector.outcomes[0].lap_time_ms
        return (
            picked(self.vector.final_observation, 0),
            float(reward[0]),
            bool(terminated[0]),
            bool(truncated[0]),
            info,
        )
