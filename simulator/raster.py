"""Rings of points drawn on a grid: which grid points lie inside, and how far is the ring.

Shared by the road's signed distance field (surface.py) and the picture of the ground (sensors/ground.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Grid:
    """Points `low + (column, row) * cell_m` in the world frame."""

    low: FloatArray
    cell_m: float
    columns: int
    rows: int

    @property
    def x(self) -> FloatArray:
        """Return the grid points' x [columns] (m)."""
        return np.asarray(self.low[0] + self.cell_m * np.arange(self.columns))

    @property
    def y(self) -> FloatArray:
        """Return the grid points' y [rows] (m)."""
        return np.asarray(self.low[1] + self.cell_m * np.arange(self.rows))

    def patch(self, points: FloatArray, band_m: float) -> tuple[slice, slice]:
        """Return the rows and columns that hold everything within `band_m` of points [m, 2]."""
        low = (points.min(axis=0) - band_m - self.low) / self.cell_m
        high = (points.max(axis=0) + band_m - self.low) / self.cell_m
        columns = slice(max(0, int(low[0])), int(high[0]) + 2)
        rows = slice(max(0, int(low[1])), int(high[1]) + 2)
        return rows, columns


def signed_ring_distance(grid: Grid, ring: FloatArray, band_m: float) -> FloatArray:
    """Return the signed distance [rows, columns] (m) to a closed ring, positive inside, within +-`band_m`."""
    distance = line_distance(grid, ring, band_m)
    return np.where(inside_ring(grid, ring), distance, -distance)


def line_distance(grid: Grid, line: FloatArray, band_m: float) -> FloatArray:
    """Return the distance [rows, columns] (m) to a polyline [m, 2], cut off at `band_m`."""
    square = np.full((grid.rows, grid.columns), band_m * band_m)
    x, y = grid.x, grid.y
    for start, end in pairwise(line):
        rows, columns = grid.patch(np.stack([start, end]), band_m)
        part = square[rows, columns]
        np.minimum(part, square_distance(x[columns], y[rows, None], start, end), out=part)
    return np.asarray(np.sqrt(square, out=square))


def inside_ring(grid: Grid, ring: FloatArray) -> NDArray[np.bool_]:
    """Return which grid points lie inside a closed ring: parity of its crossings with each grid row."""
    toggles = np.zeros((grid.rows, grid.columns + 1), dtype=np.uint8)
    for (x0, y0), (x1, y1) in pairwise(ring):
        low, high = min(y0, y1), max(y0, y1)
        first = int(np.ceil((low - grid.low[1]) / grid.cell_m))
        last = int(np.ceil((high - grid.low[1]) / grid.cell_m))
        if last <= first:
            continue
        rows = np.arange(first, last)
        y = grid.low[1] + rows * grid.cell_m
        x = x0 + (y - y0) * ((x1 - x0) / (y1 - y0))
        columns = np.ceil((x - grid.low[0]) / grid.cell_m).astype(np.int64)
        toggles[rows, columns] ^= 1
    return np.bitwise_xor.accumulate(toggles, axis=1)[:, :-1].astype(np.bool_)


def square_distance(x: FloatArray, y: FloatArray, start: FloatArray, end: FloatArray) -> FloatArray:
    """Return the squared distance of grid points (columns x, rows y) to the segment start-end."""
    step = end - start
    square_length = max(float(step @ step), 1e-300)
    along = ((x - start[0]) * step[0] + (y - start[1]) * step[1]) / square_length
    along = np.clip(along, 0.0, 1.0)
    return np.asarray((x - start[0] - along * step[0]) ** 2 + (y - start[1] - along * step[1]) ** 2)
