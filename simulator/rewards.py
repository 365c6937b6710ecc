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
"""(params rows [m, columns], car of each row [m]) -> rewards [m]; the arrays hold during the call.

One with a method `begin` of the same parameters is asked by that: it goes to work and returns at once what
waits for the rewards [m] and returns them, and the world moves on meanwhile.
"""

FAULT_COST = 5.0
"""The default reward's price of a crash and of leaving the track, in percent of progress."""


def asked(reward: RewardFunction, rows: FloatArray, held: BoolArray) -> Callable[[], FloatArray]:
    """Ask a reward function about the cars [n] that are not held; held ones get 0.

    Return what returns the rewards [n], when they are needed.
    """
    driving = (~held).nonzero()[0]
    everybody = len(driving) == len(rows)
    if len(driving) == 0:
        return lambda: np.zeros(len(rows))
    answer = _begun(reward, rows if everybody else rows[driving], driving)

    def rewards() -> FloatArray:
        paid = np.asarray(answer(), dtype=np.float64)
        if paid.shape != driving.shape:
            raise ValueError(f"expected one reward per car ({len(driving)}), got shape {paid.shape}")
        if everybody:
            return paid
        spread = np.zeros(len(rows))
        spread[driving] = paid
        return spread

    return rewards


def _begun(reward: RewardFunction, rows: FloatArray, cars: IntArray) -> Callable[[], FloatArray]:
    begin: Callable[[FloatArray, IntArray], Callable[[], FloatArray]] | None = getattr(reward, "begin", None)
    if begin is not None:
        return begin(rows, cars)
    paid = reward(rows, cars)
    return lambda: paid


def progress_paid(gained_m: FloatArray, length_m: float, rows: FloatArray) -> FloatArray:
    """Return the default rewards [n]: the progress in percent, less `FAULT_COST` for a fault."""
    rewards = gained_m * (100.0 / length_m)
    rewards -= FAULT_COST * rows[:, params.IS_OFFTRACK]
    rewards -= FAULT_COST * rows[:, params.IS_CRASHED]
    return rewards
