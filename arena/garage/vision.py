"""Convolutions of a policy that sees pictures, as plain arrays in numpy.

What a race runs, one picture at a time, and what a file may ask for: its sizes are added up from the header,
before a weight is looked at, so that no header can promise little and cost much.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

MAX_CONVOLUTIONS: Final = 4
MAX_FILTERS: Final = 64
MAX_KERNEL: Final = 8
MAX_FEATURES: Final = 4096
MAX_MULTIPLICATIONS: Final = 5_000_000
"""Of one picture: about 5 ms on a slow core, well within a tick of 1/15 s."""

PixelShape = tuple[int, int, int]
"""Height, width and pictures of what the camera gives."""


class VisionError(ValueError):
    """Convolutions that no picture of the car can go through, or that cost too much."""


class Shape(NamedTuple):
    """A convolution's shape, as a header writes it."""

    filters: int
    kernel: int
    stride: int


@dataclass(frozen=True, slots=True, eq=False)
class Convolution:
    """One convolution without padding, and a rectifier behind it."""

    weight: NDArray[np.float64]
    """[filters, channels, kernel, kernel]."""
    bias: NDArray[np.float64]
    stride: int

    @property
    def shape(self) -> Shape:
        return Shape(len(self.bias), self.weight.shape[-1], self.stride)

    def __call__(self, picture: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the features [filters, height, width] of a picture [channels, height, width]."""
        filters, channels, kernel, _ = self.weight.shape
        windows = sliding_window_view(picture, (kernel, kernel), axis=(1, 2))
        windows = windows[:, :: self.stride, :: self.stride]
        height, width = windows.shape[1:3]
        patches = windows.transpose(1, 2, 0, 3, 4).reshape(height * width, channels * kernel * kernel)
        features = self.weight.reshape(filters, -1) @ patches.T + self.bias[:, None]
        return np.maximum(features, 0.0).reshape(filters, height, width)


def seen(
    row: NDArray[np.float64], pixels: PixelShape, convolutions: Sequence[Convolution]
) -> NDArray[np.float64]:
    """Return a row with what the convolutions make of its pixels, the last of its numbers, in their place."""
    count = math.prod(pixels)
    picture = row[-count:].reshape(pixels).transpose(2, 0, 1) / 255.0
    for convolution in convolutions:
        picture = convolution(picture)
    return np.concatenate([row[:-count], picture.ravel()])


def shapes_of(document: object) -> tuple[Shape, ...]:
    """Read a header's convolutions. Raises `VisionError`."""
    if not isinstance(document, list) or not 1 <= len(document) <= MAX_CONVOLUTIONS:
        raise VisionError(f"The header's convolutions must be a list of 1 to {MAX_CONVOLUTIONS}.")
    return tuple(_shape(entry) for entry in document)


def _shape(entry: object) -> Shape:
    limits = {"filters": MAX_FILTERS, "kernel": MAX_KERNEL, "stride": MAX_KERNEL}
    if not isinstance(entry, dict) or entry.keys() != limits.keys():
        raise VisionError(f"A convolution must have {', '.join(limits)}, got {str(entry)[:80]}.")
    for name, largest in limits.items():
        number = entry[name]
        if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= largest:
            raise VisionError(f"A convolution's {name} must be 1 to {largest}, got {str(number)[:40]}.")
    return Shape(**entry)


def arrays_of(shapes: Sequence[Shape], pixels: PixelShape) -> dict[str, tuple[int, ...]]:
    """Return the names and shapes of the arrays that these convolutions have."""
    expected: dict[str, tuple[int, ...]] = {}
    channels = pixels[2]
    for place, shape in enumerate(shapes):
        expected[f"convolution{place}.weight"] = (shape.filters, channels, shape.kernel, shape.kernel)
        expected[f"convolution{place}.bias"] = (shape.filters,)
        channels = shape.filters
    return expected


def convolutions_of(arrays: dict[str, NDArray[Any]], shapes: Sequence[Shape]) -> tuple[Convolution, ...]:
    """Return the convolutions made of arrays whose shapes have been checked."""
    return tuple(
        Convolution(arrays[f"convolution{place}.weight"], arrays[f"convolution{place}.bias"], shape.stride)
        for place, shape in enumerate(shapes)
    )


def features_of(shapes: Sequence[Shape], pixels: PixelShape) -> int:
    """Return how many features the last convolution gives. Raises `VisionError` for what is too much."""
    multiplications = 0
    outputs = [pixels]
    for height, width, shape, channels in _sizes(shapes, pixels):
        if height < 1 or width < 1:
            raise VisionError(f"A picture of {pixels[1]} x {pixels[0]} is too small for the convolutions.")
        multiplications += height * width * shape.filters * channels * shape.kernel**2
        outputs.append((height, width, shape.filters))
    if multiplications > MAX_MULTIPLICATIONS or math.prod(outputs[-1]) > MAX_FEATURES:
        raise VisionError(
            f"The convolutions take {multiplications:,} multiplications for {math.prod(outputs[-1]):,} "
            f"features; expected at most {MAX_MULTIPLICATIONS:,} for {MAX_FEATURES:,}. Use a smaller network."
        )
    return math.prod(outputs[-1])


def _sizes(shapes: Sequence[Shape], pixels: PixelShape) -> Iterator[tuple[int, int, Shape, int]]:
    """Yield height and width behind each convolution, its shape and its channels."""
    height, width, channels = pixels
    for shape in shapes:
        height, width = ((size - shape.kernel) // shape.stride + 1 for size in (height, width))
        yield height, width, shape, channels
        channels = shape.filters


def require_fit(convolutions: Sequence[Convolution], pixels: PixelShape) -> int:
    """Return how many features convolutions give of such pictures. Raises `VisionError`."""
    shapes = [convolution.shape for convolution in convolutions]
    for convolution, expected in zip(convolutions, _weights(shapes, pixels), strict=True):
        if convolution.weight.shape != expected:
            raise VisionError(f"Expected weights of shape {expected}, got {convolution.weight.shape}.")
        if not (np.isfinite(convolution.weight).all() and np.isfinite(convolution.bias).all()):
            raise VisionError("The policy holds weights that are not finite.")
    return features_of(shapes, pixels)


def _weights(shapes: Sequence[Shape], pixels: PixelShape) -> list[tuple[int, ...]]:
    return [shape for name, shape in arrays_of(shapes, pixels).items() if name.endswith("weight")]
