"""Keeps what some cars of a training do, for its logs: nothing of it happens unless somebody asks for logs.

A training of 500,000 steps would be 100 MB of log. Recorded are the first cars of the batch, as many as make
about 60,000 steps: the log of two hours on the real thing. The cars are alike and start anywhere on the
track, so the first ones are a fair sample; all their drives are kept but those that the end of the training
cuts short.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulator.simtrace import LoggedDrive
from simulator.trace import Trace
from simulator.vector import TrackVectorEnv

RECORDED_STEPS: Final = 60_000


@dataclass(slots=True)
class DriveRecorder:
    """Records the first `cars` of a batch, step by step."""

    cars: int = 1
    _rows: list[NDArray[np.float64]] = field(default_factory=list)
    _rewards: list[NDArray[np.float64]] = field(default_factory=list)
    _begins: dict[int, int] = field(default_factory=dict)
    _drives: list[tuple[int, int, int]] = field(default_factory=list)

    def plan(self, num_cars: int, steps: int) -> None:
        """Choose how many cars to record of `num_cars` that share a budget of `steps`."""
        self.cars = max(1, min(num_cars, RECORDED_STEPS * num_cars // steps))

    def note(self, env: TrackVectorEnv, rewards: NDArray[np.float64]) -> None:
        """Take in the step that `env` has just made."""
        self._rows.append(env.trace_rows()[: self.cars].copy())
        self._rewards.append(rewards[: self.cars].copy())
        for car in env.outcomes:
            if car < self.cars:
                self._drives.append((car, self._begins.get(car, 0), len(self._rows)))
                self._begins[car] = len(self._rows)

    def drives(self) -> list[LoggedDrive]:
        """Return the completed drives, those that ended first in front."""
        return [
            LoggedDrive(
                Trace(np.array([row[car] for row in self._rows[begin:end]])),
                np.array([reward[car] for reward in self._rewards[begin:end]]),
            )
            for car, begin, end in self._drives
        ]
