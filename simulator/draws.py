"""Numbers drawn from seeds: the same for the same keys, whatever else is in the batch.

A generator would give car i of a batch other numbers than the same car alone. Here every number is a function
of its keys only.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.starts import SeedArray, mixed

FloatArray = NDArray[np.float64]


def uniforms(keys: SeedArray, count: int) -> FloatArray:
    """Return `count` numbers between 0 and 1, exclusive, per key: [n, count]."""
    counter: SeedArray = np.arange(count, dtype=np.uint64)
    with np.errstate(over="ignore"):
        spread: SeedArray = mixed(keys)[:, None] + counter
        bits = mixed(spread) >> np.uint64(11)
    return np.asarray((bits + 0.5) * 2.0**-53)


def normals(keys: SeedArray, count: int) -> FloatArray:
    """Return `count` numbers of the standard normal distribution per key: [n, count]."""
    uniform = uniforms(keys, 2 * count)
    # The transform of Box and Muller.
    size = np.sqrt(-2.0 * np.log(uniform[:, :count]))
    return np.asarray(size * np.cos(2.0 * np.pi * uniform[:, count:]))
