"""Where polylines cross: a road whose borders cross has no inside. Pairwise, in blocks of bounded memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_BLOCK = 256  # segments against all others at a time: some 30 MB for the longest track file


def first_crossing(one: FloatArray, other: FloatArray | None = None) -> tuple[int, int] | None:
    """Return the segments (of `one`, of `other`) of the first crossing of closed polylines [n, 2], or None.

    Without `other` the polyline is tested against itself; segments that follow one another may touch.
    """
    start, end = one[:-1], one[1:]
    start_2, end_2 = (start, end) if other is None else (other[:-1], other[1:])
    for first in range(0, len(start), _BLOCK):
        a, b = start[first : first + _BLOCK, None], end[first : first + _BLOCK, None]
        crosses = _side(a, b, start_2) * _side(a, b, end_2) < 0.0
        crosses &= _side(start_2, end_2, a) * _side(start_2, end_2, b) < 0.0
        found = np.argwhere(crosses)
        if len(found):
            return first + int(found[0, 0]), int(found[0, 1])
    return None


def _side(a: FloatArray, b: FloatArray, point: FloatArray) -> FloatArray:
    """Return on which side of the line from a to b the points lie: left is positive."""
    along, towards = b - a, point - a
    return np.asarray(along[..., 0] * towards[..., 1] - along[..., 1] * towards[..., 0], dtype=np.float64)
