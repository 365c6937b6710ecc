"""A training between two of its stints, as one file: what was learnt, what was counted, what was recorded.

A safetensors file with a JSON header, never a pickle; reading believes nothing. A checkpoint goes on only
with the recipe, the code and the software that made it (`identity`): then the rest of the training gives the
bits that it would have given without the break. The state of the cars and of the reward function is not in
it, because no stint takes any from the one before.

The last checkpoint of a training is what another one can train on from (`Checkpoint.bare`): it keeps the
critic and the optimiser, which a policy does not have.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Self

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

CHECKPOINT_FILE: Final = "checkpoint.safetensors"
CONTINUATION_FILE: Final = "continuation.safetensors"
MAX_CHECKPOINT_BYTES: Final = 1_000_000_000

_FORMAT: Final = "apex-arena-checkpoint"
_VERSION: Final = 1
_HEADER_KEY: Final = "apex_arena"
_MAX_HEADER_BYTES: Final = 4_000_000
_LEARNER, _DRIVES = "learner/", "drives/"

Arrays = Mapping[str, NDArray[Any]]


class CheckpointError(ValueError):
    """A checkpoint that cannot be gone on from, with the reason: the training begins anew instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What was counted up to a checkpoint. `meter` and `curve` are as their own files write them."""

    meter: dict[str, Any] = field(default_factory=dict)
    curve: list[dict[str, Any]] = field(default_factory=list)
    output: str = ""
    calls: int = 0
    waited_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Checkpoint:
    """A training after `stints` of its stints, `steps` steps of its budget."""

    identity: str
    """See `training_recipe.Recipe.identity`."""
    digest: str
    stints: int
    steps: int
    ancestor_steps: int = 0
    """Steps of the trainings that this one went on from."""
    policy_sha256: str = ""
    """Of the policy at this moment; set where the training is over."""
    metadata: dict[str, Any] = field(default_factory=dict)
    """The car's action space, sensors and network, as its model_metadata.json says them."""
    tally: Tally = field(default_factory=Tally)
    learner: Arrays = field(default_factory=dict)
    drives: Arrays = field(default_factory=dict)

    @property
    def total_steps(self) -> int:
        """Return the steps of this training up to here and of all that it went on from."""
        return self.ancestor_steps + self.steps

    def bare(self) -> Checkpoint:
        """Return it without records, counts and optimiser: what another training needs to go on from."""
        learner = {name: array for name, array in self.learner.items() if name.startswith("policy/")}
        return replace(self, tally=Tally(), drives={}, learner=learner)

    def require(self, identity: str) -> None:
        """Raise `CheckpointError` unless it belongs to the training of that identity."""
        if self.identity != identity:
            raise CheckpointError(
                "The checkpoint is of another training: other code, settings, race or versions. "
                "Train from the beginning."
            )

    def to_bytes(self) -> bytes:
        """Return it as one safetensors file."""
        tensors = {_LEARNER + name: array for name, array in self.learner.items()}
        tensors |= {_DRIVES + name: array for name, array in self.drives.items()}
        said = {name: getattr(self, name) for name in _KINDS} | {"tally": asdict(self.tally)}
        header = json.dumps({"format": _FORMAT, "version": _VERSION, **said}, separators=(",", ":"))
        whole = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
        return safetensors.numpy.save(whole, metadata={_HEADER_KEY: header})

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote. Raises `CheckpointError`."""
        document = _read_header(data)
        try:
            tensors = safetensors.numpy.load(data)
        except (safetensors.SafetensorError, KeyError, ValueError, TypeError) as error:
            raise CheckpointError(f"The checkpoint's arrays cannot be read: {error}.") from error
        for name, array in tensors.items():
            if array.dtype.kind == "f" and name.startswith(_LEARNER) and not np.isfinite(array).all():
                raise CheckpointError(f"The checkpoint's {name} holds numbers that are not finite.")
        return cls(
            **{name: document[name] for name in _KINDS},
            tally=_read_tally(document["tally"]),
            learner=_part(tensors, _LEARNER),
            drives=_part(tensors, _DRIVES),
        )


_KINDS: Final[dict[str, type]] = {
    "identity": str,
    "digest": str,
    "stints": int,
    "steps": int,
    "ancestor_steps": int,
    "policy_sha256": str,
    "metadata": dict,
}
_TALLY_KINDS: Final[dict[str, type | tuple[type, ...]]] = {
    "meter": dict,
    "curve": list,
    "output": str,
    "calls": int,
    "waited_s": (int, float),
}


def _read_header(data: bytes) -> dict[str, Any]:
    length = int.from_bytes(data[:8], "little")
    if len(data) > MAX_CHECKPOINT_BYTES or not 2 <= length <= min(_MAX_HEADER_BYTES, len(data) - 8):
        raise CheckpointError("This is no checkpoint of a training.")
    try:
        document = json.loads(json.loads(data[8 : 8 + length])["__metadata__"][_HEADER_KEY])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise CheckpointError("This is no checkpoint of a training: its header is missing.") from error
    if not isinstance(document, dict) or document.get("format") != _FORMAT:
        raise CheckpointError(f"The checkpoint's header must name the format {_FORMAT}.")
    if document.get("version") != _VERSION:
        raise CheckpointError(
            f"Expected a checkpoint of version {_VERSION}, got {document.get('version')!r:.20}."
        )
    _require_kinds(document, _KINDS | {"tally": dict})
    if min(document["stints"], document["steps"], document["ancestor_steps"]) < 0:
        raise CheckpointError("The checkpoint's counts must not be negative.")
    return document


def _read_tally(document: dict[str, Any]) -> Tally:
    _require_kinds(document, _TALLY_KINDS)
    return Tally(**{name: document[name] for name in _TALLY_KINDS})


def _require_kinds(document: dict[str, Any], kinds: Mapping[str, type | tuple[type, ...]]) -> None:
    for name, kind in kinds.items():
        value = document.get(name)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise CheckpointError(f"The checkpoint's {name} cannot be {value!r:.40}.")


def _part(tensors: Arrays, prefix: str) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(prefix): array for name, array in tensors.items() if name.startswith(prefix)}
