"""The entrant's contract: the 27 DeepRacer params, and the one place that builds them.

The dynamic ones travel as rows of float64 (`COLUMNS`); the static ones (waypoints, track length, direction)
once. `ParamsBuilder` turns rows into dicts, fresh ones for every call, so that a reward function may keep or
change them. This module imports nothing but numpy's types and the standard library: the process that runs
entrant code loads it.

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
) = range(len(COLUMNS))


class StaticParams(TypedDict):
    """What does not change during a drive, as JSON can carry it."""

    waypoints: list[list[float]]
    track_length: float
    is_reversed: bool
    first_step: int


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
    ) -> None:
        """Take all centre vertices (m), closing duplicate included, and the length of the centre line (m).

        `first_step` other than 2 is for functions that set themselves up when `steps` is 1 (or 0), which
        DeepRacer never says: it renumbers the steps that the function sees, and nothing else.
        """
        self.waypoints = [(float(x), float(y)) for x, y in waypoints]
        self.track_length = float(track_length)
        self.is_reversed = bool(is_reversed)
        self.first_step = int(first_step)
        self._template: dict[str, Any] = {
            "all_wheels_on_track": True,
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
        }

    @classmethod
    def from_static(cls, static: StaticParams) -> ParamsBuilder:
        """Make the builder that `static` was taken from."""
        return cls(static["waypoints"], static["track_length"], static["is_reversed"], static["first_step"])

    def dicts(self, rows: Sequence[Sequence[float]]) -> Iterator[dict[str, Any]]:
        """Yield one fresh dict per row; rows are lists of floats in the order of `COLUMNS`."""
        # Copying a template and assigning is half the price of a dict display of 27 keys.
        copy, waypoints = self._template.copy, self.waypoints
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
            ) = row
            if earlier:
                params["steps"] -= earlier
            params["all_wheels_on_track"] = wheels != 0.0
            params["is_left_of_center"] = left != 0.0
            params["is_offtrack"] = off_track != 0.0
            params["is_crashed"] = crashed != 0.0
            params["closest_waypoints"] = [int(behind), int(ahead)]
            params["waypoints"] = waypoints[:]
            _without_objects(params)
            yield params


def _without_objects(params: dict[str, Any]) -> None:
    """Set the defaults of the object keys, fresh lists each."""
    params["closest_objects"] = [0, 0]
    params["objects_location"] = []
    params["objects_distance"] = []
    params["objects_distance_from_center"] = []
    params["objects_heading"] = []
    params["objects_speed"] = []
    params["objects_left_of_center"] = []
