"""Domain randomisation: other colours and another light for each episode, by seed.

A picture's greys pass through a table [256] per car: the greys of road, field, dashes, sky and lines move to
drawn ones, what lies between (blurred edges) moves along, then a light of drawn strength and contrast falls
on the whole. Lines stay brighter than the road; all else is open, as from one carpet and hall to the next.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.sensors.ground import DASH, FIELD, LINE, ROAD, SKY
from simulator.starts import SeedArray, mixed

Tables = NDArray[np.uint8]

KNOTS = np.array([0, ROAD, FIELD, DASH, SKY, LINE, 255], dtype=np.float64)
LOW = np.array([0, 40, 60, 130, 110, 190, 220], dtype=np.float64)
HIGH = np.array([20, 105, 175, 200, 245, 250, 255], dtype=np.float64)
LIGHT, CONTRAST = (0.7, 1.25), (0.8, 1.25)
COUNTER: SeedArray = np.arange(len(KNOTS) + 2, dtype=np.uint64)


def tables(seeds: SeedArray, episodes: SeedArray) -> Tables:
    """Return a table [n, 256] of greys for each car's given episode."""
    with np.errstate(over="ignore"):
        keys: SeedArray = mixed(mixed(seeds) ^ mixed(episodes))[:, None] + COUNTER
    share = mixed(keys) / 2.0**64
    drawn = LOW + (HIGH - LOW) * share[:, : len(KNOTS)]
    greys = np.stack([np.interp(np.arange(256.0), KNOTS, car) for car in drawn]) / 255.0
    light = LIGHT[0] + (LIGHT[1] - LIGHT[0]) * share[:, -2:-1]
    contrast = CONTRAST[0] + (CONTRAST[1] - CONTRAST[0]) * share[:, -1:]
    return np.rint(255.0 * np.clip(light * greys**contrast, 0.0, 1.0)).astype(np.uint8)


def recolour(frames: NDArray[np.uint8], table: Tables) -> None:
    """Pass pictures [n, height, width], in place, through their tables [n, 256]."""
    for frame, greys in zip(frames, table, strict=True):
        # bytes.translate looks bytes up faster than any NumPy call does.
        frame[:] = np.frombuffer(frame.tobytes().translate(greys.tobytes()), np.uint8).reshape(frame.shape)
