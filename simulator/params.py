"""The entrant's contract: the 27 DeepRacer params, and the one place that builds them.

The dynamic ones travel as rows of float64 (`COLUMNS`, and `MOVING_COLUMNS` for each object where objects
move); the static ones (waypoints, track length, direction, objects that stand) once. `ParamsBuilder` turns
rows into dicts, fresh ones for every call, so that a reward function may keep or change them. This module
imports nothing but numpy's types and the standard library: the process that runs entrant code loads it.

Positions are the car's nose. A row describes the state before the action acts, with the action as commanded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypedDict

COLUMNS = (
    "all_wheels_on_track",
    "x",
    "y",
    "heading",
    "distance_from_center",
    "projection_distance",
    "progress",
    "steps",
    "speed",
    "steering_angle",
    "track_width",
    "closest_waypoint_behind",
    "closest_waypoint_ahead",
    "is_left_of_center",
    "is_offtrack",
    "is_crashed",
    "sim_time",
    "closest_object_behind",
    "closest_object_ahead",
    "object_in_camera",
)
"""The dynamic params, one float64 column each; booleans and indices are whole numbers."""

(
    ALL_WHEELS_ON_TRACK,
    X,
    Y,
    HEADING,
    DISTANCE_FROM_CENTER,
    PROJECTION_DISTANCE,
    PROGRESS,
    STEPS,
    SPEED,
    STEERING_ANGLE,
    TRACK_WIDTH,
    WAYPOINT_BEHIND,
    WAYPOINT_AHEAD,
    IS_LEFT_OF_CENTER,
    IS_OFFTRACK,
    IS_CRASHED,
    SIM_TIME,
    OBJECT_BEHIND,
    OBJECT_AHEAD,
    OBJECT_IN_CAMERA,
) = range(len(COLUMNS))


MOVING_COLUMNS = ("x", "y", "distance", "distance_from_center", "heading", "speed", "left_of_center")
"""What a row says of each object, behind `COLUMNS`, where objects move; a NaN in x: it is not there."""


def row_width(moving: int = 0) -> int:
    """Return how many numbers a params row has with `moving` objects in it."""
    return len(COLUMNS) + moving * len(MOVING_COLUMNS)


class ObjectLists(TypedDict):
    """What params say of the objects on the track, one entry per object."""

    location: list[list[float]]
    distance: list[float]
    distance_from_center: list[float]
    heading: list[float]
    speed: list[float]
    left_of_center: list[bool]


class StaticParams(TypedDict):
    """What does not change during a drive, as JSON can carry it."""

    waypoints: list[list[float]]
    track_length: float
    is_reversed: bool
    first_step: int
    objects: ObjectLists | None
    moving: int


FIRST_CALL_STEPS = 2
"""`steps` in the first call of an episode: DeepRacer counts the reset as step 1 and makes no call for it."""


class ParamsBuilder:
    """Makes params dicts for one track."""

    def __init__(
        self,
        waypoints: Sequence[Sequence[float]],
        track_length: float,
        is_reversed: bool,
        first_step: int = FIRST_CALL_STEPS,
        objects: ObjectLists | None = None,
        moving: int = 0,
    ) -> None:
        """Take all centre vertices (m), closing duplicate included, and the length of the centre line (m).

        `first_step` other than 2 is for functions that set themselves up when `steps` is 1 (or 0), which
        DeepRacer never says: it renumbers the steps that the function sees, and nothing else.
        `objects` are the lists of what stands on the track; where objects move, rows speak of `moving` ones.
        """
        self.waypoints = [(float(x), float(y)) for x, y in waypoints]
        self.track_length = float(track_length)
        self.is_reversed = bool(is_reversed)
        self.first_step = int(first_step)
        self.objects = objects
        self.moving = int(moving)
        self._template: dict[str, Any] = {
            "all_wheels_on_track": False,
            "x": 0.0,
            "y": 0.0,
            "heading": 0.0,
            "distance_from_center": 0.0,
            "projection_distance": 0.0,
            "progress": 0.0,
            "steps": 0.0,
            "speed": 0.0,
            "steering_angle": 0.0,
            "track_width": 0.0,
            "track_length": self.track_length,
            "waypoints": None,
            "closest_waypoints": None,
            "is_left_of_center": False,
            "is_reversed": self.is_reversed,
            "is_offtrack": False,
            "is_crashed": False,
            "sim_time": 0.0,
            "closest_objects": None,
            "objects_location": None,
            "objects_distance": None,
            "objects_distance_from_center": None,
            "objects_heading": None,
            "objects_speed": None,
            "objects_left_of_center": None,
            "object_in_camera": False,
        }

    def static(self) -> StaticParams:
        """Return the static part as JSON can carry it."""
        return {
            "waypoints": [list(point) for point in self.waypoints],
            "track_length": self.track_length,
            "is_reversed": self.is_reversed,
            "first_step": self.first_step,
            "objects": self.objects,
            "moving": self.moving,
        }

    @classmethod
    def from_static(cls, static: StaticParams) -> ParamsBuilder:
        """Make the builder that `static` was taken from."""
        points, length, first_step = static["waypoints"], static["track_length"], static["first_step"]
        objects, moving = static["objects"], static["moving"]
        return cls(points, length, static["is_reversed"], first_step, objects, moving)

    def dicts(self, rows: Sequence[Sequence[float]]) -> Iterator[dict[str, Any]]:
        """Yield one fresh dict per row; rows are lists of `row_width(moving)` floats."""
        return self._moving_dicts(rows) if self.moving else self._dicts(rows)

    def _moving_dicts(self, rows: Sequence[Sequence[float]]) -> Iterator[dict[str, Any]]:
        first = len(COLUMNS)
        for row, params in zip(rows, self._dicts([row[:first] for row in rows]), strict=True):
            _with_moving(params, row)
            yield params

    def _dicts(self, rows: Sequence[Sequence[float]]) -> Iterator[dict[str, Any]]:
        # Copying a template, whose flags are False, and assigning is half the price of a dict display of 27
        # keys. Everything stands in line here because this is half the price of a short reward function.
        copy, copied_waypoints, objects = self._template.copy, self.waypoints.copy, self.objects
        earlier = FIRST_CALL_STEPS - self.first_step
        for row in rows:
            params = copy()
            (
                wheels,
                params["x"],
                params["y"],
                params["heading"],
                params["distance_from_center"],
                params["projection_distance"],
                params["progress"],
                params["steps"],
                params["speed"],
                params["steering_angle"],
                params["track_width"],
                behind,
                ahead,
                left,
                off_track,
                crashed,
                params["sim_time"],
                object_behind,
                object_ahead,
                in_camera,
            ) = row
            if earlier:
                params["steps"] -= earlier
            if wheels:
                params["all_wheels_on_track"] = True
            if left:
                params["is_left_of_center"] = True
            if off_track:
                params["is_offtrack"] = True
            if crashed:
                params["is_crashed"] = True
            params["closest_waypoints"] = [int(behind), int(ahead)]
            params["waypoints"] = copied_waypoints()
            if objects is None:
                params["closest_objects"] = [0, 0]
                params["objects_location"] = []
                params["objects_distance"] = []
                params["objects_distance_from_center"] = []
                params["objects_heading"] = []
                params["objects_speed"] = []
                params["objects_left_of_center"] = []
            else:
                params["closest_objects"] = [int(object_behind), int(object_ahead)]
                params["object_in_camera"] = in_camera != 0.0
                _with_objects(params, objects)
            yield params


def _with_objects(params: dict[str, Any], objects: ObjectLists) -> None:
    """Set the lists of the objects, fresh ones each."""
    params["objects_location"] = [place[:] for place in objects["location"]]
    params["objects_distance"] = objects["distance"][:]
    params["objects_distance_from_center"] = objects["distance_from_center"][:]
    params["objects_heading"] = objects["heading"][:]
    params["objects_speed"] = objects["speed"][:]
    params["objects_left_of_center"] = objects["left_of_center"][:]


def _with_moving(params: dict[str, Any], row: Sequence[float]) -> None:
    """Set the object keys from a whole row."""
    width = len(MOVING_COLUMNS)
    cells = [row[first : first + width] for first in range(len(COLUMNS), len(row), width)]
    there = [cell for cell in cells if cell[0] == cell[0]]  # a NaN is not equal to itself
    params["closest_objects"] = [int(row[OBJECT_BEHIND]), int(row[OBJECT_AHEAD])]
    params["object_in_camera"] = row[OBJECT_IN_CAMERA] != 0.0
    params["objects_location"] = [[cell[0], cell[1]] for cell in there]
    params["objects_distance"] = [cell[2] for cell in there]
    params["objects_distance_from_center"] = [cell[3] for cell in there]
    params["objects_heading"] = [cell[4] for cell in there]
    params["objects_speed"] = [cell[5] for cell in there]
    params["objects_left_of_center"] = [cell[6] != 0.0 for cell in there]
