"""Boxes drawn into pictures, over the ground.

Every ray that may meet a box is cut with the three pairs of parallel faces: it is inside the box between the
last entry and the first exit. Rays of all boxes and all pictures are worked on together; far hits are painted
before near ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simulator.sensors.boxes import GREY, HEADING, LENGTH, Boxes, X, Y
from simulator.sensors.view import CameraSpec, FloatArray, Frames, Pose

IntArray = NDArray[np.int64]

NEAR_M = 0.02
RAYS_AT_ONCE = 50_000

# Boxes have no light of their own: their top is bright, ends and sides are darker.
TOP_LIGHT, END_LIGHT, SIDE_LIGHT = 1.0, 0.8, 0.62
CORNERS = np.array([(i, j, k) for i in (-0.5, 0.5) for j in (-0.5, 0.5) for k in (0.0, 1.0)])


@dataclass(frozen=True, slots=True)
class Placed:
    """Boxes [m] that a camera may see, in its car's frame, with their windows in the picture."""

    picture: IntArray
    cos: FloatArray
    sin: FloatArray
    """Of the box's heading."""
    ahead_m: FloatArray
    left_m: FloatArray
    sizes: FloatArray
    """Length, width, height [m, 3]."""
    grey: FloatArray
    window: IntArray
    """First row, last row + 1, first column, last column + 1 [m, 4]."""

    def pick(self, some: slice | IntArray) -> Placed:
        """Return some of them."""
        return Placed(
            self.picture[some],
            self.cos[some],
            self.sin[some],
            self.ahead_m[some],
            self.left_m[some],
            self.sizes[some],
            self.grey[some],
            self.window[some],
        )


def draw_boxes(frames: Frames, spec: CameraSpec, eye: Pose, boxes: Boxes) -> None:
    """Draw boxes over pictures [n, height, width] taken from `eye`; the nearest one wins in every pixel."""
    placed = _placed(spec, eye, boxes)
    if not len(placed.picture):
        return
    areas = np.cumsum(_areas(placed.window))
    parts, first = [], 0
    while first < len(areas):
        before = areas[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(areas, before + RAYS_AT_ONCE, side="right")))
        parts.append(_hits(spec, placed.pick(slice(first, last))))
        first = last
    pixel, depth, grey = (np.concatenate(column) for column in zip(*parts, strict=True))
    # Of several values for one pixel, NumPy keeps the last: the nearest.
    order = np.argsort(-depth, kind="stable")
    frames.reshape(-1)[pixel[order]] = grey[order]


def _placed(spec: CameraSpec, eye: Pose, boxes: Boxes) -> Placed:
    rows = boxes.rows
    away_x, away_y = rows[:, :, X] - eye.x[:, None], rows[:, :, Y] - eye.y[:, None]
    eye_cos, eye_sin = eye.cos[:, None], eye.sin[:, None]
    ahead, left = away_x * eye_cos + away_y * eye_sin, away_y * eye_cos - away_x * eye_sin
    box_cos, box_sin = np.cos(rows[:, :, HEADING]), np.sin(rows[:, :, HEADING])
    cos, sin = box_cos * eye_cos + box_sin * eye_sin, box_sin * eye_cos - box_cos * eye_sin
    there = ~np.isnan(ahead + cos)
    sizes = np.broadcast_to(rows[:, :, LENGTH:GREY], (*there.shape, 3))
    grey = np.broadcast_to(rows[:, :, GREY], there.shape)
    picture = np.broadcast_to(np.arange(len(there))[:, None], there.shape)
    nowhere = np.zeros((np.count_nonzero(there), 4), dtype=np.int64)
    pose = (cos[there], sin[there], ahead[there], left[there])
    placed = Placed(picture[there], *pose, sizes[there], grey[there], nowhere)
    placed = replace(placed, window=_windows(spec, placed))
    return placed.pick((_areas(placed.window) > 0).nonzero()[0])


def _areas(window: IntArray) -> IntArray:
    return np.asarray((window[:, 1] - window[:, 0]) * (window[:, 3] - window[:, 2]))


def _windows(spec: CameraSpec, placed: Placed) -> IntArray:
    """Return the rows and columns [m, 4] that boxes may touch: around their corners' images."""
    cos, sin = placed.cos, placed.sin
    along, across, up = np.moveaxis(placed.sizes[:, None, :] * CORNERS, 2, 0)
    ahead = placed.ahead_m[:, None] + along * cos[:, None] - across * sin[:, None]
    left = placed.left_m[:, None] + along * sin[:, None] + across * cos[:, None]
    up = up - spec.up_m
    pitch_sin, pitch_cos = math.sin(spec.pitch_rad), math.cos(spec.pitch_rad)
    distance = ahead * pitch_cos - up * pitch_sin
    height = up * pitch_cos + ahead * pitch_sin
    # A box partly behind the camera may touch any pixel, unless it is all beyond one edge of the picture.
    across_eye = distance.min(axis=1) <= NEAR_M
    wide, high = (0.5 * pixels / spec.focal_pixels * distance for pixels in (spec.width, spec.height))
    beyond = (distance <= NEAR_M, left > wide, left < -wide, height > high, height < -high)
    unseen = np.any([edge.all(axis=1) for edge in beyond], axis=0)
    safe = np.maximum(distance, NEAR_M)
    row = 0.5 * spec.height - spec.focal_pixels * height / safe
    column = 0.5 * spec.width - spec.focal_pixels * left / safe
    window = np.empty((len(cos), 4), dtype=np.int64)
    for place, size, edges in ((row, spec.height, window[:, :2]), (column, spec.width, window[:, 2:])):
        edges[:, 0] = np.where(across_eye, 0, np.clip(place.min(axis=1) - 1.0, 0, size))
        edges[:, 1] = np.where(across_eye, size, np.clip(place.max(axis=1) + 2.0, 0, size))
    window[unseen] = 0
    return window


def _hits(spec: CameraSpec, placed: Placed) -> tuple[IntArray, FloatArray, NDArray[np.uint8]]:
    """Return pixel (in the flat pictures), depth and grey of every ray that meets a box."""
    area = _areas(placed.window)
    box = np.repeat(np.arange(len(area)), area)
    offset = np.arange(len(box)) - np.repeat(np.cumsum(area) - area, area)
    wide = (placed.window[:, 3] - placed.window[:, 2])[box]
    row, column = placed.window[box, 0] + offset // wide, placed.window[box, 2] + offset % wide
    forward, right, down = spec.rays
    ray_ahead, ray_left = forward[row], -right[column]
    cos, sin = placed.cos, placed.sin
    # The eye in each box's frame.
    eye_along = -placed.ahead_m * cos - placed.left_m * sin
    eye_across = placed.ahead_m * sin - placed.left_m * cos
    half = 0.5 * placed.sizes
    ray_cos, ray_sin = cos[box], sin[box]
    ends = _span(ray_ahead * ray_cos + ray_left * ray_sin, eye_along[box], half[box, 0])
    sides = _span(ray_left * ray_cos - ray_ahead * ray_sin, eye_across[box], half[box, 1])
    levels = _span(-down[row], (spec.up_m - half[:, 2])[box], half[box, 2])
    light = np.where(ends[0] > sides[0], END_LIGHT, SIDE_LIGHT)
    entry = np.maximum(ends[0], sides[0])
    light = np.where(levels[0] > entry, TOP_LIGHT, light)
    entry = np.maximum(entry, levels[0])
    hit = (entry < np.minimum(np.minimum(ends[1], sides[1]), levels[1])) & (entry > NEAR_M)
    pixel = (placed.picture[box] * spec.height + row) * spec.width + column
    grey = np.rint(placed.grey[box] * light)
    return pixel[hit], entry[hit], grey[hit].astype(np.uint8)


def _span(slope: FloatArray, eye: FloatArray, half: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return where rays `eye + t * slope` enter and leave the slab between -half and half, as t."""
    inverse = 1.0 / np.where(np.abs(slope) < 1e-12, 1e-12, slope)
    first, second = (-half - eye) * inverse, (half - eye) * inverse
    return np.minimum(first, second), np.maximum(first, second)
