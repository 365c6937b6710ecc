"""What reward functions often need, ready and fast: `from arena_tools import heading_error, RacingLine`.

Every arena offers it, a laptop gets it with `pip install`, and this one file beside a reward function will do
too: it needs NumPy alone. All of it works on the `params` of DeepRacer; angles are in degrees, distances in
metres. What remembers something is an object that each copy of a reward function makes for itself:

    from arena_tools import Gained, heading_error

    gained = Gained("progress")

    def reward_function(params):
        return gained(params) - 0.01 * abs(heading_error(params))
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

__all__ = [
    "Gained",
    "OnLine",
    "RacingLine",
    "angle_difference",
    "bend_ahead",
    "direction",
    "heading_error",
    "nearest_index",
    "offset_from_center",
    "point_ahead",
    "track_direction",
]

Params = Mapping[str, Any]
Point = Sequence[float]


def angle_difference(to_deg: float, from_deg: float) -> float:
    """Return how far to turn (deg, from -180 up to 180) from one direction to another; left is positive."""
    return (to_deg - from_deg + 180.0) % 360.0 - 180.0


def direction(start: Point, end: Point) -> float:
    """Return the direction (deg) in which `end` lies from `start`, 0 along x, 90 along y."""
    return math.degrees(math.atan2(end[1] - start[1], end[0] - start[0]))


def track_direction(params: Params) -> float:
    """Return the direction (deg) of the track where the car is: from the waypoint behind to the one ahead."""
    waypoints = params["waypoints"]
    behind, ahead = params["closest_waypoints"]
    if waypoints[behind] == waypoints[ahead]:  # the first waypoint stands at the end of the list again
        ahead = (ahead + 1) % len(waypoints)
    return direction(waypoints[behind], waypoints[ahead])


def heading_error(params: Params) -> float:
    """Return how far the car is turned out of the track's direction (deg, -180 to 180); left is positive."""
    return angle_difference(params["heading"], track_direction(params))


def offset_from_center(params: Params) -> float:
    """Return the distance from the centre line (m), positive on the left, negative on the right."""
    distance: float = params["distance_from_center"]
    return distance if params["is_left_of_center"] else -distance


def nearest_index(points: Sequence[Point], x: float, y: float) -> int:
    """Return the index of the point nearest to (x, y), the first of them where several are as near.

    For a list that stays the same make a `RacingLine` of it: that is many times quicker.
    """
    return min(range(len(points)), key=lambda i: (points[i][0] - x) ** 2 + (points[i][1] - y) ** 2)


def point_ahead(params: Params, distance_m: float) -> tuple[float, float]:
    """Return the point of the centre line that is `distance_m` ahead of the car, measured along the line."""
    x, y = params["x"], params["y"]
    if distance_m <= 0.0:
        return x, y
    left_m = distance_m
    for to_x, to_y in _way_ahead(params):
        part_m = math.hypot(to_x - x, to_y - y)
        if part_m >= left_m:
            share = left_m / part_m
            return x + share * (to_x - x), y + share * (to_y - y)
        left_m -= part_m
        x, y = to_x, to_y
    return x, y


def bend_ahead(params: Params, distance_m: float) -> float:
    """Return how far the centre line turns within the next `distance_m` (deg); left is positive."""
    waypoints = params["waypoints"]
    x, y = waypoints[params["closest_waypoints"][0]]
    turned, left_m, before = 0.0, distance_m, None
    for to_x, to_y in _way_ahead(params):
        along = math.degrees(math.atan2(to_y - y, to_x - x))
        if before is not None:
            turned += (along - before + 180.0) % 360.0 - 180.0
        before = along
        left_m -= math.hypot(to_x - x, to_y - y)
        if left_m <= 0.0:
            break
        x, y = to_x, to_y
    return turned


def _way_ahead(params: Params) -> list[Point]:
    """Return the waypoints from the one ahead of the car on, once round, each once."""
    waypoints = params["waypoints"]
    behind, ahead = params["closest_waypoints"]
    closed = waypoints[0] == waypoints[-1]
    count = len(waypoints) - closed
    first = (ahead if waypoints[ahead] != waypoints[behind] else ahead + 1) % count
    way: list[Point] = waypoints[first:count] + waypoints[:first]
    return way


class Gained:
    """How much one of the params has grown since the car's last step: `gained = Gained("progress")`.

    Calling it with `params` returns the growth, 0.0 in the first call of an episode. Make it once, outside
    the reward function, and call it in every step.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._steps = math.inf
        self._value = 0.0

    def __call__(self, params: Params) -> float:
        value, steps = params[self.name], params["steps"]
        gained = value - self._value if steps > self._steps else 0.0
        self._value, self._steps = value, steps
        return float(gained)


class OnLine(NamedTuple):
    """Where a car is on a racing line."""

    nearest: int
    """Index of the nearest point."""
    offset_m: float
    """Distance from the line; positive on its left."""
    direction: float
    """Of the line there (deg)."""
    speed: float
    """What the line says for there (m/s), 0.0 when its points say nothing."""
    along_m: float
    """Way along the line from its first point."""


class RacingLine:
    """A closed line of points `[x, y]` or `[x, y, speed, ...]`: find where a car is on it, in a few
    microseconds.

    Make it once, outside the reward function: `line = RacingLine(points)`, then `line.at(params)`. A last
    point that repeats the first is left out. Raises ValueError for fewer than three points.
    """

    def __init__(self, points: Sequence[Point]) -> None:
        table = [[float(number) for number in point[:3]] for point in points]
        if len(table) > 1 and table[0][:2] == table[-1][:2]:
            table.pop()
        if len(table) < 3:
            raise ValueError(f"expected three points or more, got {len(table)}")
        self.points = [(point[0], point[1]) for point in table]
        self.speeds = [point[2] if len(point) > 2 else 0.0 for point in table]
        ends = [*self.points[1:], self.points[0]]
        self._steps = [(bx - ax, by - ay) for (ax, ay), (bx, by) in zip(self.points, ends, strict=True)]
        self._lengths_m = [math.hypot(*step) or 1e-9 for step in self._steps]
        self.starts_m: list[float] = [0.0, *np.cumsum(self._lengths_m).tolist()]
        """Way along the line at each point; one more than points: the last is the whole length."""
        x, y = np.array(self.points).T
        # of |p - c|^2 only |p|^2 - 2 p c tells the points apart
        self._twice_x, self._twice_y, self._squares = 2.0 * x, 2.0 * y, x * x + y * y

    @property
    def length_m(self) -> float:
        """Return the length of the whole line."""
        return float(self.starts_m[-1])

    def nearest(self, x: float, y: float) -> int:
        """Return the index of the point nearest to (x, y)."""
        return int((self._squares - self._twice_x * x - self._twice_y * y).argmin())

    def at(self, params: Params) -> OnLine:
        """Return where the car of `params` is on the line."""
        return self.find(params["x"], params["y"])

    def find(self, x: float, y: float) -> OnLine:
        """Return where (x, y) is on the line: beside the nearest point's segment before or behind it."""
        index = self.nearest(x, y)
        count = len(self.points)
        segment, share = index, self._share(index, x, y)
        if share < 0.0:  # behind the nearest point: on the segment that leads to it
            segment = (index - 1) % count
            share = min(1.0, self._share(segment, x, y))
        share = max(0.0, share)
        (start_x, start_y), (step_x, step_y) = self.points[segment], self._steps[segment]
        length_m = self._lengths_m[segment]
        away_x, away_y = x - start_x - share * step_x, y - start_y - share * step_y
        offset_m = math.copysign(math.hypot(away_x, away_y), step_x * away_y - step_y * away_x)
        speed, next_speed = self.speeds[segment], self.speeds[(segment + 1) % count]
        return OnLine(
            index,
            offset_m,
            math.degrees(math.atan2(step_y, step_x)),
            speed + share * (next_speed - speed),
            self.starts_m[segment] + share * length_m,
        )

    def _share(self, segment: int, x: float, y: float) -> float:
        """Return how far along a segment (x, y) is: 0 at its start, 1 at its end."""
        (start_x, start_y), (step_x, step_y) = self.points[segment], self._steps[segment]
        length_m = self._lengths_m[segment]
        return ((x - start_x) * step_x + (y - start_y) * step_y) / (length_m * length_m)
