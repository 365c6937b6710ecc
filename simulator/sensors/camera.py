"""Cameras: grey pictures of the ground and of boxes that stand on it, batched.

A pixel is what the ray through its middle meets: the ground's texel (resolution chosen per image row), a box,
or the sky. Lens errors, blur and shadows are left out.

The camera is fixed to the car, so a row of the image is a straight, evenly spaced line on the ground: two
numbers per row and frame place it, and a multiplication and an addition per pixel and axis follow it. Frames
are worked on a few at a time, so that the intermediate arrays stay in the cache.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.sensors.boxes import GREY, HEADING, HEIGHT, LENGTH, WIDTH, Boxes, X, Y
from simulator.sensors.ground import FIELD, LEVELS, SKY, Ground, reach_m

FloatArray = NDArray[np.float64]
Frames = NDArray[np.uint8]

FAR_M = 20.0
"""Ground further away is plain field."""
NEAR_M = 0.02
PIXELS_AT_ONCE = 80_000

# Boxes have no light of their own: their top is bright, ends and sides are darker.
TOP_LIGHT, END_LIGHT, SIDE_LIGHT = 1.0, 0.8, 0.62


@dataclass(frozen=True, slots=True)
class Pose:
    """Where the cars' bases [n] are: position (m) and direction; DeepRacer's base_link on the ground."""

    x: FloatArray
    y: FloatArray
    cos: FloatArray
    sin: FloatArray

    def ahead(self, forward_m: float, left_m: float = 0.0) -> tuple[FloatArray, FloatArray]:
        """Return the points [n], [n] ahead and to the left of the bases."""
        return (
            self.x + forward_m * self.cos - left_m * self.sin,
            self.y + forward_m * self.sin + left_m * self.cos,
        )


@dataclass(frozen=True, slots=True)
class CameraSpec:
    """A camera and its place on the car; defaults from the real car's model description (urdf)."""

    width: int = 160
    height: int = 120
    field_of_view_rad: float = 1.13
    """Horizontal; pixels are square."""
    forward_m: float = 0.145
    left_m: float = 0.0
    up_m: float = 0.130
    pitch_rad: float = 0.2618
    """Downwards."""

    def __post_init__(self) -> None:
        if not (1 <= self.width <= 1920 and 1 <= self.height <= 1080):
            raise ValueError(
                f"expected an image of up to 1920 x 1080 pixels, got {self.width} x {self.height}"
            )

    @property
    def focal_pixels(self) -> float:
        """Return the focal length in pixels."""
        return 0.5 * self.width / math.tan(0.5 * self.field_of_view_rad)

    @property
    def down(self) -> FloatArray:
        """Return the slope [height] of each row's ray against the optical axis, positive downwards."""
        return np.asarray((np.arange(self.height) + 0.5 - 0.5 * self.height) / self.focal_pixels, np.float64)

    @property
    def right(self) -> FloatArray:
        """Return the slope [width] of each column's ray against the optical axis, positive to the right."""
        return np.asarray((np.arange(self.width) + 0.5 - 0.5 * self.width) / self.focal_pixels, np.float64)


class Camera:
    """One camera above one ground."""

    def __init__(self, spec: CameraSpec, ground: Ground) -> None:
        """Work out, once, where each row of the image falls on the ground in the car's frame."""
        self.spec, self.ground = spec, ground
        down, sin, cos = spec.down, math.sin(spec.pitch_rad), math.cos(spec.pitch_rad)
        drop = sin + cos * down
        self._forward_slope = cos - sin * down
        self._drop = drop
        below = drop > 1e-9
        reach = np.full(spec.height, np.inf)
        scale = spec.up_m / drop[below]
        edge = float(np.abs(spec.right).max())
        reach[below] = scale * np.hypot(self._forward_slope[below], edge)
        self.horizon_row = int(np.count_nonzero(~below))
        self.first_ground_row = int(np.count_nonzero(reach > FAR_M))
        rows = slice(self.first_ground_row, spec.height)
        self._scale = spec.up_m / drop[rows]
        self._ahead = self._scale * self._forward_slope[rows]
        self.level_of_row = _levels(spec, self._scale, self._ahead, reach[rows], ground)
        self._right = spec.right.astype(np.float32)

    def render(self, pose: Pose, boxes: Boxes | None = None) -> Frames:
        """Return the pictures [n, height, width] that cars at these poses take."""
        frames = np.empty((len(pose.x), self.spec.height, self.spec.width), dtype=np.uint8)
        frames[:, : self.horizon_row] = SKY
        frames[:, self.horizon_row : self.first_ground_row] = FIELD
        x, y = pose.ahead(self.spec.forward_m, self.spec.left_m)
        self._draw_ground(frames, x, y, pose)
        if boxes is not None:
            for car, frame in enumerate(frames):
                seen = boxes.of(car)
                if len(seen):
                    self._draw_boxes(frame, seen, (float(x[car]), float(y[car])), pose, car)
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

    def _draw_boxes(
        self, frame: Frames, boxes: FloatArray, eye: tuple[float, float], pose: Pose, car: int
    ) -> None:
        """Draw boxes [b, 7] over one picture [height, width]; the nearest one wins in every pixel."""
        cos, sin = float(pose.cos[car]), float(pose.sin[car])
        depth = np.full(frame.shape, np.inf)
        for box in boxes:
            away_x, away_y = box[X] - eye[0], box[Y] - eye[1]
            turn = box[HEADING] - math.atan2(sin, cos)
            middle = (away_x * cos + away_y * sin, away_y * cos - away_x * sin)
            self._draw_box(frame, depth, box, middle, turn)

    def _draw_box(
        self, frame: Frames, depth: FloatArray, box: FloatArray, middle: tuple[float, float], turn: float
    ) -> None:
        """Draw a box; `middle` (m ahead, m left of the eye) and `turn` place it in the car's frame.

        Every ray is cut with the three pairs of parallel faces: it is inside the box between the last entry
        and the first exit.
        """
        rows, columns = self._window(box, middle, turn)
        ahead, left = self._forward_slope[rows, None], -self.spec.right[None, columns]
        cos, sin = math.cos(turn), math.sin(turn)
        eye = (-middle[0] * cos - middle[1] * sin, middle[0] * sin - middle[1] * cos)
        spans = (
            _span(ahead * cos + left * sin, eye[0], -0.5 * box[LENGTH], 0.5 * box[LENGTH]),
            _span(left * cos - ahead * sin, eye[1], -0.5 * box[WIDTH], 0.5 * box[WIDTH]),
            _span(-self._drop[rows, None], self.spec.up_m, 0.0, box[HEIGHT]),
        )
        light = np.where(spans[0][0] > spans[1][0], END_LIGHT, SIDE_LIGHT)
        entry = np.maximum(spans[0][0], spans[1][0])
        light = np.where(spans[2][0] > entry, TOP_LIGHT, light)
        entry = np.maximum(entry, spans[2][0])
        leave = np.minimum(np.minimum(spans[0][1], spans[1][1]), spans[2][1])
        seen = (entry < leave) & (entry > NEAR_M) & (entry < depth[rows, columns])
        frame[rows, columns][seen] = np.rint(box[GREY] * light[seen]).astype(np.uint8)
        depth[rows, columns][seen] = entry[seen]

    def _window(self, box: FloatArray, middle: tuple[float, float], turn: float) -> tuple[slice, slice]:
        """Return the rows and columns of the image that a box may touch."""
        spec = self.spec
        signs = np.array([(i, j, k) for i in (-0.5, 0.5) for j in (-0.5, 0.5) for k in (0.0, 1.0)])
        along, across, up = (signs * box[LENGTH:GREY]).T
        ahead = middle[0] + along * math.cos(turn) - across * math.sin(turn)
        left = middle[1] + along * math.sin(turn) + across * math.cos(turn)
        up = up - spec.up_m
        sin, cos = math.sin(spec.pitch_rad), math.cos(spec.pitch_rad)
        distance = ahead * cos - up * sin
        if distance.max() <= NEAR_M:
            return slice(0, 0), slice(0, 0)
        if distance.min() <= NEAR_M:
            return slice(0, spec.height), slice(0, spec.width)
        column = 0.5 * spec.width - spec.focal_pixels * left / distance
        row = 0.5 * spec.height - spec.focal_pixels * (up * cos + ahead * sin) / distance
        return _within(row, spec.height), _within(column, spec.width)


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


def _span(slope: FloatArray, eye: float, low: float, high: float) -> tuple[FloatArray, FloatArray]:
    """Return where rays `eye + t * slope` enter and leave the slab between two faces, as t."""
    safe = np.where(np.abs(slope) < 1e-12, 1e-12, slope)
    first, second = (low - eye) / safe, (high - eye) / safe
    return np.minimum(first, second), np.maximum(first, second)


def _within(places: FloatArray, size: int) -> slice:
    low, high = int(max(0.0, places.min() - 1.0)), int(min(float(size), places.max() + 2.0))
    return slice(min(low, size), max(high, 0))


def stereo_specs(spec: CameraSpec, half_baseline_m: float = 0.03) -> tuple[CameraSpec, CameraSpec]:
    """Return the left and the right camera of a pair, 6 cm apart as on the real car."""
    place = (spec.width, spec.height, spec.field_of_view_rad, spec.forward_m)
    rest = (spec.up_m, spec.pitch_rad)
    return CameraSpec(*place, half_baseline_m, *rest), CameraSpec(*place, -half_baseline_m, *rest)
