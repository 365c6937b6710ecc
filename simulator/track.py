"""A circuit: centre line and two borders, and where a point lies on them.

`Track` is immutable. Arc length `s_m` runs from waypoint 0 along the centre line in the direction of driving;
`offset_m` is positive to the left of that direction. Waypoints keep their closing duplicate (first == last),
as DeepRacer's do. All queries take and return arrays.

The geometry is the polyline itself: `project` is exact on it. Only the heading is smoothed (linear between
the vertices' mean directions), because a heading that jumps at every waypoint is of no use to a sensor or a
start.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulator.trackfile import TrackError, check_rows, read_rows

__all__ = ["FloatArray", "IntArray", "Projection", "Track", "TrackError", "nearest_on_polyline"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Pairs (point, segment) worked on at once by the exhaustive search: keeps it within some tens of MB.
PAIRS_AT_ONCE = 500_000


@dataclass(frozen=True, slots=True)
class Projection:
    """Points [m] seen from the centre line.

    `segment` is the waypoint behind the projected point; heading and width are those of the track there.
    """

    s_m: FloatArray
    offset_m: FloatArray
    distance_m: FloatArray
    heading_rad: FloatArray
    width_m: FloatArray
    segment: IntArray


class Track:
    """A closed circuit of `n` waypoints (closing duplicate included); metres, world frame."""

    __slots__ = (
        "_curvatures",
        "_headings",
        "inner",
        "is_ccw",
        "is_reversed",
        "length_m",
        "name",
        "outer",
        "segment_direction",
        "segment_length_m",
        "vertex_s_m",
        "waypoints",
    )

    def __init__(self, rows: FloatArray, name: str, *, is_reversed: bool = False) -> None:
        """Take checked rows [n, 6]; use `load` or `from_rows` for anything that comes from outside."""
        self.name = name
        self.is_reversed = is_reversed
        self.waypoints = _frozen(rows[:, 0:2])
        self.inner = _frozen(rows[:, 2:4])
        self.outer = _frozen(rows[:, 4:6])
        steps = np.diff(self.waypoints, axis=0)
        lengths = np.hypot(steps[:, 0], steps[:, 1])
        self.segment_length_m = _frozen(lengths)
        self.segment_direction = _frozen(steps / lengths[:, None])
        self.vertex_s_m = _frozen(np.concatenate([[0.0], np.cumsum(lengths)]))
        self.length_m = float(self.vertex_s_m[-1])
        self.is_ccw = signed_area(self.waypoints) > 0.0
        self._headings, self._curvatures = _smooth_headings(self.segment_direction, lengths)

    @classmethod
    def load(cls, path: str | Path, name: str | None = None) -> Track:
        """Read a DeepRacer track file (.npy, [n, 6]); raise `TrackError` for anything that is not one."""
        path = Path(path)
        return cls.from_rows(read_rows(path), name or path.stem)

    @classmethod
    def from_rows(cls, rows: ArrayLike, name: str) -> Track:
        """Make a track of rows [n, 6]: centre x, y, inner x, y, outer x, y (m), first row == last row."""
        return cls(check_rows(rows, name), name)

    def save(self, path: str | Path) -> None:
        """Write the rows [n, 6] as .npy, in this track's direction."""
        with Path(path).open("wb") as file:
            np.save(file, self.rows(), allow_pickle=False)

    def rows(self) -> FloatArray:
        """Return the rows [n, 6] of the file format."""
        return np.hstack([self.waypoints, self.inner, self.outer])

    def reversed(self) -> Track:
        """Return the circuit driven the other way: rows reversed, the borders keep their roles."""
        return Track(self.rows()[::-1], self.name, is_reversed=not self.is_reversed)

    @property
    def version(self) -> str:
        """Return a short hash of the geometry and the direction: equal bytes, equal version."""
        content = np.ascontiguousarray(self.rows()).tobytes() + bytes([self.is_reversed])
        return hashlib.sha256(content).hexdigest()[:12]

    @property
    def left(self) -> FloatArray:
        """Return the border [n, 2] on the left of the direction of driving."""
        return self.inner if self.is_ccw else self.outer

    @property
    def right(self) -> FloatArray:
        """Return the border [n, 2] on the right of the direction of driving."""
        return self.outer if self.is_ccw else self.inner

    def project(self, xy: ArrayLike) -> Projection:
        """Project points [m, 2] on the whole centre line; of equally near points the first one counts."""
        points = np.atleast_2d(np.asarray(xy, dtype=np.float64))
        segment, along, _ = nearest_on_polyline(points, self.waypoints)
        past_end = along >= self.segment_length_m[segment]
        segment = np.where(past_end, (segment + 1) % len(self.segment_length_m), segment)
        along = np.where(past_end, 0.0, along)
        direction = self.segment_direction[segment]
        relative = points - self.waypoints[segment]
        distance = np.hypot(*(relative - along[:, None] * direction).T)
        side = direction[:, 0] * relative[:, 1] - direction[:, 1] * relative[:, 0]
        s_m = self.vertex_s_m[segment] + along
        offset = np.where(side < 0.0, -distance, distance)
        return Projection(s_m, offset, distance, self.heading_at(s_m), self.width_at(s_m), segment)

    def at(self, s_m: ArrayLike, offset_m: ArrayLike = 0.0) -> FloatArray:
        """Return the points [m, 2] at arc lengths `s_m`, moved `offset_m` to the left; any s is wrapped."""
        s = self._wrapped(s_m)
        x = np.interp(s, self.vertex_s_m, self.waypoints[:, 0])
        y = np.interp(s, self.vertex_s_m, self.waypoints[:, 1])
        heading = np.interp(s, self.vertex_s_m, self._headings)
        offset = np.asarray(offset_m, dtype=np.float64)
        return np.column_stack([x - offset * np.sin(heading), y + offset * np.cos(heading)])

    def segment_at(self, s_m: ArrayLike) -> IntArray:
        """Return the segments [m] at arc lengths from 0 to the length of the track, both included."""
        segment = np.searchsorted(self.vertex_s_m, s_m, side="right") - 1
        return np.asarray(np.minimum(segment, len(self.segment_length_m) - 1))

    def heading_at(self, s_m: ArrayLike) -> FloatArray:
        """Return the smoothed heading [m] (rad, in (-pi, pi]) at arc lengths `s_m`."""
        heading = np.interp(self._wrapped(s_m), self.vertex_s_m, self._headings)
        return heading - 2.0 * np.pi * np.ceil((heading - np.pi) / (2.0 * np.pi))

    def curvature_at(self, s_m: ArrayLike) -> FloatArray:
        """Return the centre line's curvature [m] (1/m, left bends positive) at arc lengths `s_m`."""
        return np.interp(self._wrapped(s_m), self.vertex_s_m, self._curvatures)

    def border_at(self, s_m: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return the points of inner and outer border [m, 2] that are nearest to the centre line at `s_m`."""
        centre = self.at(s_m)
        return nearest_on_polyline(centre, self.inner)[2], nearest_on_polyline(centre, self.outer)[2]

    def width_at(self, s_m: ArrayLike) -> FloatArray:
        """Return DeepRacer's `track_width` [m] (m) at `s_m`: between the two points of `border_at`."""
        inner, outer = self.border_at(s_m)
        width: FloatArray = np.hypot(*(outer - inner).T)
        return width

    def _wrapped(self, s_m: ArrayLike) -> FloatArray:
        return np.mod(np.atleast_1d(np.asarray(s_m, dtype=np.float64)), self.length_m)

    def __repr__(self) -> str:
        direction = "ccw" if self.is_ccw else "cw"
        return f"Track({self.name!r}, {self.length_m:.2f} m, {len(self.waypoints)} waypoints, {direction})"


def signed_area(ring: FloatArray) -> float:
    """Return the area (m2) of a closed ring [n, 2]; positive when it runs counter-clockwise."""
    x, y = ring[:-1].T
    x_next, y_next = ring[1:].T
    return float(0.5 * np.sum(x * y_next - y * x_next))


def nearest_on_polyline(points: FloatArray, line: FloatArray) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return the places on a polyline nearest to points [m, 2]: segment, metres along it, point [m, 2]."""
    start, step = line[:-1], np.diff(line, axis=0)
    length = np.maximum(np.hypot(step[:, 0], step[:, 1]), 1e-300)
    unit = step / length[:, None]
    segment = np.empty(len(points), dtype=np.int64)
    along = np.empty(len(points))
    chunk = max(1, PAIRS_AT_ONCE // len(start))
    for first in range(0, len(points), chunk):
        part = slice(first, first + chunk)
        relative_x = points[part, 0, None] - start[:, 0]
        relative_y = points[part, 1, None] - start[:, 1]
        t = np.clip(relative_x * unit[:, 0] + relative_y * unit[:, 1], 0.0, length)
        square = (relative_x - t * unit[:, 0]) ** 2 + (relative_y - t * unit[:, 1]) ** 2
        best = np.argmin(square, axis=1)
        segment[part] = best
        along[part] = t[np.arange(len(best)), best]
    return segment, along, start[segment] + along[:, None] * unit[segment]


def _smooth_headings(direction: FloatArray, length: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return heading [n] (rad, unwrapped) and curvature [n] (1/m) at the vertices, closing one included."""
    before = np.roll(direction, 1, axis=0)
    cross = before[:, 0] * direction[:, 1] - before[:, 1] * direction[:, 0]
    turn = np.arctan2(cross, np.sum(before * direction, axis=1))
    first = np.arctan2(direction[0, 1], direction[0, 0])
    segment_heading = first + np.concatenate([[0.0], np.cumsum(turn[1:])])
    heading = np.append(segment_heading - 0.5 * turn, segment_heading[-1] + 0.5 * turn[0])
    curvature = turn / (0.5 * (length + np.roll(length, 1)))
    return _frozen(heading), _frozen(np.append(curvature, curvature[0]))


def _frozen(values: FloatArray) -> FloatArray:
    result = np.array(values, dtype=np.float64, order="C")
    result.setflags(write=False)
    return result
