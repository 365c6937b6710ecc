"""The environments that the simulator's speed is compared with, where pip has installed them (extra `bench`).

Each is what `gymnasium.make` gives, but for the checker of every step, drives at random and starts anew when
an episode ends, as ours does. CarRacing's pictures are nine tenths and more of its cost: it draws none here.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

import gymnasium
import numpy as np

ACTIONS = 50
"""Drawn beforehand and repeated, so that drawing them costs nobody anything."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Another environment; `step` is None where it is not installed."""

    name: str
    step: Callable[[], object] | None
    required_times: int
    """How many times as fast the project promises to be."""


def peers() -> list[Peer]:
    """Return the environments of the comparison."""
    return [
        Peer("gymnasium CarRacing-v3 without rendering", _car_racing(), 45),
        Peer("highway-env racetrack-v0", _racetrack(), 5_000),
    ]


def _car_racing() -> Callable[[], object] | None:
    try:
        env = gymnasium.make("CarRacing-v3", disable_env_checker=True)
    except gymnasium.error.DependencyNotInstalled:
        return None
    unwrapped: Any = env.unwrapped
    unwrapped._render = lambda mode: None
    rng = np.random.default_rng(0)
    return _driven(env, rng.uniform((-1.0, 0.0, 0.0), 1.0, (ACTIONS, 3)).astype(np.float32))


def _racetrack() -> Callable[[], object] | None:
    try:
        import highway_env
    except ModuleNotFoundError:
        return None
    gymnasium.register_envs(highway_env)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a racetrack-v1 exists
        env = gymnasium.make("racetrack-v0", disable_env_checker=True)
    return _driven(env, np.random.default_rng(0).uniform(-1.0, 1.0, (ACTIONS, 1)).astype(np.float32))


def _driven(env: gymnasium.Env[Any, Any], actions: np.ndarray) -> Callable[[], object]:
    """Return a function that takes one step, and starts anew when that ends an episode."""
    env.reset(seed=0)
    taken = 0

    def step() -> None:
        nonlocal taken
        _, _, terminated, truncated, _ = env.step(actions[taken % ACTIONS])
        taken += 1
        if terminated or truncated:
            env.reset()

    return step
