"""What a step pays: the entrant's reward function, asked about all cars that drive, or the progress."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from simulator import params
from simulator.road import IntArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

RewardFunction = Callable[[FloatArray, IntArray], FloatArray]
"""(params rows [m, columns], car of each row [m]) -> rewards [m]; the arrays hold during the call."""

FAULT_COST = 5.0
"""The default reward's price of a crash and of leaving the track, in percent of progress."""


def asked(reward: RewardFunction, rows: FloatArray, held: BoolArray) -> FloatArray:
    """Ask a reward function about the cars [n] that are not held; held ones get 0."""
    if not np.count_nonzero(held):
        paid = np.asarray(reward(rows, np.arange(len(rows))), dtype=np.float64)
        if paid.shape != (len(rows),):
            raise ValueError(f"expected one reward per car ({len(rows)}), got shape {paid.shape}")
        return paid
    rewards = np.zeros(len(rows))
    driving = (~held).nonzero()[0]
    if len(driving):
        rewards[driving] = reward(rows[driving], driving)
    return rewards


def progress_paid(gained_m: FloatArray, length_m: float, rows: FloatArray) -> FloatArray:
    """Return the default rewards [n]: the progress in percent, less `FAULT_COST` for a fault."""
    rewards = gained_m * (100.0 / length_m)
    rewards -= FAULT_COST * rows[:, params.IS_OFFTRACK]
    rewards -= FAULT_COST * rows[:, params.IS_CRASHED]
    return rewards
