"""What an entrant's action means: a number or a vector from a policy becomes a command for the car.

A command is (steering angle in degrees, left positive; speed in m/s), as written in the entrant's action
space and not clipped: params show it so, the car clips it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from gymnasium.spaces import Box
    from gymnasium.spaces import Discrete as DiscreteSpace


@dataclass(frozen=True, slots=True)
class Discrete:
    """A list of commands (steering angle deg, speed m/s); an action is a position in it."""

    actions: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        """Refuse an empty list and commands that are no pairs of finite numbers."""
        table = np.asarray(self.actions, dtype=np.float64)
        if table.ndim != 2 or table.shape[1] != 2 or not np.isfinite(table).all():
            raise ValueError(
                "expected one or more actions (steering_angle deg, speed m/s) of finite numbers, "
                f"got {self.actions!r}"
            )

    @property
    def gym_space(self) -> DiscreteSpace:
        """Return the gymnasium space of one action."""
        from gymnasium.spaces import Discrete as DiscreteSpace

        return DiscreteSpace(len(self.actions))

    def to_command(self, actions: NDArray[Any]) -> NDArray[np.float64]:
        """Return the commands [n, 2] of actions [n]; raise ValueError for one that is not in the list."""
        chosen = np.asarray(actions).astype(np.int64, casting="same_kind", copy=False)
        table = _table(self.actions)
        if chosen.min() < 0 or chosen.max() >= len(table):
            raise ValueError(
                f"expected actions from 0 to {len(table) - 1}, got {chosen.min()} to {chosen.max()}"
            )
        return table.take(chosen, axis=0)


@lru_cache(maxsize=64)
def _table(actions: tuple[tuple[float, float], ...]) -> NDArray[np.float64]:
    return np.asarray(actions, dtype=np.float64)


# 0-d arrays, which NumPy reads faster than plain numbers.
_LEAST, _MOST = np.array(-1.0), np.array(1.0)


@lru_cache(maxsize=64)
def _low_and_half(limits: tuple[float, float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    low, high = limits
    return np.array(float(low)), np.array(0.5 * (high - low))


@dataclass(frozen=True, slots=True)
class Continuous:
    """Ranges (low, high) of steering angle (deg) and speed (m/s); an action is a vector in [-1, 1]^2."""

    steering_deg: tuple[float, float]
    speed_mps: tuple[float, float]

    def __post_init__(self) -> None:
        """Refuse ranges that are empty or not finite."""
        for low, high in (self.steering_deg, self.speed_mps):
            if not (np.isfinite(low) and np.isfinite(high) and low < high):
                raise ValueError(f"expected ranges of finite numbers with low < high, got {self}")

    @property
    def gym_space(self) -> Box:
        """Return the gymnasium space of one action."""
        from gymnasium.spaces import Box

        return Box(-1.0, 1.0, (2,), dtype=np.float32)

    def to_command(self, actions: NDArray[Any]) -> NDArray[np.float64]:
        """Return the commands [n, 2] of actions [n, 2], cut to [-1, 1]; raise ValueError for a NaN."""
        share = np.minimum(np.maximum(np.asarray(actions, dtype=np.float64), _LEAST), _MOST)
        if share.ndim != 2 or share.shape[1] != 2:
            raise ValueError(
                f"expected actions [n, 2] (steering, speed), got an array of shape {share.shape}"
            )
        if np.count_nonzero(np.isnan(share)):
            raise ValueError("expected actions that are numbers, got NaN: the policy's weights are broken")
        command: NDArray[np.float64] = np.empty_like(share)
        for column, limits in enumerate((self.steering_deg, self.speed_mps)):
            low, half = _low_and_half(limits)
            command[:, column] = (share[:, column] + _MOST) * half + low
        return command


ActionSpace = Discrete | Continuous

DEFAULT_ACTIONS = Continuous(steering_deg=(-30.0, 30.0), speed_mps=(1.0, 4.0))
