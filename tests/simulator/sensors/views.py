"""Poses to look from, and grounds painted by hand."""

from __future__ import annotations

import copy

import numpy as np

from simulator.sensors.ground import Ground
from simulator.sensors.view import Pose
from simulator.track import Track


def pose(*rows: tuple[float, float, float]) -> Pose:
    """Return the pose of cars with their bases at (x, y, heading)."""
    x, y, heading = np.array(rows).T
    return Pose(x, y, np.cos(heading), np.sin(heading))


def random_poses(track: Track, n: int, seed: int = 0) -> Pose:
    """Return cars on and beside the track that look anywhere."""
    rng = np.random.default_rng(seed)
    base = track.at(rng.uniform(0.0, track.length_m, n), rng.uniform(-1.0, 1.0, n))
    heading = rng.uniform(-np.pi, np.pi, n)
    return Pose(base[:, 0], base[:, 1], np.cos(heading), np.sin(heading))


def painted(ground: Ground, low: tuple[float, float], high: tuple[float, float], grey: int) -> Ground:
    """Return a ground on which the rectangle between two corners (m) has one grey, on every level."""
    fresh = copy.copy(ground)
    fresh.texels = ground.texels.copy()
    atlas = fresh.texels.reshape(-1, ground.stride)
    for level in ground.levels:
        first = np.floor((np.array(low) - level.low) / level.texel_m).astype(int)
        last = np.ceil((np.array(high) - level.low) / level.texel_m).astype(int)
        rows = slice(level.first_row + first[1], level.first_row + last[1])
        atlas[rows, first[0] : last[0]] = grey
    return fresh
