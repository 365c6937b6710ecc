"""Is a point on the road? The road's signed distance field on a grid, and bilinear reading of it.

The road is the polygon between the outer and the inner border. The field holds, per grid point, the distance
to the nearest border (m), positive on the road, exact near the borders and cut off at `BAND_M`. Along a
straight piece of border the field is linear, so that bilinear reading finds the border exactly; at a border's
corner it errs by less than a millimetre. Reading costs the same wherever the point is and however many
waypoints the track has.

Nearly every wheel stands in a cell that is on the road, or off it, with all of its corners: one byte a cell
says so, and only the others are read bilinearly.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.raster import Grid, signed_ring_distance
from simulator.track import Track

FloatArray = NDArray[np.float64]

CELL_M = 0.025
BAND_M = 0.15
MARGIN_M = 0.30
MAX_CELLS = 4_000_000

# 0-d arrays, which NumPy reads faster than plain numbers.
_ZERO = np.array(0.0)
_ON, _OFF, _DIVIDED = (np.array(kind, dtype=np.int8) for kind in range(3))
_ROUNDING_M = 1e-9
"""More than bilinear reading can lose to rounding."""


class Surface:
    """The signed distance field of a track's road."""

    def __init__(self, track: Track) -> None:
        """Draw the field; some ten milliseconds for a usual track."""
        corners = np.vstack([track.outer, track.inner])
        low, high = corners.min(axis=0) - MARGIN_M, corners.max(axis=0) + MARGIN_M
        area = float(np.prod(high - low))
        self.cell_m = max(CELL_M, (area / MAX_CELLS) ** 0.5)
        self.low = low
        self.columns, self.rows = (np.ceil((high - low) / self.cell_m).astype(int) + 1).tolist()
        grid = Grid(low, self.cell_m, self.columns, self.rows)
        outer, inner = (signed_ring_distance(grid, ring, BAND_M) for ring in (track.outer, track.inner))
        self.distance = np.minimum(outer, -inner)
        self._flat = self.distance.ravel()
        self._rise = np.append(np.diff(self._flat), 0.0)
        self._kinds = self._kinds_of_cells().ravel()
        self._low, self._per_m = low[:, None, None], np.array(1.0 / self.cell_m)
        self._last = np.array([self.columns - 1.001, self.rows - 1.001])[:, None, None]
        self._stride = np.array(self.columns)

    def _kinds_of_cells(self) -> NDArray[np.int8]:
        """Return for each cell, stored at its lower left corner, what its four corners have in common."""
        kinds = np.full(self.distance.shape, _DIVIDED)
        cells = kinds[:-1, :-1]
        cells[_extreme_of_corners(self.distance, np.minimum) > _ROUNDING_M] = _ON
        cells[_extreme_of_corners(self.distance, np.maximum) < -_ROUNDING_M] = _OFF
        return kinds

    def holds(self, points: FloatArray) -> NDArray[np.bool_]:
        """Return which points x, y [2, k, n] (m) are on the road [k, n], whose `signed_distance` is > 0."""
        place = self._place(points)
        kinds = self._kinds.take(self._cell(np.floor(place)))
        on_road: NDArray[np.bool_] = kinds == _ON
        divided = (kinds.ravel() == _DIVIDED).nonzero()[0]
        if len(divided):
            on_road.ravel()[divided] = self._between(place.reshape(2, -1).take(divided, axis=1)) > _ZERO
        return on_road

    def signed_distance(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Return the distance (m) to the nearest border, positive on the road, within +-`BAND_M`."""
        points = np.stack([x, y])
        return self._between(self._place(points.reshape(2, 1, -1))).reshape(points.shape[1:])

    def _place(self, points: FloatArray) -> FloatArray:
        """Return the column and row [2, k, n] of points x, y [2, k, n] in the grid, with fractions."""
        # The outermost cells lie off the road, so a point beyond the grid reads as off the road.
        place: FloatArray = np.minimum(np.maximum((points - self._low) * self._per_m, _ZERO), self._last)
        return place

    def _cell(self, corner: FloatArray) -> NDArray[np.int64]:
        """Return the cells with a lower left corner in these whole columns and rows [2, ...]."""
        cell: NDArray[np.int64] = (corner[1] * self._stride + corner[0]).astype(np.int64)
        return cell

    def _between(self, place: FloatArray) -> FloatArray:
        """Return the distance at columns and rows [2, ...]."""
        corner = np.floor(place)
        cell, (right_share, upper_share) = self._cell(corner), place - corner
        lower = self._flat.take(cell) + self._rise.take(cell) * right_share
        cell += self._stride
        upper = self._flat.take(cell) + self._rise.take(cell) * right_share
        distance: FloatArray = lower + (upper - lower) * upper_share
        return distance


def _extreme_of_corners(field: FloatArray, extreme: np.ufunc) -> FloatArray:
    """Return the least or the largest of each cell's corners [rows - 1, columns - 1]."""
    pairs = extreme(field[:, :-1], field[:, 1:])
    return np.asarray(extreme(pairs[:-1], pairs[1:]))
