"""The lidar: distances to things that stand on the ground, as on the real car.

It looks over the painted lines: on an empty circuit every beam reads "nothing". As on the real car its fan
points *backward* (the model description mounts it turned by half a circle), so that its blind wedge of
60 deg is where the cameras look. Beams are ordered counter-clockwise: from 30 deg left of straight ahead over
the left side, the back and the right side to 30 deg right of it.

Boxes count as tall enough for the beams, which are 0.18 m above the ground.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.sensors.boxes import HEADING, LENGTH, WIDTH, Boxes, X, Y
from simulator.sensors.view import Pose
from simulator.starts import SeedArray, mixed

FloatArray = NDArray[np.float64]

BEAMS = 64
HALF_FAN_RAD = 2.618
FORWARD_M = 0.02913
MIN_M, MAX_M = 0.15, 12.0
NOISE_M = 0.01
BEAM_RAD = np.pi + np.linspace(-HALF_FAN_RAD, HALF_FAN_RAD, BEAMS)
"""Directions [64] of the beams in the car's frame."""
COUNTER: SeedArray = np.arange(2 * BEAMS, dtype=np.uint64)

SECTORS = 8
RAW_CLIP_M = 1.0
SECTOR_M = 0.5
BINS = 8
BINS_CLIP_M = 2.0


def distances(pose: Pose, boxes: Boxes | None = None) -> FloatArray:
    """Return the distances [n, 64] (m) to the nearest box, `MAX_M` where there is none, without noise."""
    nearest = np.full((len(pose.x), BEAMS), MAX_M)
    if boxes is None or not boxes.rows.shape[1]:
        return nearest
    x, y = pose.ahead(FORWARD_M)
    rows = boxes.rows
    away_x, away_y = rows[:, :, X] - x[:, None], rows[:, :, Y] - y[:, None]
    box_cos, box_sin = np.cos(rows[:, :, HEADING]), np.sin(rows[:, :, HEADING])
    # The car's direction in the box's frame, then each beam's.
    cos = pose.cos[:, None] * box_cos + pose.sin[:, None] * box_sin
    sin = pose.sin[:, None] * box_cos - pose.cos[:, None] * box_sin
    beam_cos, beam_sin = np.cos(BEAM_RAD), np.sin(BEAM_RAD)
    along = cos[:, :, None] * beam_cos - sin[:, :, None] * beam_sin
    across = sin[:, :, None] * beam_cos + cos[:, :, None] * beam_sin
    enter, leave = _span(along, -(away_x * box_cos + away_y * box_sin), 0.5 * rows[:, :, LENGTH])
    enter_2, leave_2 = _span(across, away_x * box_sin - away_y * box_cos, 0.5 * rows[:, :, WIDTH])
    np.maximum(enter, enter_2, out=enter)
    np.minimum(leave, leave_2, out=leave)
    # Comparisons with the NaN of absent boxes are false: no hit.
    hit = (enter < leave) & (leave > 0.0)
    np.minimum(nearest, np.where(hit, enter, MAX_M).min(axis=1), out=nearest)
    return np.asarray(np.maximum(nearest, MIN_M, out=nearest))


def _span(slope: FloatArray, eye: FloatArray, half: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return where beams [n, b, 64] enter and leave the slab of +-half, seen from eye [n, b]."""
    inverse = 1.0 / np.where(np.abs(slope) < 1e-12, 1e-12, slope)
    first = (-half - eye)[:, :, None] * inverse
    second = (half - eye)[:, :, None] * inverse
    return np.minimum(first, second), np.maximum(first, second)


def noise(seeds: SeedArray, reading: SeedArray) -> FloatArray:
    """Return the error [n, 64] (m) of each car's given reading: normal, sigma `NOISE_M`.

    It depends on the car's seed and the number of the reading only, so a car's life does not depend on its
    batch.
    """
    with np.errstate(over="ignore"):
        keys: SeedArray = mixed(mixed(seeds) + reading)[:, None] + COUNTER
        bits = mixed(keys) >> np.uint64(11)
    uniform = (bits + 0.5) * 2.0**-53
    # The transform of Box and Muller.
    size = np.sqrt(-2.0 * np.log(uniform[:, :BEAMS]))
    return np.asarray(NOISE_M * size * np.cos(2.0 * np.pi * uniform[:, BEAMS:]))


def raw(distance_m: FloatArray) -> NDArray[np.float32]:
    """Return DeepRacer's LIDAR [n, 64]: metres, clipped to 0.15 .. 1."""
    return np.clip(distance_m, MIN_M, RAW_CLIP_M).astype(np.float32)


def sectors(distance_m: FloatArray) -> NDArray[np.int8]:
    """Return DeepRacer's SECTOR_LIDAR [n, 8]: 1 where anything in the sector is nearer than 0.5 m."""
    return (_nearest(distance_m) < SECTOR_M).astype(np.int8)


def discretised_sectors(distance_m: FloatArray) -> NDArray[np.int8]:
    """Return DeepRacer's DISCRETIZED_SECTOR_LIDAR [n, 64]: per sector a 1 in one of eight bins of 0.25 m.

    Nothing within 2 m leaves all eight bins of the sector 0.
    """
    place = (_nearest(distance_m) * (BINS / BINS_CLIP_M)).astype(np.int64)
    one_hot = place[:, :, None] == np.arange(BINS)
    return np.asarray(one_hot.reshape(len(distance_m), SECTORS * BINS), dtype=np.int8)


def _nearest(distance_m: FloatArray) -> FloatArray:
    return np.asarray(distance_m.reshape(len(distance_m), SECTORS, -1).min(axis=2))
