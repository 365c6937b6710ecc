"""Cars and the objects on their road: who has hit what, what params say of it, where a reset puts a car.

The collision test is DeepRacer's: a corner of the car's rectangle lies inside an object's. A corner of an
object that pokes into a car's flank is no crash there, and none here. Of two that drive, the one behind is at
fault; whoever drove into a car from behind, or into one that serves a penalty, is not its fault until they
part.
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
ROOM_M = 0.3
"""More way to keep to what drives: at 4 m/s it goes 0.27 m in a step, and bends bring cars closer."""
PAST_M = 0.6
"""Beyond an object by this much, a car can no longer hit it."""


class Encounters:
    """The crashes of n cars with the k objects around each."""

    def __init__(self, car: CarSpec, cars: int, objects: int) -> None:
        """Begin with no crash."""
        self._car = car
        self.hit: IntArray = np.full(cars, NOTHING, dtype=np.int64)
        """The object [n] that each car is in by its own fault, or -1."""
        self._forgiven: BoolArray = np.zeros((cars, objects), dtype=np.bool_)
        self._crashes: list[dict[int, int]] = [{} for _ in range(cars)]

    def clear(self, car: int) -> None:
        """Forget a car's crashes: its next drive begins."""
        self._crashes[car] = {}
        self._forgiven[car] = False

    def look(self, objects: Objects, now: Situation, held: BoolArray) -> BoolArray:
        """Find out which cars are in which object; return who has crashed [n]. `held` cars [n] do not."""
        back = self._car.base_to_nose_m
        x, y = corners(now.nose_x - back * now.cos, now.nose_y - back * now.sin, now.cos, now.sin, CAR_SIZE_M)
        inside = np.any(objects.contain(x, y), axis=0)
        if not objects.shared:
            blameless = self._forgiven | objects.behind | held[:, None]
            self._forgiven = inside & blameless & objects.moves
            inside &= ~self._forgiven
        crashed = np.asarray(np.any(inside, axis=1))
        self.hit = np.where(crashed, inside.argmax(axis=1), NOTHING)
        return crashed

    def write_params(self, objects: Objects, now: Situation, rows: FloatArray) -> None:
        """Fill the object columns of params rows [n, columns]; after `look` at the same situation."""
        columns, length = rows.T, objects.track.length_m
        way = objects.s_m - now.location.s_m[:, None]
        way -= np.floor(way / length) * length
        # An object right beside the nose is behind it.
        way[way <= 0.0] = length
        if objects.shared:
            ahead, behind = way.argmin(axis=1), way.argmax(axis=1)
            columns[params.OBJECT_AHEAD], columns[params.OBJECT_BEHIND] = ahead, behind
        else:
            objects.write(rows[:, len(params.COLUMNS) :])
            there = ~objects.absent
            ahead = np.where(there, way, np.inf).argmin(axis=1)
            behind = np.where(there, way, -1.0).argmax(axis=1)
            # The lists leave absent ones out; without any the indices are DeepRacer's [0, 0].
            place = np.maximum(there.cumsum(axis=1) - 1, 0)
            everyone = np.arange(len(rows))
            columns[params.OBJECT_AHEAD] = place[everyone, ahead]
            columns[params.OBJECT_BEHIND] = place[everyone, behind]
        columns[params.IS_CRASHED] = self.hit != NOTHING
        columns[params.OBJECT_IN_CAMERA] = self._in_camera(objects, now, ahead)

    def _in_camera(self, objects: Objects, now: Situation, which: IntArray) -> BoolArray:
        """Return whether the ground point under the middle of objects [n] lies in the camera's frustum."""
        mounted = CAMERA.forward_m - self._car.base_to_nose_m
        row = np.arange(len(which)) if len(objects.x) > 1 else 0
        to_x = objects.x[row, which] - (now.nose_x + mounted * now.cos)
        to_y = objects.y[row, which] - (now.nose_y + mounted * now.sin)
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

    def reset_place(
        self, objects: Objects, car: int, s_m: float, left: bool, rules: Rules
    ) -> tuple[float, bool]:
        """Return where a reset puts a car: arc length (m) and whether on the left lane.

        `objects` are those around this car, `s_m` and `left` where it would be without them. Within 1.0 m of
        one, or after a crash, that is 1.0 m behind the object on the other lane; after the third crash in one
        that stands, 1.0 m ahead of it.
        """
        step, which = -RESET_BEHIND_M, self.crashed_into(car)
        if (
            which is not None
            and not objects.moves[which]
            and self._crashes[car][which] >= rules.max_resets_after_crash
        ):
            step = RESET_AHEAD_M
            self._crashes[car][which] = 0
        if which is None:
            which = _near(objects, s_m)
        # The place behind one object may be inside another: then that one counts.
        for _ in range(len(objects)):
            if which is None:
                break
            s_m = float((objects.s_m[0, which] + step) % objects.track.length_m)
            left = not objects.offset_m[0, which] > 0.0
            which = self._blocking(objects, s_m, left)
        return s_m, left

    def _blocking(self, objects: Objects, s_m: float, left: bool) -> int | None:
        """Return the object on a lane that a car with its nose at `s_m` would stand in."""
        way = objects.gaps(np.array([s_m - self._car.base_to_nose_m]))[0]
        reach = 0.5 * (objects.size_m[:, 0] + CAR_SIZE_M[0]) + ROOM_M * objects.moves
        offset = objects.offset_m[0]
        # What drives may be on both lanes at once.
        on_lane = ((offset > 0.0) == left) | (objects.moves & (np.abs(offset) < CAR_SIZE_M[1]))
        blocks = (np.abs(way) <= reach) & on_lane
        return int(blocks.argmax()) if blocks.any() else None


def _near(objects: Objects, s_m: float) -> int | None:
    way = np.abs(objects.gaps(np.array([s_m]))[0])
    way[objects.absent[0]] = np.inf
    nearest = int(way.argmin())
    return nearest if way[nearest] < RESET_BEHIND_M else None


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
        moved = (objects.s_m[0, which] + PAST_M + 0.01) % length
        s_m = np.where(too_close.any(axis=1), moved, s_m)
    return s_m
