"""The mean of the weights of a training's last updates: what races is that, not the last update alone.

One update can spoil a bend that the ones before it drove, and a trial has no second draw. Measured in
docs/performance.md. The mean is kept beside the networks: what learns never sees it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

LAST_SHARE: Final = 0.1
"""Of a training's budget: the updates in it count."""
_COUNT: Final = "average_count"


class Average:
    """The mean of the parameters of networks over the updates that it was shown."""

    def __init__(self) -> None:
        self.count = 0
        self.means: list[Tensor] = []

    @torch.no_grad()
    def add(self, parameters: Sequence[Tensor]) -> None:
        """Take in the parameters after one more update."""
        self.count += 1
        if self.count == 1:
            self.means = [parameter.detach().clone() for parameter in parameters]
            return
        for mean, parameter in zip(self.means, parameters, strict=True):
            mean.lerp_(parameter, 1.0 / self.count)

    @contextlib.contextmanager
    def lent_to(self, parameters: Sequence[Tensor]) -> Iterator[None]:
        """Let the networks have the mean for a while; without any update they stay as they are."""
        if not self.count:
            yield
            return
        own = [parameter.detach().clone() for parameter in parameters]
        _set(parameters, self.means)
        try:
            yield
        finally:
            _set(parameters, own)

    def as_arrays(self) -> dict[str, NDArray[Any]]:
        """Return it as a checkpoint keeps it."""
        kept = {f"average_{place}": mean.cpu().numpy().copy() for place, mean in enumerate(self.means)}
        return {_COUNT: np.array([self.count]), **kept}

    def restore(self, arrays: Mapping[str, NDArray[Any]], parameters: Sequence[Tensor]) -> None:
        """Take back what `as_arrays` returned. KeyError or ValueError where it is of other networks."""
        count = int(arrays[_COUNT][0])
        if not count:
            return
        kept = [torch.from_numpy(arrays[f"average_{place}"].copy()) for place in range(len(parameters))]
        for mean, parameter in zip(kept, parameters, strict=True):
            if mean.shape != parameter.shape:
                raise ValueError(f"expected an average of shape {parameter.shape}, got {mean.shape}")
        self.count = count
        self.means = [mean.to(parameter) for mean, parameter in zip(kept, parameters, strict=True)]


@torch.no_grad()
def _set(parameters: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    for parameter, value in zip(parameters, values, strict=True):
        parameter.copy_(value)
