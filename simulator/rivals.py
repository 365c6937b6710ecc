"""Rivals: the other cars of a race with several, as objects around each.

Cars k * size .. k * size + size - 1 share a road. In a race (a start from the grid) a car that is done stands
aside, off the road, until the last one of its group is done; then all start anew. In training each car that
is done starts anew by itself, at a place clear of the others.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.car import CarSpec
from simulator.objects import Objects
from simulator.road import IntArray, Road
from simulator.sensors import boxes
from simulator.situation import Situation

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

MAX_CARS = 8
CLEAR_AHEAD_M, CLEAR_BEHIND_M = 1.5, 2.5
"""How far the next rival should be from a start in training: in front of it, and coming from behind."""
CANDIDATES = 32


class Rivals:
    """Groups of `size` cars each among n."""

    def __init__(self, road: Road, spec: CarSpec, cars: int, size: int) -> None:
        """Work out who is whose rival."""
        if not 2 <= size <= MAX_CARS or cars % size:
            raise ValueError(
                f"expected 1, or 2 to {MAX_CARS} cars per race and a multiple of them in all, got "
                f"cars={size} and num_envs={cars}"
            )
        self.size, self._road, self._spec = size, road, spec
        everyone = np.arange(size)
        self._others = np.array([np.delete(everyone, own) for own in range(size)])
        self.aside: BoolArray = np.zeros(cars, dtype=np.bool_)
        """Who is done and waits for the last one of the group [n]."""

    def around(self, now: Situation, speed_mps: FloatArray, aside: BoolArray) -> Objects:
        """Return the rivals [m, size - 1] around cars [m] in whole groups, without those `aside` [m]."""
        back, count = self._spec.base_to_nose_m, len(speed_mps)
        x, y = now.nose_x - back * now.cos, now.nose_y - back * now.sin
        place = self._road.locate(x, y, now.location.segment)
        own = np.arange(count)
        who = (own // self.size * self.size)[:, None] + self._others[own % self.size]
        gone = np.where(aside, np.nan, 0.0)
        way = place.s_m[who] - place.s_m[:, None]
        way -= np.rint(way / self._road.length_m) * self._road.length_m
        return Objects(
            self._road.track,
            (x + gone)[who],
            (y + gone)[who],
            (now.yaw_rad + gone)[who],
            (place.s_m + gone)[who],
            (place.offset_m + gone)[who],
            reported_heading_rad=now.yaw_rad[who],
            speed_mps=speed_mps[who],
            size_m=np.tile(np.array(boxes.CAR), (self.size - 1, 1)),
            moves=np.ones(self.size - 1, dtype=np.bool_),
            behind=way < 0.0,
        )

    def nobody(self) -> Objects:
        """Return the rivals [n, size - 1] before any car is on the road."""
        shape = (len(self.aside), self.size - 1)
        nan, s_m, offset = (np.full(shape, np.nan) for _ in range(3))
        return Objects(
            self._road.track,
            nan,
            nan,
            nan,
            s_m,
            offset,
            reported_heading_rad=nan,
            speed_mps=nan,
            size_m=np.tile(np.array(boxes.CAR), (self.size - 1, 1)),
            moves=np.ones(self.size - 1, dtype=np.bool_),
            behind=np.zeros(shape, dtype=np.bool_),
        )

    def group_mates(self, cars: IntArray) -> IntArray:
        """Return all cars that share a road with some cars, sorted."""
        groups = np.unique(cars // self.size)
        return np.asarray((groups[:, None] * self.size + np.arange(self.size)).ravel())

    def retire(self, ended: BoolArray) -> IntArray:
        """Let cars that ended [n] stand aside; return those who start anew: groups in which all are done."""
        self.aside |= ended
        done = np.repeat(self.aside.reshape(-1, self.size).all(axis=1), self.size)
        self.aside[done] = False
        return done.nonzero()[0]

    def tell(self, objects: Objects, car: int, s_m: float, offset_m: float) -> None:
        """Tell the rivals of a car that it was lifted to another place, before they look themselves."""
        first = car // self.size * self.size
        own, stands = car - first, len(objects) - (self.size - 1)
        for other in self._others[own].tolist():
            column = stands + (own if own < other else own - 1)
            objects.s_m[first + other, column] = s_m
            objects.offset_m[first + other, column] = offset_m


def roomy_place(objects: Objects, candidates: FloatArray) -> int:
    """Return the first of the places [m] (m) with enough room to the cars that drive, or the roomiest one.

    `objects` are those around one car.
    """
    way = objects.gaps(candidates)[:, objects.moves]
    room = np.where(way >= 0.0, way / CLEAR_AHEAD_M, -way / CLEAR_BEHIND_M)
    least = np.where(np.isnan(room), np.inf, room).min(axis=1)
    enough = least >= 1.0
    return int(enough.argmax() if enough.any() else least.argmax())
