"""What is measured of every car in its drive: steps, way, crossings of the line, standstill, penalties.

All columns are [n], one entry per car. The way is counted along the centre line from the car's own start, so
that a lap is complete after one length of the track wherever it began. A crossing is interpolated inside its
step.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from simulator.car import STEP_S, X, Y
from simulator.road import IntArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_ZERO, _ONE, _PERCENT = np.array(0.0), np.array(1.0), np.array(100.0)
_STEP = np.array(1)


class Timing:
    """The clocks and measuring wheels of n cars on a track of `length_m`."""

    def __init__(self, length_m: float, cars: int) -> None:
        """Set everything to zero; `start` sends cars off."""
        # A 0-d array, which NumPy reads faster than a plain number.
        self.length_m: FloatArray = np.array(length_m)
        self.travel_m: FloatArray = np.zeros(cars)
        """Way driven since the start or the last crossing of the line."""
        self.gained_m: FloatArray = np.zeros(cars)
        """Way driven in the last step, signed."""
        self.previous_s: FloatArray = np.zeros(cars)
        """Arc length (m) one step ago."""
        self.elapsed: IntArray = np.zeros(cars, dtype=np.int64)
        """Steps since the start."""
        self.falling: IntArray = np.zeros(cars, dtype=np.int64)
        """Steps in a row with falling progress."""
        self.still: IntArray = np.zeros(cars, dtype=np.int64)
        """Steps in a row without motion, penalties left out."""
        self.hold: IntArray = np.zeros(cars, dtype=np.int64)
        """Steps for which the car is held yet."""
        self.crossing_ms: IntArray = np.zeros(cars, dtype=np.int64)
        """Time since the start at the last crossing of the line."""
        self.lap_number: IntArray = np.ones(cars, dtype=np.int64)

    @property
    def progress(self) -> FloatArray:
        """Return the progress [n] (percent of the present lap; negative behind the start)."""
        progress: FloatArray = np.minimum(self.travel_m / self.length_m, _ONE) * _PERCENT
        return progress

    @property
    def lap_complete(self) -> BoolArray:
        """Return who has completed the present lap [n]."""
        return self.travel_m >= self.length_m

    def way(self, from_s: FloatArray, to_s: FloatArray) -> FloatArray:
        """Return the way (m) along the centre line between two places less than half a lap apart, signed."""
        way = to_s - from_s
        return way - np.rint(way / self.length_m) * self.length_m

    def start(self, cars: IntArray, line_s: FloatArray, s_m: FloatArray) -> None:
        """Send some cars [m] off: they stand with the nose at `s_m` [m], their line is at `line_s` [m]."""
        for column in (self.elapsed, self.falling, self.still, self.hold):
            column[cars] = 0
        self.lap_number[cars] = 1
        self.travel_m[cars] = self.way(line_s, s_m)
        # A new array: the old one may still be the location of a step that others read.
        self.previous_s = self.previous_s.copy()
        self.previous_s[cars] = s_m

    def count(self, before: FloatArray, after: FloatArray, held: BoolArray, immobilized_m: float) -> None:
        """Count the step that led from state to state [6, n]."""
        moved_x, moved_y = after[X] - before[X], after[Y] - before[Y]
        still = moved_x * moved_x + moved_y * moved_y <= immobilized_m**2
        self.still = (self.still + _STEP) * (still & ~held)  # a penalty is no standstill of its own
        self.elapsed = self.elapsed + _STEP

    def measure(
        self, from_s: FloatArray, to_s: FloatArray, lap_over: Sequence[int], put_back: Sequence[int]
    ) -> None:
        """Count the way of the step [n], note falling progress and interpolate crossings of the line.

        `lap_over` are the cars whose next lap begins, `put_back` those that were lifted in this step.
        """
        length, gained = self.length_m, self.way(from_s, to_s)
        travel = self.travel_m + gained
        self.falling = (self.falling + _STEP) * (gained < _ZERO)
        self.previous_s, self.gained_m, self.travel_m = from_s, gained, travel
        for car in lap_over:
            travel[car] -= length
            self.lap_number[car] += 1
        for car in put_back:
            self.falling[car] = self.still[car] = 0
        for car in (travel >= length).nonzero()[0].tolist():
            share = 1.0 - (travel[car] - length) / gained[car]
            self.crossing_ms[car] = round((float(self.elapsed[car]) - 1.0 + share) * STEP_S * 1000.0)
