"""Cars and the objects on their road: who has hit what, what params say of it, where a reset puts a car.

The collision test is DeepRacer's: a corner of the car's rectangle lies inside an object's. A corner of an
object that pokes into a car's flank is no crash there, and none here.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from simulator import params
from simulator.car import CarSpec
from simulator.objects import Objects, corners
from simulator.rules import Rules
from simulator.sensors import boxes
from simulator.sensors.view import CameraSpec
from simulator.situation import Situation

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

CAR_SIZE_M = boxes.CAR[:2]
"""The car's own collision rectangle (length, width), around its base."""
RESET_BEHIND_M = 1.0
RESET_AHEAD_M = 1.0
NEAR_M, FAR_M = 0.2, 300.0
"""Planes of the camera's frustum (the real simulator's)."""
CAMERA = CameraSpec()
NOTHING = -1
PAST_M = 0.6
"""Beyond an object by this much, a car can no longer hit it."""


class Encounters:
    """The crashes of n cars with the objects on one road."""

    def __init__(self, objects: Objects, car: CarSpec, cars: int) -> None:
        """Begin with no crash."""
        self.objects, self._car = objects, car
        self.hit: IntArray = np.full(cars, NOTHING, dtype=np.int64)
        """The object [n] that each car is in, or -1."""
        self._crashes: list[dict[int, int]] = [{} for _ in range(cars)]

    def clear(self, car: int) -> None:
        """Forget a car's crashes: its next drive begins."""
        self._crashes[car] = {}

    def look(self, now: Situation) -> BoolArray:
        """Find out which cars are in which object; return who has crashed [n]."""
        back = self._car.base_to_nose_m
        x, y = corners(now.nose_x - back * now.cos, now.nose_y - back * now.sin, now.cos, now.sin, CAR_SIZE_M)
        inside = np.any(self.objects.contain(x, y), axis=0)
        crashed = np.asarray(np.any(inside, axis=1))
        self.hit = np.where(crashed, inside.argmax(axis=1), NOTHING)
        return crashed

    def write_params(self, rows: FloatArray, now: Situation) -> None:
        """Fill the object columns of params rows [n, columns]; after `look` at the same situation."""
        columns, count = rows.T, len(self.objects)
        ahead = np.searchsorted(self.objects.s_m, now.location.s_m, side="right")
        following = ahead % count
        columns[params.IS_CRASHED] = self.hit != NOTHING
        columns[params.OBJECT_BEHIND] = (ahead - 1) % count
        columns[params.OBJECT_AHEAD] = following
        columns[params.OBJECT_IN_CAMERA] = self._in_camera(now, following)

    def _in_camera(self, now: Situation, which: IntArray) -> BoolArray:
        """Return whether the ground point under the middle of objects [n] lies in the camera's frustum."""
        mounted = CAMERA.forward_m - self._car.base_to_nose_m
        to_x = self.objects.x[which] - (now.nose_x + mounted * now.cos)
        to_y = self.objects.y[which] - (now.nose_y + mounted * now.sin)
        forward, left = to_x * now.cos + to_y * now.sin, to_y * now.cos - to_x * now.sin
        cos, sin = math.cos(CAMERA.pitch_rad), math.sin(CAMERA.pitch_rad)
        depth = forward * cos + CAMERA.up_m * sin
        below = CAMERA.up_m * cos - forward * sin
        half_width = math.tan(0.5 * CAMERA.field_of_view_rad)
        half_height = half_width * CAMERA.height / CAMERA.width
        seen = (depth >= NEAR_M) & (depth <= FAR_M)
        seen &= np.abs(left) <= depth * half_width
        return np.asarray(seen & (np.abs(below) <= depth * half_height))

    def crashed_into(self, car: int) -> int | None:
        """Return the object that a car is in; note one more crash there."""
        hit = int(self.hit[car])
        if hit == NOTHING:
            return None
        self._crashes[car][hit] = self._crashes[car].get(hit, 0) + 1
        return hit

    def reset_place(self, car: int, s_m: float, left: bool, rules: Rules) -> tuple[float, bool]:
        """Return where a reset puts a car: arc length (m) and whether on the left lane.

        `s_m` and `left` are where it would be without objects. Within 1.0 m of one, or after a crash, that is
        1.0 m behind the object on the other lane; after the third crash in one object, 1.0 m ahead of it.
        """
        length = self.objects.track.length_m
        step, which = -RESET_BEHIND_M, self.crashed_into(car)
        if which is not None and self._crashes[car][which] >= rules.max_resets_after_crash:
            step = RESET_AHEAD_M
            self._crashes[car][which] = 0
        if which is None:
            which = self._near(s_m)
        # The place behind one object may be inside another: then that one counts.
        for _ in range(len(self.objects)):
            if which is None:
                break
            s_m = float((self.objects.s_m[which] + step) % length)
            left = not self.objects.offset_m[which] > 0.0
            which = self._blocking(s_m, left)
        return s_m, left

    def _near(self, s_m: float) -> int | None:
        way = np.abs(self.objects.gaps(np.array([s_m]))[0])
        nearest = int(way.argmin())
        return nearest if way[nearest] < RESET_BEHIND_M else None

    def _blocking(self, s_m: float, left: bool) -> int | None:
        """Return the object on a lane that a car with its nose at `s_m` would stand in."""
        way = self.objects.gaps(np.array([s_m - self._car.base_to_nose_m]))[0]
        reach = 0.5 * (self.objects.size_m[:, 0] + CAR_SIZE_M[0])
        blocks = (np.abs(way) <= reach) & ((self.objects.offset_m > 0.0) == left)
        return int(blocks.argmax()) if blocks.any() else None


def clear_of(objects: Objects, s_m: FloatArray) -> FloatArray:
    """Return start places [m] (arc length, m) moved on past any object that they are too close to.

    An episode may begin anywhere, but neither inside an object nor so near that no car could avoid it.
    """
    length = objects.track.length_m
    for _ in range(len(objects)):
        way = objects.gaps(s_m)
        too_close = (way > -PAST_M) & (way < RESET_BEHIND_M)
        if not too_close.any():
            break
        which = too_close.argmax(axis=1)
        moved = (objects.s_m[which] + PAST_M + 0.01) % length
        s_m = np.where(too_close.any(axis=1), moved, s_m)
    return s_m
