"""A trained policy: a small network as plain arrays, with a JSON header that says what it sees and what it
does.

Races need nothing but this file and numpy. Weights are stored as float32 (safetensors, never a pickle) and
used as float64, one car at a time: BLAS rounds a batch of one and a batch of many differently, so a fixed
shape is what makes an action independent of the company it is computed in. Reading believes nothing: names,
shapes, types, finiteness, size and the names of the observation's columns are checked.
"""

from __future__ import annotations

import itertools
import json
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
from simulator.actions import ActionSpace, Discrete
from simulator.sensors import OBSERVATION_COLUMNS
from simulator.sensors.objects import OBJECT_VECTOR_COLUMNS

WEIGHTS_FILE: Final = "policy.safetensors"
HEADER_FILE: Final = "policy.json"
FORMAT: Final = "apex-arena-policy"
FORMAT_VERSION: Final = 1
MAX_POLICY_BYTES: Final = 4_000_000
MAX_LAYER_WIDTH: Final = 512
MAX_LAYERS: Final = 6

HEADER_KEY: Final = "apex_arena"
_MAX_HEADER_BYTES: Final = 64_000

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

    def __post_init__(self) -> None:
        _check_layers(self.layers, len(self.columns), output_count(self.actions))

    def outputs(self, observation: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the last layer's outputs [n, outputs] for observations [n, columns]."""
        return np.stack([self._forward(row) for row in np.asarray(observation, np.float64)])

    def _forward(self, row: NDArray[np.float64]) -> NDArray[np.float64]:
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
            "observation_columns": list(self.columns),
            "activation": "tanh",
            "layers": [self.layers[0][0].shape[1], *(len(bias) for _, bias in self.layers)],
            **squashed,
            "action_space_type": metadata["action_space_type"],
            "action_space": action_space_json(self.actions),
            "about": dict(sorted(self.about.items())),
        }

    def to_bytes(self) -> bytes:
        """Return the policy as one safetensors file; equal policies give equal bytes."""
        tensors = {}
        for place, (weight, bias) in enumerate(self.layers):
            tensors[f"layer{place}.weight"] = np.ascontiguousarray(weight, np.float32)
            tensors[f"layer{place}.bias"] = np.ascontiguousarray(bias, np.float32)
        header = json.dumps(self.header(), separators=(",", ":"))
        return safetensors.numpy.save(tensors, metadata={HEADER_KEY: header})

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote. Raises `PolicyError`."""
        document = _read_header(data)
        sizes = _sizes(document)
        try:
            tensors = safetensors.numpy.load(data)
        except (safetensors.SafetensorError, KeyError, ValueError, TypeError) as error:
            raise PolicyError(f"The policy's weights cannot be read: {error}.") from error
        about = document.get("about")
        return cls(
            layers=_layers(tensors, sizes),
            actions=_actions(document),
            columns=_columns(document),
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


def _sizes(document: dict[str, object]) -> list[int]:
    sizes = document.get("layers")
    if not isinstance(sizes, list) or not 2 <= len(sizes) <= MAX_LAYERS + 1:
        raise PolicyError(f"The header's layers must be a list of 2 to {MAX_LAYERS + 1} sizes.")
    for size in sizes:
        if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= MAX_LAYER_WIDTH:
            raise PolicyError(
                f"A layer's size must be a whole number from 1 to {MAX_LAYER_WIDTH}, got {size!r}."
            )
    return sizes


def _layers(tensors: dict[str, NDArray[np.generic]], sizes: list[int]) -> tuple[Layer, ...]:
    expected: dict[str, tuple[int, ...]] = {}
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
    wide = {name: array.astype(np.float64) for name, array in tensors.items()}
    return tuple(
        (wide[f"layer{place}.weight"], wide[f"layer{place}.bias"]) for place in range(len(sizes) - 1)
    )


def _actions(document: dict[str, object]) -> ActionSpace:
    if "action_space" not in document:
        raise PolicyError("The header has no action_space.")
    try:
        return parse_action_space(document)
    except EntrantFault as fault:
        raise PolicyError(f"The header's action space is not usable: {fault.message}") from fault


def _output(document: dict[str, object]) -> Output:
    try:
        return Output(str(document.get("output", Output.CLIP)))
    except ValueError as error:
        raise PolicyError(f"The header's output must be clip or tanh: {error}.") from error


def _columns(document: dict[str, object]) -> tuple[str, ...]:
    columns = document.get("observation_columns")
    for known in (OBSERVATION_COLUMNS, OBJECT_VECTOR_COLUMNS):
        if columns == list(known):
            return known
    raise PolicyError(
        "The policy was trained to see other columns than this version of the car offers. "
        "Train it again with this version."
    )


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
