"""From where and how a camera looks: the car's pose, the camera's place on it and its rays."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Frames = NDArray[np.uint8]


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

    @property
    def rays(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the rays in the car's frame: forward [height], to the right [width] and down [height].

        They are scaled so that one unit is one metre along the optical axis.
        """
        sin, cos = math.sin(self.pitch_rad), math.cos(self.pitch_rad)
        return cos - sin * self.down, self.right, sin + cos * self.down


def stereo_specs(spec: CameraSpec, half_baseline_m: float = 0.03) -> tuple[CameraSpec, CameraSpec]:
    """Return the left and the right camera of a pair, 6 cm apart as on the real car."""
    place = (spec.width, spec.height, spec.field_of_view_rad, spec.forward_m)
    rest = (spec.up_m, spec.pitch_rad)
    return CameraSpec(*place, half_baseline_m, *rest), CameraSpec(*place, -half_baseline_m, *rest)
