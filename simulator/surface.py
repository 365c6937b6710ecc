"""Is a point on the road? The road's signed distance field on a grid, and bilinear reading of it.

The road is the polygon between the outer and the inner border. The field holds, per grid point, the distance
to the nearest border (m), positive on the road, exact near the borders and cut off at `BAND_M`. Along a
straight piece of border the field is linear, so that bilinear reading finds the border exactly; at a border's
corner it errs by less than a millimetre. Reading costs the same wherever the point is and however many
waypoints the track has.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from simulator.track import Track

FloatArray = NDArray[np.float64]

CELL_M = 0.025
BAND_M = 0.15
MARGIN_M = 0.30
MAX_CELLS = 4_000_000


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
        outer, inner = self._signed(track.outer), self._signed(track.inner)
        self.distance = np.minimum(outer, -inner)
        self._flat = self.distance.ravel()

    def signed_distance(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Return the distance (m) to the nearest border, positive on the road, within +-`BAND_M`."""
        column = (x - self.low[0]) * (1.0 / self.cell_m)
        row = (y - self.low[1]) * (1.0 / self.cell_m)
        # The outermost cells lie off the road, so a point beyond the grid reads as off the road.
        column = np.minimum(np.maximum(column, 0.0), self.columns - 1.001)
        row = np.minimum(np.maximum(row, 0.0), self.rows - 1.001)
        left, below = column.astype(np.int64), row.astype(np.int64)
        right_share, upper_share = column - left, row - below
        cell = below * self.columns + left
        flat = self._flat
        lower_left, upper_left = flat.take(cell), flat.take(cell + self.columns)
        cell += 1
        lower = lower_left + (flat.take(cell) - lower_left) * right_share
        upper = upper_left + (flat.take(cell + self.columns) - upper_left) * right_share
        distance: FloatArray = lower + (upper - lower) * upper_share
        return distance

    def _signed(self, ring: FloatArray) -> FloatArray:
        """Return the signed distance [rows, columns] to one border, positive inside, cut off at `BAND_M`."""
        inside = self._inside(ring)
        square = np.full((self.rows, self.columns), BAND_M * BAND_M)
        grid_x = self.low[0] + self.cell_m * np.arange(self.columns)
        grid_y = self.low[1] + self.cell_m * np.arange(self.rows)
        for start, end in pairwise(ring):
            box_low = (np.minimum(start, end) - BAND_M - self.low) / self.cell_m
            box_high = (np.maximum(start, end) + BAND_M - self.low) / self.cell_m
            columns = slice(max(0, int(box_low[0])), int(box_high[0]) + 2)
            rows = slice(max(0, int(box_low[1])), int(box_high[1]) + 2)
            near = _square_distance(grid_x[columns], grid_y[rows, None], start, end)
            part = square[rows, columns]
            np.minimum(part, near, out=part)
        distance = np.sqrt(square)
        return np.where(inside, distance, -distance)

    def _inside(self, ring: FloatArray) -> NDArray[np.bool_]:
        """Return which grid points lie inside a closed ring: parity of its crossings with each grid row."""
        toggles = np.zeros((self.rows, self.columns + 1), dtype=np.int64)
        for (x0, y0), (x1, y1) in pairwise(ring):
            low, high = min(y0, y1), max(y0, y1)
            first = int(np.ceil((low - self.low[1]) / self.cell_m))
            last = int(np.ceil((high - self.low[1]) / self.cell_m))
            if last <= first:
                continue
            rows = np.arange(first, last)
            y = self.low[1] + rows * self.cell_m
            x = x0 + (y - y0) * ((x1 - x0) / (y1 - y0))
            columns = np.ceil((x - self.low[0]) / self.cell_m).astype(np.int64)
            toggles[rows, columns] += 1
        return np.asarray(np.cumsum(toggles, axis=1)[:, :-1] % 2 == 1)


def _square_distance(x: FloatArray, y: FloatArray, start: FloatArray, end: FloatArray) -> FloatArray:
    """Return the squared distance of grid points (columns x, rows y) to the segment start-end."""
    step = end - start
    square_length = max(float(step @ step), 1e-300)
    along = ((x - start[0]) * step[0] + (y - start[1]) * step[1]) / square_length
    along = np.clip(along, 0.0, 1.0)
    return np.asarray((x - start[0] - along * step[0]) ** 2 + (y - start[1] - along * step[1]) ** 2)
