"""How many children a reward function is worth: one that is dear gets as many as there are cores, up to four.

What a call costs is found out before the training, in a child of its own that is then forgotten. The number
may depend on the machine and on the moment, because the result does not: `confined.py` says for which files
that is sure, and all others have one child.
"""

from __future__ import annotations

import os
from typing import Final

import numpy as np

from arena.garage.sandbox import CHECK_LIMITS, RewardSandbox, states_of
from arena.garage.verdicts import EntrantFault
from simulator.course import Course
from simulator.params import FIRST_CALL_STEPS

MOST_SHARDS: Final = 4
LEAST_CARS: Final = 64
DEAR_US: Final = 8.0
"""Another child costs each call about 1 us of CPU time, which a dear one has back on an idle core."""
_CALLS: Final = 48


def shards_worth(source: str, course: Course, num_cars: int, first_step: int = FIRST_CALL_STEPS) -> int:
    """Return among how many children to share the calls of a training with so many cars."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if cores < 2 or num_cars < LEAST_CARS:
        return 1
    return min(cores, MOST_SHARDS) if _cost_us(source, course, first_step) >= DEAR_US else 1


def _cost_us(source: str, course: Course, first_step: int) -> float:
    """Return what a call costs; 0 where cars may meet, and where it fails: the training will say how."""
    leg = course.legs()[0]
    states = np.array([state.row for state in states_of(leg)])
    rows, cars = np.resize(states, (_CALLS, states.shape[1])), np.zeros(_CALLS, np.int64)
    try:
        with RewardSandbox(source, leg, 1, limits=CHECK_LIMITS, first_step=first_step) as reward:
            if not reward.is_confined:
                return 0.0
            reward(rows, cars)  # the first calls compute what is then kept
            before_s = reward.took_s
            reward(rows, cars)
            return 1e6 * (reward.took_s - before_s) / _CALLS
    except EntrantFault:
        return 0.0
