"""What the physics loop asks of a track at every step, as tables: where is each car, how wide is the road
there.

`locate` searches only around the segment a car was on before. That is quick, and it is a rule of the race:
where the track comes close to itself, a car cannot jump to another part of it. Within the window the search
is exact.

Quantities that depend on the arc length alone are read from a table of one entry per `SPACING_M`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from simulator.surface import Surface
from simulator.track import Track

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

SPACING_M = 0.025
# A nose at 4 m/s moves 0.27 m a step; its projection moves faster on the inside of a bend.
WINDOW_M = 0.75
MAX_WINDOW_SEGMENTS = 40

_ZERO, _ZERO_SINGLE = np.array(0.0), np.array(0.0, dtype=np.float32)


@dataclass(slots=True)
class Location:
    """Where noses [n] are: segment, arc length, offset from the centre line (left +), distance to it."""

    segment: IntArray
    s_m: FloatArray
    offset_m: FloatArray
    distance_m: FloatArray


class Road:
    """A track prepared for the loop."""

    def __init__(self, track: Track, lookahead_m: tuple[float, ...] = ()) -> None:
        """Draw the tables; `lookahead_m` are the distances of the points that sensors will ask for."""
        self.track = track
        self.length_m = track.length_m
        self.surface = Surface(track)
        self._segments = len(track.segment_length_m)
        self._start_s = np.ascontiguousarray(track.vertex_s_m[:-1])
        self._next = (np.arange(self._segments) + 1) % self._segments
        self._table = np.vstack(
            [track.waypoints[:-1].T, track.segment_direction.T, track.segment_length_m, self._start_s]
        )
        self._draw_windows()
        self._draw_profile(lookahead_m)

    def _draw_windows(self) -> None:
        s, length = self.track.vertex_s_m, self.length_m
        laps = np.concatenate([s[:-1] - length, s[:-1], s[:-1] + length])
        ahead = np.searchsorted(laps, s[:-1] + WINDOW_M) - np.arange(self._segments) - self._segments
        behind = np.arange(self._segments) + self._segments - np.searchsorted(laps, s[:-1] - WINDOW_M)
        widest = int(max(ahead.max(), behind.max())) + 1
        self._reach = min(widest, MAX_WINDOW_SEGMENTS, (self._segments - 1) // 2)
        self._width = 2 * self._reach + 1
        shifts = np.arange(-self._reach, self._reach + 1)
        ids = (np.arange(self._segments)[:, None] + shifts) % self._segments
        self._window_ids = ids.ravel()
        self._windows = [row[ids].astype(np.float32) for row in self._table[:5]]

    def _draw_profile(self, lookahead_m: tuple[float, ...]) -> None:
        track = self.track
        self._entries = int(np.ceil(self.length_m / SPACING_M))
        # A 0-d array, which NumPy reads faster than a plain number.
        self._per_m: FloatArray = np.array(self._entries / self.length_m)
        # Two entries more than the lap has: s == length and the neighbour of the last entry can be read.
        s = np.arange(self._entries + 2) / self._per_m
        heading = track.heading_at(s)
        self._heading_cos, self._heading_sin = np.cos(heading), np.sin(heading)
        inner, outer = track.border_at(s)
        self._track_width: FloatArray = np.hypot(*(outer - inner).T)
        self._widening: FloatArray = np.append(np.diff(self._track_width), 0.0)
        self._middle = self._left_of_centre_from(track.at(s), heading, inner, outer)
        centre = (s + 0.5 / self._per_m)[:, None] + np.asarray(lookahead_m)
        points = track.at(centre.ravel()).reshape(len(s), len(lookahead_m), 2)
        self._ahead = np.ascontiguousarray(points.T, dtype=np.float32)

    def _left_of_centre_from(
        self, centre: FloatArray, heading: FloatArray, inner: FloatArray, outer: FloatArray
    ) -> FloatArray:
        """Return the offset (m) beyond which a point is nearer to the left border than to the right one.

        DeepRacer compares the distances to the two border points; on a road whose centre line is not in its
        middle that is not the sign of the offset.
        """
        left, right = (inner, outer) if self.track.is_ccw else (outer, inner)
        across = left - right
        normal = np.column_stack([-np.sin(heading), np.cos(heading)])
        toward_left = np.sum((0.5 * (left + right) - centre) * across, axis=1)
        return np.asarray(toward_left / np.sum(normal * across, axis=1))

    def locate(self, x: FloatArray, y: FloatArray, segment: IntArray) -> Location:
        """Project noses (m) on the centre line, searching around the segments [n] they were on.

        The search runs in single precision: it may mistake one neighbour of a vertex for the other, which is
        the same place. The place itself is then worked out in double precision.
        """
        start_x, start_y, unit_x, unit_y, length = [table.take(segment, axis=0) for table in self._windows]
        np.subtract(x.astype(np.float32)[:, None], start_x, out=start_x)
        np.subtract(y.astype(np.float32)[:, None], start_y, out=start_y)
        along = start_x * unit_x
        along += start_y * unit_y
        np.maximum(along, _ZERO_SINGLE, out=along)
        np.minimum(along, length, out=along)
        unit_x *= along
        unit_y *= along
        start_x -= unit_x
        start_y -= unit_y
        start_x *= start_x
        start_y *= start_y
        start_x += start_y
        return self._on_segment(x, y, self._window_ids.take(start_x.argmin(axis=1) + segment * self._width))

    def _on_segment(self, x: FloatArray, y: FloatArray, segment: IntArray) -> Location:
        """Return the places of points on segments [n], which are written on: some belong to the next one."""
        start_x, start_y, unit_x, unit_y, length, start_s = self._table.take(segment, axis=1)
        relative_x, relative_y = x - start_x, y - start_y
        along = np.maximum(relative_x * unit_x + relative_y * unit_y, _ZERO)
        # A point beyond the end belongs to the vertex, which is the beginning of the next segment.
        past_end = along >= length
        along = np.minimum(along, length)
        side = unit_x * relative_y - unit_y * relative_x
        away_x, away_y = relative_x - along * unit_x, relative_y - along * unit_y
        distance = np.sqrt(away_x * away_x + away_y * away_y)
        ended = past_end.nonzero()[0]
        if len(ended):
            segment[ended] = following = self._next.take(segment.take(ended))
            start_s[ended] = self._start_s.take(following)
            along[ended] = 0.0
        return Location(segment, start_s + along, np.copysign(distance, side), distance)

    def entry(self, s_m: FloatArray) -> IntArray:
        """Return the table entry [n] of arc lengths within the lap."""
        return (s_m * self._per_m).astype(np.int64)

    def width(self, s_m: FloatArray, entry: IntArray) -> FloatArray:
        """Return the track width [n] (m), interpolated."""
        return self._track_width.take(entry) + self._widening.take(entry) * (s_m * self._per_m - entry)

    def is_left(self, offset_m: FloatArray, entry: IntArray) -> NDArray[np.bool_]:
        """Return which noses [n] are nearer to the left border."""
        return np.asarray(offset_m > self._middle.take(entry))

    def heading(self, entry: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return cosine and sine [n] of the track's smoothed heading."""
        return self._heading_cos.take(entry), self._heading_sin.take(entry)

    def ahead(self, entry: IntArray) -> NDArray[np.float32]:
        """Return the centre-line points ahead [2, k, n] (m): x and y, in single precision."""
        return self._ahead.take(entry, axis=2)


@lru_cache(maxsize=4)
def road_of(track: Track, lookahead_m: tuple[float, ...] = ()) -> Road:
    """Return the track prepared for the loop; the last few are kept, because drawing one takes some 50 ms."""
    return Road(track, lookahead_m)
