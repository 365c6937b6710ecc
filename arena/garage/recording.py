"""Keeps what some cars of a training do, for its logs: nothing of it happens unless somebody asks for logs.

A training of 500,000 steps would be 100 MB of log. Recorded are the first cars of the batch, as many as make
about 60,000 steps: the log of two hours on the real thing. The cars are alike and start anywhere on the
track, so the first ones are a fair sample; all their drives are kept but those that the end of the training
cuts short.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from simulator.laps import Outcome
from simulator.simtrace import LoggedDrive
from simulator.trace import COLUMNS, Trace

RECORDED_STEPS: Final = 60_000


@dataclass(slots=True)
class DriveRecorder:
    """Records the first cars of a batch, or of each leg of its course, step by step."""

    _cars: list[int] = field(default_factory=lambda: [0])
    _per_leg: int = 1
    _rows: list[NDArray[np.float64]] = field(default_factory=list)
    _rewards: list[NDArray[np.float64]] = field(default_factory=list)
    _begins: dict[int, int] = field(default_factory=dict)
    _drives: list[tuple[int, int, int]] = field(default_factory=list)

    @property
    def cars(self) -> int:
        """Return how many cars are recorded."""
        return len(self._cars)

    def plan(self, num_cars: int, steps: int, legs: int = 1) -> None:
        """Choose which cars to record of `num_cars`, a block per leg, that share a budget of `steps`."""
        block = num_cars // legs
        self._per_leg = max(1, min(num_cars, RECORDED_STEPS * num_cars // steps) // legs)
        self._cars = [leg * block + car for leg in range(legs) for car in range(self._per_leg)]

    def note(
        self, rows: NDArray[np.float64], rewards: NDArray[np.float64], outcomes: Mapping[int, Outcome]
    ) -> None:
        """Take in a step of all cars: trace rows [n, columns], rewards [n] and the drives that ended."""
        self._rows.append(rows[self._cars])
        self._rewards.append(rewards[self._cars])
        for place, car in enumerate(self._cars):
            if car in outcomes:
                self._drives.append((place, self._begins.get(place, 0), len(self._rows)))
                self._begins[place] = len(self._rows)

    def cut(self) -> None:
        """Drop the drives under way: all cars begin anew."""
        self._begins = dict.fromkeys(range(len(self._cars)), len(self._rows))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that is recorded: rows [k, cars, columns], rewards [k, cars] and drives [d, 3]."""
        if not self._rows:
            return {}
        drives = np.array(self._drives, np.int64).reshape(-1, 3)
        return {"rows": np.stack(self._rows), "rewards": np.stack(self._rewards), "drives": drives}

    def go_on_from(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Go on behind what another recorder of the same plan has recorded. Raises ValueError or KeyError."""
        if not arrays:
            return
        rows, rewards, drives = arrays["rows"], arrays["rewards"], arrays["drives"]
        shape = (len(rows), len(self._cars))
        if rows.shape != (*shape, len(COLUMNS)) or rewards.shape != shape or drives.shape != (len(drives), 3):
            raise ValueError(f"expected recorded steps of {len(self._cars)} cars, got {rows.shape}")
        if (drives[:, 0] >= shape[1]).any() or (drives[:, 2] > shape[0]).any() or (drives < 0).any():
            raise ValueError("expected drives within the recorded steps")
        self._rows, self._rewards = list(rows), list(rewards)
        self._drives = [(place, begin, end) for place, begin, end in drives.tolist()]
        self.cut()

    def drives(self) -> list[LoggedDrive]:
        """Return the completed drives, those that ended first in front."""
        return [
            LoggedDrive(
                Trace(np.array([row[place] for row in self._rows[begin:end]])),
                np.array([reward[place] for reward in self._rewards[begin:end]]),
                leg=place // self._per_leg,
            )
            for place, begin, end in self._drives
        ]
