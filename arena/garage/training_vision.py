"""The eyes of a learner that sees pictures: a small convolutional network in PyTorch, sized for a CPU.

Actor and critic share it. The pixels are the last numbers of a row (`simulator.sensors.rows`); the others go
past the convolutions. Kernels with long strides first: a step costs a fifth of what three convolutions with
strides of 2 take, and cars learn as much from it (docs/senses.md).

On a GPU where PyTorch finds one; everything else is quicker on the CPU.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Final

import gymnasium
import torch
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

from arena.garage.vision import Convolution, PixelShape, Shape, features_of

SHAPES: Final = (Shape(16, 8, 4), Shape(32, 3, 2))
LAYERS: Final = (64,)
"""Of actor and critic, behind the convolutions."""


class Eyes(BaseFeaturesExtractor):
    """What `vision.seen` does, for rows [m, columns] whose last numbers are a picture's pixels."""

    def __init__(self, observation_space: gymnasium.Space[object], pixels: PixelShape) -> None:
        """Take the space of one row and the picture's height, width and channels."""
        assert observation_space.shape is not None
        count = math.prod(pixels)
        numbers = observation_space.shape[0] - count
        super().__init__(observation_space, numbers + features_of(SHAPES, pixels))
        self._pixels, self._count = pixels, count
        channels = [pixels[2], *(shape.filters for shape in SHAPES)]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(inputs, shape.filters, shape.kernel, shape.stride)
            for (inputs, _), shape in zip(pairwise(channels), SHAPES, strict=True)
        )

    def forward(self, rows: Tensor) -> Tensor:
        picture = rows[:, -self._count :].reshape(-1, *self._pixels).permute(0, 3, 1, 2)
        picture = picture.float() * (1.0 / 255.0)
        for convolution in self.convolutions:
            picture = torch.relu(convolution(picture))
        features = picture.flatten(1)
        if self._count == rows.shape[1]:
            return features
        return torch.cat([rows[:, : -self._count], features], dim=1)

    def as_arrays(self) -> tuple[Convolution, ...]:
        """Return the convolutions as a policy has them."""
        kept = []
        for module, shape in zip(self.convolutions, SHAPES, strict=True):
            weight, bias = (array.detach().cpu().double().numpy() for array in module.parameters())
            kept.append(Convolution(weight, bias, shape.stride))
        return tuple(kept)


def device_for_pictures() -> str:
    """Return where a network that sees pictures learns."""
    if not torch.cuda.is_available():
        return "cpu"
    torch.backends.cudnn.deterministic = True  # and benchmark stays off: the same kernels each time
    return "cuda"
