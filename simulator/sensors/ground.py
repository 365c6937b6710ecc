"""The ground as a picture: greys of road, border lines, centre dashes and field, in several resolutions.

Level 0 has texels of 1 cm, each further level texels twice as wide, each the mean of four. A camera reads
near pixels from level 0 and far ones, which cover more ground, from coarser levels: that is what keeps
distant lines from flickering, and it costs nothing.

Coarse levels reach further beyond the road than fine ones. All lie in one flat array, so that reading is a
single gather.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from simulator.raster import Grid, line_distance, signed_ring_distance
from simulator.track import Track

FloatArray = NDArray[np.float64]
Texels = NDArray[np.uint8]

TEXEL_M = 0.01
LEVELS = 6
MAX_TEXELS = 12_000_000
CLAMP_M = 1.0
"""Cameras further outside the road's bounding box see what they would see from here."""

LINE_M = 0.05
"""Width of the white lines; their outer edge is the border, so they belong to the road."""
DASH_WIDTH_M, DASH_M, GAP_M = 0.03, 0.16, 0.16

# Luma of asphalt, a green field, yellow dashes, a pale sky and white lines. Our choice: circuits of the real
# thing are painted in many colours.
ROAD, FIELD, DASH, SKY, LINE = 70, 115, 165, 200, 235


def reach_m(level: int) -> float:
    """Return how far (m) from a camera a level may be read."""
    return 1.0 * 2.0**level


@dataclass(frozen=True, slots=True)
class Level:
    """One resolution: texel (column, row) covers `low + [column, column + 1) * texel_m`, likewise rows."""

    low: FloatArray
    texel_m: float
    first_row: int
    """Row of the flat array's grid where this level begins."""
    rows: int
    columns: int


class Ground:
    """The picture of a track's ground; `texels` is flat, `stride` texels a row."""

    def __init__(self, track: Track) -> None:
        """Draw it; some tenths of a second."""
        corners = np.vstack([track.outer, track.inner])
        self.low, self.high = corners.min(axis=0) - CLAMP_M, corners.max(axis=0) + CLAMP_M
        finest = _finest_grid(self.low, self.high)
        pictures = [_level_zero(track, finest)]
        lows, sizes = [finest.low - 0.5 * finest.cell_m], [finest.cell_m]
        for level in range(1, LEVELS):
            half, size = _halved(pictures[-1]), 2.0 * sizes[-1]
            beyond = int(np.ceil((reach_m(level) - reach_m(level - 1)) / size)) + 1
            pictures.append(np.pad(half, beyond, constant_values=FIELD))
            lows.append(lows[-1] - beyond * size)
            sizes.append(size)
        self.stride = max(picture.shape[1] for picture in pictures)
        first_rows = np.cumsum([0, *(len(picture) for picture in pictures)]).tolist()
        atlas = np.full((first_rows[-1], self.stride), FIELD, dtype=np.uint8)
        for picture, first in zip(pictures, first_rows[:-1], strict=True):
            atlas[first : first + len(picture), : picture.shape[1]] = picture
        self.texels: Texels = atlas.ravel()
        self.texels.setflags(write=False)
        self.levels = tuple(
            Level(low, size, first, *picture.shape)
            for low, size, first, picture in zip(lows, sizes, first_rows[:-1], pictures, strict=True)
        )

    def grey(self, x: float, y: float, level: int = 0) -> int:
        """Return the grey of one point (m): slow, for tests and for explaining a picture."""
        chosen = self.levels[level]
        column = int(np.floor((x - chosen.low[0]) / chosen.texel_m))
        row = int(np.floor((y - chosen.low[1]) / chosen.texel_m)) + chosen.first_row
        return int(self.texels[row * self.stride + column])


def _finest_grid(low: FloatArray, high: FloatArray) -> Grid:
    low, high = low - reach_m(0) - 2 * TEXEL_M, high + reach_m(0) + 2 * TEXEL_M
    texel_m = max(TEXEL_M, (float(np.prod(high - low)) / MAX_TEXELS) ** 0.5)
    columns, rows = (np.ceil((high - low) / texel_m).astype(int) + 1).tolist()
    # The grid's points are the texels' middles.
    return Grid(low + 0.5 * texel_m, texel_m, columns, rows)


def _level_zero(track: Track, grid: Grid) -> Texels:
    band = LINE_M + 2 * grid.cell_m
    outer, inner = (signed_ring_distance(grid, ring, band) for ring in (track.outer, track.inner))
    border = np.minimum(outer, -inner)
    on_road = _coverage(border, grid)
    inside_lines = _coverage(border - LINE_M, grid)
    dashes = on_road * _coverage(0.5 * DASH_WIDTH_M - _dash_distance(track, grid), grid)
    grey = FIELD + (LINE - FIELD) * on_road + (ROAD - LINE) * inside_lines
    grey += (DASH - grey) * dashes
    return np.rint(grey).astype(np.uint8)


def _coverage(depth_m: FloatArray, grid: Grid) -> FloatArray:
    """Return the share [0, 1] of each texel inside a shape, from its middle's depth in it (m)."""
    share: FloatArray = depth_m / grid.cell_m
    share += 0.5
    return np.asarray(np.clip(share, 0.0, 1.0, out=share))


def _dash_distance(track: Track, grid: Grid) -> FloatArray:
    """Return the distance [rows, columns] (m) to the nearest dash, cut off beyond what is drawn."""
    band = 0.5 * DASH_WIDTH_M + grid.cell_m
    distance = np.full((grid.rows, grid.columns), band)
    count = round(track.length_m / (DASH_M + GAP_M))
    starts = np.arange(count) * (track.length_m / count)
    # The ends are round, and belong to the length.
    along = np.linspace(0.5 * DASH_WIDTH_M, DASH_M - 0.5 * DASH_WIDTH_M, 4)
    points = track.at((starts[:, None] + along).ravel()).reshape(count, len(along), 2)
    for dash in points:
        rows, columns = grid.patch(dash, band)
        part = distance[rows, columns]
        corner = grid.low + grid.cell_m * np.array([columns.start, rows.start])
        patch = Grid(corner, grid.cell_m, part.shape[1], part.shape[0])
        np.minimum(part, line_distance(patch, dash, band), out=part)
    return distance


def _halved(picture: Texels) -> Texels:
    """Return the picture at half the resolution, each texel the mean of four."""
    rows, columns = picture.shape
    even = np.pad(picture, ((0, rows % 2), (0, columns % 2)), constant_values=FIELD)
    four = even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2)
    return np.asarray((four.sum(axis=(1, 3), dtype=np.uint16) + 2) // 4).astype(np.uint8)


@lru_cache(maxsize=4)
def ground_of(track: Track) -> Ground:
    """Return the picture of a track's ground; the last few are kept."""
    return Ground(track)
