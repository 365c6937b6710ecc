"""Things that stand on the ground, as upright boxes: obstacles and other cars, for cameras and lidars.

The physics loop has none yet; sensors take them as an optional argument.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

X, Y, HEADING, LENGTH, WIDTH, HEIGHT, GREY = range(7)
BOX_COLUMNS = ("x_m", "y_m", "heading_rad", "length_m", "width_m", "height_m", "grey")

# Collision rectangles of the real simulator (length x width); heights are ours.
OBSTACLE = (0.5, 0.4, 0.3)
CAR = (0.324, 0.196, 0.2)
GREY_LEVEL = 150.0


@dataclass(frozen=True, slots=True)
class Boxes:
    """Boxes [k, b, 7], columns as in `BOX_COLUMNS`: k = 1 for all cars alike, else one row per car.

    The position is the middle of the ground face. A row with a NaN is no box, so that cars may see different
    numbers of boxes.
    """

    rows: FloatArray

    def __post_init__(self) -> None:
        if self.rows.ndim != 3 or self.rows.shape[2] != len(BOX_COLUMNS):
            raise ValueError(f"expected boxes [k, b, {len(BOX_COLUMNS)}], got shape {self.rows.shape}")

    @classmethod
    def at(
        cls,
        position_m: ArrayLike,
        heading_rad: ArrayLike = 0.0,
        size_m: tuple[float, float, float] = OBSTACLE,
        grey: float = GREY_LEVEL,
    ) -> Boxes:
        """Make equal boxes at positions [b, 2] (seen by all cars) or [n, b, 2] (each car's own)."""
        position = np.asarray(position_m, dtype=np.float64)
        position = position[None] if position.ndim == 2 else position
        rows = np.empty((*position.shape[:2], len(BOX_COLUMNS)))
        rows[:, :, :HEADING] = position
        rows[:, :, HEADING] = heading_rad
        rows[:, :, LENGTH:GREY] = size_m
        rows[:, :, GREY] = grey
        return cls(rows)

    def of(self, car: int) -> FloatArray:
        """Return the boxes [b', 7] that one car can see."""
        rows = self.rows[car if len(self.rows) > 1 else 0]
        return np.asarray(rows[~np.isnan(rows).any(axis=1)])

    def for_cars(self, cars: NDArray[np.int64]) -> Boxes:
        """Return the boxes as seen by some cars, in that order."""
        return self if len(self.rows) == 1 else Boxes(self.rows[cars])
