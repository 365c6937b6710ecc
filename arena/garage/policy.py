"""A trained policy: a small network as plain arrays, with a JSON header that says what it sees and what it
does.

Races need nothing but this file and numpy. Weights are stored as float32 (safetensors, never a pickle) and
used as float64, one car at a time: BLAS rounds a batch of one and a batch of many differently, so a fixed
shape is what makes an action independent of the company it is computed in. Reading believes nothing: names,
shapes, types, finiteness, size and the names of the observation's columns are checked.

A policy that sees pictures has convolutions before its layers (`vision.py`). Its header names the sensors
instead of thousands of pixels.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final, Self

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from arena.garage.settings import ModelMetadata, action_space_json, parse_action_space
from arena.garage.verdicts import EntrantFault
from arena.garage.vision import (
    Convolution,
    PixelShape,
    Shape,
    VisionError,
    arrays_of,
    convolutions_of,
    features_of,
    require_fit,
    seen,
    shapes_of,
)
from simulator.actions import ActionSpace, Discrete
from simulator.sensors import OBSERVATION_COLUMNS
from simulator.sensors.rows import columns_of, picture_shape, senses_of
from simulator.sensors.suite import Senses

WEIGHTS_FILE: Final = "policy.safetensors"
HEADER_FILE: Final = "policy.json"
FORMAT: Final = "apex-arena-policy"
FORMAT_VERSION: Final = 1
MAX_POLICY_BYTES: Final = 4_000_000
MAX_LAYER_WIDTH: Final = 512
MAX_LAYERS: Final = 6

HEADER_KEY: Final = "apex_arena"
_MAX_HEADER_BYTES: Final = 64_000
_MAX_COLUMNS: Final = 300

Layer = tuple[NDArray[np.float64], NDArray[np.float64]]  # weight [outputs, inputs], bias [outputs]


class Output(StrEnum):
    """How the last layer's outputs become a continuous action."""

    CLIP = "clip"
    """They are the mean action, cut to [-1, 1]: what PPO learns."""
    TANH = "tanh"
    """Their tanh is the mean action: what SAC learns."""

    def applied(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mean actions in [-1, 1] of the last layer's outputs."""
        return np.tanh(outputs) if self is Output.TANH else np.clip(outputs, -1.0, 1.0)


class PolicyError(ValueError):
    """A policy file that cannot be raced, with the reason."""


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """A feed-forward network with tanh between its layers.

    The last layer gives the mean action by way of `output` (continuous) or one preference per action
    (discrete).
    """

    layers: tuple[Layer, ...]
    actions: ActionSpace
    columns: tuple[str, ...] = OBSERVATION_COLUMNS
    about: Mapping[str, str] = field(default_factory=dict)
    """Where it comes from: versions, seed, steps; for people, without effect."""
    output: Output = Output.CLIP
    convolutions: tuple[Convolution, ...] = ()
    """What the pixels, the last of the columns, go through before the layers."""

    def __post_init__(self) -> None:
        _check_layers(self.layers, self._inputs(), output_count(self.actions))

    def _inputs(self) -> int:
        """Return how many inputs the first layer must have."""
        if not self.convolutions:
            return len(self.columns)
        pixels = _pixels(self.senses)
        try:
            return len(self.columns) - math.prod(pixels) + require_fit(self.convolutions, pixels)
        except VisionError as error:
            raise PolicyError(str(error)) from error

    @property
    def senses(self) -> Senses:
        """Return the senses that give the columns."""
        return senses_of(self.columns)

    def outputs(self, observation: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the last layer's outputs [n, outputs] for observations [n, columns]."""
        return np.stack([self._forward(row) for row in np.asarray(observation, np.float64)])

    def _forward(self, row: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.convolutions:
            row = seen(row, _pixels(self.senses), self.convolutions)
        for weight, bias in self.layers[:-1]:
            row = np.tanh(weight @ row + bias)
        weight, bias = self.layers[-1]
        result: NDArray[np.float64] = weight @ row + bias
        return result

    def act(self, observation: NDArray[np.floating]) -> NDArray[np.int64] | NDArray[np.float64]:
        """Return the deterministic actions for observations [n, columns].

        Discrete: the preferred action's number [n]. Continuous: the mean in [-1, 1], [n, 2].
        """
        outputs = self.outputs(observation)
        if isinstance(self.actions, Discrete):
            return np.asarray(np.argmax(outputs, axis=1), np.int64)
        return self.output.applied(outputs)

    def commands(self, observation: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return steering angle (degrees) and speed (m/s) [n, 2] for observations [n, columns]."""
        return self.actions.to_command(self.act(observation))

    def header(self) -> dict[str, object]:
        """Return the JSON header."""
        metadata = ModelMetadata(self.actions).as_json()
        squashed = {} if self.output is Output.CLIP else {"output": self.output.value}
        return {
            "format": FORMAT,
            "version": FORMAT_VERSION,
            **self._seen_json(),
            "activation": "tanh",
            "layers": [self.layers[0][0].shape[1], *(len(bias) for _, bias in self.layers)],
            **squashed,
            "action_space_type": metadata["action_space_type"],
            "action_space": action_space_json(self.actions),
            "about": dict(sorted(self.about.items())),
        }

    def _seen_json(self) -> dict[str, object]:
        """Return what it sees: the columns' names, or the sensors of pictures with the convolutions."""
        if not self.convolutions:
            return {"observation_columns": list(self.columns)}
        height, width, _ = _pixels(self.senses)
        return {
            "sensors": [str(sensor) for sensor in self.senses.sensors],
            "picture": {"width": width, "height": height},
            "convolutions": [each.shape._asdict() for each in self.convolutions],
        }

    def to_bytes(self) -> bytes:
        """Return the policy as one safetensors file; equal policies give equal bytes."""
        tensors = {}
        for place, convolution in enumerate(self.convolutions):
            tensors[f"convolution{place}.weight"] = np.ascontiguousarray(convolution.weight, np.float32)
            tensors[f"convolution{place}.bias"] = np.ascontiguousarray(convolution.bias, np.float32)
        for place, (weight, bias) in enumerate(self.layers):
            tensors[f"layer{place}.weight"] = np.ascontiguousarray(weight, np.float32)
            tensors[f"layer{place}.bias"] = np.ascontiguousarray(bias, np.float32)
        header = json.dumps(self.header(), separators=(",", ":"))
        return safetensors.numpy.save(tensors, metadata={HEADER_KEY: header})

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote. Raises `PolicyError`."""
        document = _read_header(data)
        columns, shapes = sight(document)
        sizes = _sizes(document, _first_size(columns, shapes))
        try:
            tensors = safetensors.numpy.load(data)
        except (safetensors.SafetensorError, KeyError, ValueError, TypeError) as error:
            raise PolicyError(f"The policy's weights cannot be read: {error}.") from error
        about = document.get("about")
        arrays = _checked(tensors, sizes, shapes, columns)
        return cls(
            layers=tuple(
                (arrays[f"layer{place}.weight"], arrays[f"layer{place}.bias"])
                for place in range(len(sizes) - 1)
            ),
            actions=_actions(document),
            columns=columns,
            convolutions=convolutions_of(arrays, shapes),
            about={str(key): str(value) for key, value in about.items()} if isinstance(about, dict) else {},
            output=_output(document),
        )

    def save(self, folder: Path | str) -> None:
        """Write `policy.safetensors` and, for people, its header as `policy.json`."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / WEIGHTS_FILE).write_bytes(self.to_bytes())
        (folder / HEADER_FILE).write_text(json.dumps(self.header(), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path | str) -> Self:
        """Read a folder written by `save`. Raises `PolicyError`."""
        path = Path(folder) / WEIGHTS_FILE
        try:
            if path.stat().st_size > MAX_POLICY_BYTES:
                raise PolicyError(
                    f"{path} has {path.stat().st_size:,} bytes, at most {MAX_POLICY_BYTES:,} are read."
                )
            data = path.read_bytes()
        except OSError as error:
            raise PolicyError(f"There is no policy in {folder}: {error}. Train one first.") from error
        return cls.from_bytes(data)


def output_count(actions: ActionSpace) -> int:
    """Return how many outputs a network for `actions` has."""
    return len(actions.actions) if isinstance(actions, Discrete) else 2


def _read_header(data: bytes) -> dict[str, object]:
    """Return the JSON header that lies in the file's metadata, looking at no weight yet."""
    if len(data) > MAX_POLICY_BYTES:
        raise PolicyError(f"The policy has {len(data):,} bytes, at most {MAX_POLICY_BYTES:,} are read.")
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or not 2 <= length <= min(_MAX_HEADER_BYTES, len(data) - 8):
        raise PolicyError("This is not a safetensors file. A policy is what `arena train` writes.")
    try:
        tensors = json.loads(data[8 : 8 + length])
        document = json.loads(tensors["__metadata__"][HEADER_KEY])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise PolicyError(
            "The safetensors file holds no policy of the arena: its header is missing."
        ) from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise PolicyError(f"The policy's header must name the format {FORMAT}.")
    if document.get("version") != FORMAT_VERSION or document.get("activation") != "tanh":
        found = f"{document.get('version')!r} with {document.get('activation')!r}"
        raise PolicyError(f"Expected policy version {FORMAT_VERSION} with tanh, got {found}. Train it again.")
    return document


def _sizes(document: dict[str, object], inputs: int) -> list[int]:
    """Return the sizes of the layers, the first one the number of `inputs`."""
    sizes = document.get("layers")
    if not isinstance(sizes, list) or not 2 <= len(sizes) <= MAX_LAYERS + 1:
        raise PolicyError(f"The header's layers must be a list of 2 to {MAX_LAYERS + 1} sizes.")
    for size in sizes[1:]:
        if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= MAX_LAYER_WIDTH:
            raise PolicyError(
                f"A layer's size must be a whole number from 1 to {MAX_LAYER_WIDTH}, got {str(size)[:40]}."
            )
    if sizes[0] != inputs or isinstance(sizes[0], bool):
        raise PolicyError(
            f"The first layer's size must be the whole number of what it sees, {inputs}; "
            f"got {str(sizes[0])[:40]}."
        )
    return sizes


def _checked(
    tensors: dict[str, NDArray[np.generic]],
    sizes: list[int],
    shapes: tuple[Shape, ...],
    columns: tuple[str, ...],
) -> dict[str, NDArray[np.float64]]:
    """Return the file's arrays as float64, if they are those that the header promises."""
    expected = arrays_of(shapes, _pixels(senses_of(columns))) if shapes else {}
    for place, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
        expected[f"layer{place}.weight"] = (outputs, inputs)
        expected[f"layer{place}.bias"] = (outputs,)
    if tensors.keys() != expected.keys():
        raise PolicyError(f"Expected the arrays {sorted(expected)}, got {sorted(tensors)[:20]}.")
    for name, shape in expected.items():
        array = tensors[name]
        if array.shape != shape or array.dtype != np.float32:
            raise PolicyError(
                f"{name}: expected float32 of shape {shape}, got {array.dtype} of shape {array.shape}."
            )
    return {name: array.astype(np.float64) for name, array in tensors.items()}


def _actions(document: dict[str, object]) -> ActionSpace:
    if "action_space" not in document:
        raise PolicyError("The header has no action_space.")
    try:
        return parse_action_space(document)
    except EntrantFault as fault:
        raise PolicyError(f"The header's action space is not usable: {fault.message}") from fault


def sight(document: dict[str, object]) -> tuple[tuple[str, ...], tuple[Shape, ...]]:
    """Return the columns that a header names, and the shapes of its convolutions if it sees pictures.

    Raises `PolicyError`.
    """
    if "sensors" not in document:
        return _columns(document), ()
    try:
        shapes = shapes_of(document.get("convolutions"))
        sensors = document["sensors"]
        named = Senses.of([str(name) for name in sensors[:9]] if isinstance(sensors, list) else str(sensors))
        columns = columns_of(named.sensors)
        height, width, _ = _pixels(senses_of(columns))
    except ValueError as error:
        raise PolicyError(str(error)) from error
    if document.get("picture") != {"width": width, "height": height}:
        raise PolicyError(f"Pictures are {width} x {height} here, the policy was trained with others.")
    return columns, shapes


def _output(document: dict[str, object]) -> Output:
    try:
        return Output(str(document.get("output", Output.CLIP)))
    except ValueError as error:
        raise PolicyError(f"The header's output must be clip or tanh: {error}.") from error


def _columns(document: dict[str, object]) -> tuple[str, ...]:
    columns = document.get("observation_columns")
    if isinstance(columns, list) and len(columns) <= _MAX_COLUMNS:
        with contextlib.suppress(ValueError, TypeError):
            known = tuple(columns)
            if picture_shape(senses_of(known)) is None:
                return known
    raise PolicyError(
        "The policy was trained to see other columns than this version of the car offers. "
        "Train it again with this version."
    )


def _pixels(senses: Senses) -> PixelShape:
    pixels = picture_shape(senses)
    if pixels is None:
        raise PolicyError("A policy with convolutions must have a camera among its sensors.")
    return pixels


def _first_size(columns: tuple[str, ...], shapes: tuple[Shape, ...]) -> int:
    """Return how many inputs the first layer has, behind convolutions of these shapes."""
    if not shapes:
        return len(columns)
    pixels = _pixels(senses_of(columns))
    try:
        return len(columns) - math.prod(pixels) + features_of(shapes, pixels)
    except VisionError as error:
        raise PolicyError(str(error)) from error


def _check_layers(layers: tuple[Layer, ...], inputs: int, outputs: int) -> None:
    if not layers:
        raise PolicyError("A policy needs at least one layer.")
    for weight, bias in layers:
        if weight.shape != (len(bias), inputs):
            raise PolicyError(f"Expected a layer of {inputs} inputs, got weights of shape {weight.shape}.")
        if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
            raise PolicyError("The policy holds weights that are not finite.")
        inputs = len(bias)
    if inputs != outputs:
        raise PolicyError(f"The action space needs {outputs} outputs, the network has {inputs}.")
