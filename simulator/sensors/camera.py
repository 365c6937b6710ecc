"""Cameras: grey pictures of the ground and of boxes that stand on it, batched.

A pixel is what the ray through its middle meets: the ground's texel (resolution chosen per image row), a box,
or the sky. Lens errors, blur and shadows are left out.

The camera is fixed to the car, so a row of the image is a straight, evenly spaced line on the ground: two
numbers per row and frame place it, and a multiplication and an addition per pixel and axis follow it. Frames
are worked on a few at a time, so that the intermediate arrays stay in the cache.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.sensors.boxes import Boxes
from simulator.sensors.drawing import draw_boxes
from simulator.sensors.ground import FIELD, LEVELS, SKY, Ground, reach_m
from simulator.sensors.view import CameraSpec, FloatArray, Frames, Pose

FAR_M = 20.0
"""Ground further away is plain field."""
PIXELS_AT_ONCE = 80_000


class Camera:
    """One camera above one ground."""

    def __init__(self, spec: CameraSpec, ground: Ground) -> None:
        """Work out, once, where each row of the image falls on the ground in the car's frame."""
        self.spec, self.ground = spec, ground
        forward, right, drop = spec.rays
        below = drop > 1e-9
        reach = np.full(spec.height, np.inf)
        scale = spec.up_m / drop[below]
        edge = float(np.abs(right).max())
        reach[below] = scale * np.hypot(forward[below], edge)
        self.horizon_row = int(np.count_nonzero(~below))
        self.first_ground_row = int(np.count_nonzero(reach > FAR_M))
        rows = slice(self.first_ground_row, spec.height)
        self._scale = spec.up_m / drop[rows]
        self._ahead = self._scale * forward[rows]
        self.level_of_row = _levels(spec, self._scale, self._ahead, reach[rows], ground)
        self._right = right.astype(np.float32)

    def render(self, pose: Pose, boxes: Boxes | None = None) -> Frames:
        """Return the pictures [n, height, width] that cars at these poses take."""
        frames = np.empty((len(pose.x), self.spec.height, self.spec.width), dtype=np.uint8)
        frames[:, : self.horizon_row] = SKY
        frames[:, self.horizon_row : self.first_ground_row] = FIELD
        x, y = pose.ahead(self.spec.forward_m, self.spec.left_m)
        self._draw_ground(frames, x, y, pose)
        if boxes is not None:
            draw_boxes(frames, self.spec, Pose(x, y, pose.cos, pose.sin), boxes)
        return frames

    def _draw_ground(self, frames: Frames, x: FloatArray, y: FloatArray, pose: Pose) -> None:
        columns = self._lines(x, pose.cos, pose.sin, axis=0)
        rows = self._lines(y, pose.sin, -pose.cos, axis=1)
        shape = (len(self._scale), self.spec.width)
        if not shape[0]:
            return
        block = min(len(frames), max(1, PIXELS_AT_ONCE // (shape[0] * shape[1])))
        place = np.empty((block, *shape), dtype=np.float32)
        column, row = np.empty((2, block, *shape), dtype=np.int32)
        texel = np.empty((block, *shape), dtype=np.int64)
        for first in range(0, len(frames), block):
            some = slice(first, min(first + block, len(frames)))
            used = slice(0, some.stop - first)
            for (start, slope), whole in ((columns, column), (rows, row)):
                np.multiply(slope[some], self._right, out=place[used])
                np.add(place[used], start[some], out=place[used])
                np.copyto(whole[used], place[used], casting="unsafe")
            np.multiply(row[used], self.ground.stride, out=row[used])
            np.add(row[used], column[used], out=row[used])
            np.copyto(texel[used], row[used])
            for frame, index in zip(frames[some, self.first_ground_row :], texel[used], strict=True):
                # Indices are within the array by construction; "wrap" is the quickest way not to ask again.
                self.ground.texels.take(index, out=frame, mode="wrap")

    def _lines(
        self, eye: FloatArray, ahead: FloatArray, right: FloatArray, axis: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return start and slope [n, rows, 1] of the lines on which the rows fall, in texels of one axis.

        `eye` [n] is the camera's coordinate (m), `ahead` and `right` [n] the car's directions along the axis.
        """
        levels = [self.ground.levels[level] for level in self.level_of_row]
        texel_m = np.array([level.texel_m for level in levels])
        low = np.array([level.low[axis] for level in levels])
        eye = np.clip(eye, self.ground.low[axis], self.ground.high[axis])
        start = (eye[:, None] - low + ahead[:, None] * self._ahead) / texel_m
        if axis == 1:
            start += np.array([level.first_row for level in levels])
        slope = right[:, None] * (self._scale / texel_m)
        return start.astype(np.float32)[:, :, None], slope.astype(np.float32)[:, :, None]


def _levels(
    spec: CameraSpec, scale: FloatArray, ahead: FloatArray, reach: FloatArray, ground: Ground
) -> tuple[int, ...]:
    """Return the ground's level for each row: texels about as wide as a pixel's patch of ground.

    A far pixel's patch is much longer than wide; the geometric mean of both stands between blur and flicker.
    """
    wide = scale / spec.focal_pixels
    long = wide * np.hypot(ahead, spec.up_m) / spec.up_m
    finest = ground.levels[0].texel_m
    level = np.rint(np.log2(np.sqrt(wide * long) / finest))
    reaches = np.array([reach_m(candidate) for candidate in range(LEVELS)])
    needed = np.searchsorted(reaches, reach)
    chosen: list[int] = np.clip(level, needed, LEVELS - 1).astype(int).tolist()
    return tuple(chosen)
