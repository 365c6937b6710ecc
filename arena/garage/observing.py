"""What an agent is told in each tick: the numbers as they travel, and the dictionary that is made of them.

The parent writes a row of float64, the child turns it into `act`'s observation, fresh for every call, so that
an agent may keep or change it. Where a name is one of DeepRacer's params it means the same, but for `speed`
and `steering_angle`: an agent sees the car's true ones, which its commands only lead to after a lag.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

NUMBERS: Final = (
    "x",
    "y",
    "heading",
    "speed",
    "steering_angle",
    "yaw_rate",
    "progress",
    "time_s",
    "projection_distance",
    "offset",
    "heading_error",
    "track_width",
    "penalty_left_s",
    "overtime_left_s",
)
"""Metres, degrees, m/s, degrees/s, percent of the lap, seconds. `offset` is from the centre line, left
positive; `heading_error` against the direction of the road there."""
COUNTS: Final = ("lap", "step")
"""The lap that the car is in, from 1, and the ticks since `reset`."""
FLAGS: Final = ("all_wheels_on_track", "is_offtrack")
OTHERS: Final = ("waypoint_behind", "waypoint_ahead", "last_steering_angle", "last_speed")
COLUMNS: Final = (*NUMBERS, *COUNTS, *FLAGS, *OTHERS)

OBJECT_NUMBERS: Final = (
    "x",
    "y",
    "heading",
    "speed",
    "distance",
    "offset",
    "forward",
    "left",
    "length",
    "width",
)
"""Of each object: its place, the way to it along the track, ahead positive, its offset from the centre line,
where it is in the car's frame, and its size; a NaN in x: it is not there."""


class ObservationBuilder:
    """Makes observations of rows, for a race in which the vector has `readings` numbers and there are at most
    `objects` objects.
    """

    def __init__(self, readings: int, points: int, objects: int) -> None:
        """Take how many numbers the vector has, how many points ahead are told, and of how many objects."""
        self._points_at = len(COLUMNS) + readings
        self._objects_at = self._points_at + 2 * points
        self.width = self._objects_at + objects * len(OBJECT_NUMBERS)

    def dict_of(self, row: NDArray[np.float64]) -> dict[str, Any]:
        """Return the observation of a row [width]."""
        values = row[: len(COLUMNS)].tolist()
        observation: dict[str, Any] = dict(zip(NUMBERS, values, strict=False))
        lap, step, wheels, off_track, behind, ahead, steering, speed = values[len(NUMBERS) :]
        observation["lap"], observation["step"] = int(lap), int(step)
        observation["all_wheels_on_track"], observation["is_offtrack"] = wheels != 0.0, off_track != 0.0
        observation["closest_waypoints"] = [int(behind), int(ahead)]
        observation["last_action"] = (steering, speed)
        observation["vector"] = row[len(COLUMNS) : self._points_at].copy()
        observation["ahead"] = row[self._points_at : self._objects_at].reshape(-1, 2).copy()
        observation["objects"] = self._objects(row[self._objects_at :].tolist())
        return observation

    def _objects(self, cells: list[float]) -> list[dict[str, float]]:
        """Return those that are there, the next one ahead first, those behind last."""
        count = len(OBJECT_NUMBERS)
        objects = [
            dict(zip(OBJECT_NUMBERS, cells[first : first + count], strict=True))
            for first in range(0, len(cells), count)
            if cells[first] == cells[first]  # a NaN is not equal to itself
        ]
        return sorted(objects, key=lambda each: (each["distance"] < 0.0, abs(each["distance"])))
