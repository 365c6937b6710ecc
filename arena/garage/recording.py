"""Keeps what some cars of a training do, for its logs: nothing of it happens unless somebody asks for logs.

A training of 500,000 steps would be 100 MB of log. Recorded are the first cars of the batch, as many as make
about 60,000 steps: the log of two hours on the real thing. The cars are alike and start anywhere on the
track, so the first ones are a fair sample; all their drives are kept but those that the end of the training
cuts short.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from simulator import params
from simulator.laps import Outcome
from simulator.simtrace import LoggedDrive
from simulator.trace import COLUMNS, Trace

RECORDED_STEPS: Final = 60_000
KEPT_CALLS: Final = 2_000
"""Of the first calls of a car as many as of the last ones: 500,000 steps of 256 cars are kept whole."""
KEPT_LAPS: Final = 64


@dataclass(slots=True)
class CallSample:
    """Some of what the reward function was called with, as params rows: the calls of the first car, in their
    order, and the ends of the first complete laps of the others.
    """

    _first: list[NDArray[np.float64]] = field(default_factory=list)
    _last: deque[NDArray[np.float64]] = field(default_factory=lambda: deque(maxlen=KEPT_CALLS))
    _laps: list[NDArray[np.float64]] = field(default_factory=list)

    def note(self, rows: NDArray[np.float64], cars: NDArray[np.int64]) -> None:
        """Take in calls: rows [m, width] of the cars [m], which are sorted."""
        own = int(cars[0] == 0)
        if own:
            kept = self._first if len(self._first) < KEPT_CALLS else self._last
            kept.append(rows[0].copy())
        if len(self._laps) < KEPT_LAPS:
            done = rows[own:, params.PROGRESS] >= 100.0
            if done.any():
                self._laps += list(rows[own:][done][: KEPT_LAPS - len(self._laps)])

    def calls(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the rows [k, width] and whose they are [k]: 1 for the ends of laps, then 0."""
        rows = [*self._laps, *self._first, *self._last]
        cars = np.zeros(len(rows), np.int64)
        cars[: len(self._laps)] = 1
        return (np.array(rows) if rows else np.empty((0, 0))), cars

    def arrays(self) -> dict[str, NDArray[np.float64]]:
        """Return what is kept, for a checkpoint."""
        kept = {"calls_first": self._first, "calls_last": [*self._last], "calls_laps": self._laps}
        return {name: np.stack(rows) for name, rows in kept.items() if rows}

    def go_on_from(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Go on behind what another sample has kept; nothing where it kept nothing."""
        self._first = list(arrays.get("calls_first", ()))[:KEPT_CALLS]
        self._last = deque(arrays.get("calls_last", ()), KEPT_CALLS)
        self._laps = list(arrays.get("calls_laps", ()))[:KEPT_LAPS]


@dataclass(slots=True)
class DriveRecorder:
    """Records the first cars of a batch, or of each leg of its course, step by step."""

    sample: CallSample = field(default_factory=CallSample)
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
        recorded = {"rows": np.stack(self._rows), "rewards": np.stack(self._rewards), "drives": drives}
        return recorded | self.sample.arrays()

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
        self.sample.go_on_from(arrays)
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
