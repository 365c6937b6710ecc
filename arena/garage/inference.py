"""An ONNX file as a network at the wheel: the parent's end of the child that runs it (`host_policy.py`).

The child says what the file wants and gives; whether that fits the car is judged here, in words that name
what was expected and what came. Then every observation goes over and an output comes back. Of the car's time
for an answer, a fifteenth of a second, the network may use as much as it likes, and a few seconds more over
the whole race, counted in processor time, so that a loaded machine makes nobody late.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final, NoReturn, Self

import numpy as np
from numpy.typing import NDArray

from arena.garage.conversation import Conversation, allowance_of
from arena.garage.limits import Limits, Usage
from arena.garage.policy import HEADER_KEY, PolicyError, sight
from arena.garage.sensing import OBSERVATION, senses_for, sensors_of
from arena.garage.settings import ModelMetadata, parse_action_space
from arena.garage.subjects import POLICY
from arena.garage.verdicts import EntrantFault, SandboxUnavailableError, Verdict
from arena.garage.wire import Kind, pack, pack_json
from simulator.actions import DEFAULT_ACTIONS, ActionSpace, Discrete
from simulator.car import STEP_S
from simulator.sensors import OBSERVATION_COLUMNS
from simulator.sensors.rows import columns_of

LIMITS: Final = Limits(cpu_s=600, file_mb=1)
BANK_S: Final = 5.0
"""CPU seconds of a race beyond what its steps allow."""

_FLOATS: Final = ("tensor(float)", "tensor(double)")
_WHOLE: Final = ("tensor(int64)", "tensor(int32)")
_ACTION: Final = "action"


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of the file, as the child describes it; None is a size that is not fixed."""

    name: str
    type: str
    shape: tuple[int | None, ...]

    @classmethod
    def of(cls, document: object) -> Self:
        """Read a port from the child's JSON, believing nothing."""
        found = document if isinstance(document, dict) else {}
        shape = found.get("shape")
        sizes = shape if isinstance(shape, list) else []
        return cls(
            str(found.get("name")),
            str(found.get("type")),
            tuple(size if isinstance(size, int) and size >= 0 else None for size in sizes),
        )

    def __str__(self) -> str:
        sizes = ", ".join("any" if size is None else str(size) for size in self.shape)
        return f"{self.name} ({self.type.removeprefix('tensor(').removesuffix(')')} [{sizes}])"


class OnnxPolicy:
    """A context manager that owns a locked child with an ONNX file in it, and drives by it.

    `metadata` is the entrant's own, or None: then the file's action space counts, or the default one. Raises
    `EntrantFault` on entering for a file that cannot drive, and from `act`.
    """

    def __init__(
        self,
        data: bytes,
        metadata: ModelMetadata | None = None,
        *,
        limits: Limits = LIMITS,
        bank_s: float = BANK_S,
    ) -> None:
        self._data, self._metadata, self._limits, self._bank_s = data, metadata, limits, bank_s
        self._sequence = 0
        self._is_index = False
        self._values = 0
        self._began_cpu_s = 0.0
        self.columns: tuple[str, ...] = OBSERVATION_COLUMNS
        self.actions: ActionSpace = DEFAULT_ACTIONS
        self.answered = 0
        """How many observations it has answered."""

    def __enter__(self) -> Self:
        try:
            greeting: dict[str, object] = {"onnxruntime": version("onnxruntime")}
        except PackageNotFoundError as error:
            raise SandboxUnavailableError(
                "This machine cannot run ONNX files: onnxruntime is not installed. "
                "Install it: pip install 'apex-arena[onnx]'."
            ) from error
        self._talk = Conversation(POLICY, self._limits)
        try:
            self._talk.begin(greeting)
            self._introduce()
        except BaseException:
            self._talk.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._talk.close()

    @property
    def usage(self) -> Usage:
        """What the child has used; complete once it is closed."""
        return self._talk.usage

    def act(self, observation: NDArray[np.floating]) -> NDArray[Any]:
        """Return the actions for observations [n, columns], as `Policy.act` does. Raises `EntrantFault`."""
        if self._talk.fault is not None:
            raise self._talk.fault
        rows = np.ascontiguousarray(observation, "<f8")
        count = len(rows)
        self._sequence = (self._sequence + 1) % 2**32
        frame = pack(Kind.INFER, self._sequence, count, rows.tobytes())
        allowance = allowance_of(self._limits.message_s + count * STEP_S)
        values = count * self._values
        answer = self._talk.numbers(frame, allowance, Kind.OUTPUTS, values, self._sequence)
        self.answered += count
        self._refuse_slow()
        return self._actions(np.frombuffer(answer, "<f8").reshape(count, self._values))

    def _introduce(self) -> None:
        """Have the file opened, judge what it wants and gives, and try it once."""
        talk = self._talk
        talk.entrants_turn = True
        allowance = allowance_of(self._limits.load_s)
        told = talk.ask(pack(Kind.MODEL, 0, 0, self._data), allowance, Kind.LOADED)
        inputs, outputs = _ports(told, "inputs"), _ports(told, "outputs")
        header = _header(told)
        try:
            self.actions = self._agreed_actions(header)
            entry = _only_input(inputs)
            self.columns = _columns(entry, header, self._metadata)
            wanted = self._wanted(outputs)
        except EntrantFault as fault:
            talk.fail(fault)
        document = wanted | {"input": entry.name, "type": entry.type}
        talk.ask(pack_json(Kind.EXECUTE, 0, document), allowance, Kind.RUNNING)
        talk.loaded = True
        self._began_cpu_s = talk.child.cpu_s()
        self.act(np.zeros((1, len(self.columns))))
        self.answered = 0

    def _agreed_actions(self, header: dict[str, object]) -> ActionSpace:
        """Return the action space: the entrant's own, or the file's, which must not be two."""
        named = parse_action_space(header) if "action_space" in header else None
        given = self._metadata.actions if self._metadata else None
        if named and given and named != given:
            raise _fault(
                "The file names another action space than model_metadata.json. Leave model_metadata.json "
                "out, or export the file anew."
            )
        return given or named or DEFAULT_ACTIONS

    def _wanted(self, outputs: list[Port]) -> dict[str, object]:
        """Choose the output that holds the action, and say how many numbers it must have."""
        if not outputs:
            raise _fault("The network has no output. Expected one with the action.")
        chosen = next((port for port in outputs if port.name == _ACTION), outputs[0])
        self._is_index = isinstance(self.actions, Discrete) and chosen.type in _WHOLE
        if self._is_index:
            self._values, words = 1, "the number of an action"
        elif isinstance(self.actions, Discrete):
            self._values = len(self.actions.actions)
            words = "one preference for each action"
        else:
            self._values, words = 2, "steering and speed in [-1, 1]"
        if chosen.type not in _FLOATS and not self._is_index:
            raise _fault(f"The output is {chosen}; expected float32 with {words}.")
        return {"output": chosen.name, "values": self._values, "words": words}

    def _actions(self, outputs: NDArray[np.float64]) -> NDArray[Any]:
        if not np.isfinite(outputs).all():
            self._refuse_numbers(outputs)
        if not isinstance(self.actions, Discrete):
            return np.clip(outputs, -1.0, 1.0)
        if not self._is_index:
            return np.asarray(np.argmax(outputs, axis=1), np.int64)
        return self._checked_index(outputs[:, 0], len(self.actions.actions))

    def _checked_index(self, chosen: NDArray[np.float64], count: int) -> NDArray[np.int64]:
        if not ((chosen >= 0) & (chosen < count) & (chosen == np.floor(chosen))).all():
            shown = ", ".join(f"{value:g}" for value in chosen[:6])
            message = f"The answer is action {shown}: expected a number from 0 to {count - 1}."
            self._talk.fail(_fault(message))
        return chosen.astype(np.int64)

    def _refuse_numbers(self, outputs: NDArray[np.float64]) -> NoReturn:
        row = int(np.flatnonzero(~np.isfinite(outputs).all(axis=1))[0])
        step = self.answered - len(outputs) + row + 1
        shown = ", ".join(f"{value:g}" for value in outputs[row][:6])
        message = f"The answer to observation {step} is {shown}: expected finite numbers. Train it again."
        self._talk.fail(_fault(message))

    def _refuse_slow(self) -> None:
        used_s = self._talk.child.cpu_s() - self._began_cpu_s
        if used_s > self._bank_s + self.answered * STEP_S:
            message = (
                f"The policy is too slow: {self.answered:,} answers took {used_s:.1f} s of processor time, "
                f"and the car wants one every {1000 * STEP_S:.0f} ms. Use a smaller network."
            )
            self._talk.fail(EntrantFault(Verdict.TIMEOUT, message))


def _ports(told: dict[str, object], key: str) -> list[Port]:
    found = told.get(key)
    return [Port.of(document) for document in found] if isinstance(found, list) else []


def _header(told: dict[str, object]) -> dict[str, object]:
    """Return the header that our own exports carry, or nothing."""
    metadata = told.get("metadata")
    if not isinstance(metadata, dict):
        return {}
    try:
        header = json.loads(str(metadata.get(HEADER_KEY, "{}")))
    except (ValueError, RecursionError):
        return {}
    return header if isinstance(header, dict) else {}


def _only_input(inputs: list[Port]) -> Port:
    if len(inputs) != 1:
        names = ", ".join(str(port) for port in inputs) or "none"
        raise _fault(f"The network has {len(inputs)} inputs ({names}). Expected one: observation, {_VECTOR}.")
    if inputs[0].type not in _FLOATS or len(inputs[0].shape) != 2 or inputs[0].shape[0] not in (None, 1):
        raise _fault(f"The input is {inputs[0]}. Expected observation, {_VECTOR}.")
    return inputs[0]


def _columns(entry: Port, header: dict[str, object], metadata: ModelMetadata | None) -> tuple[str, ...]:
    """Return the columns that the file wants: those that its header names, or else those of the entrant's
    sensors, with or without objects, whose number it is.
    """
    if "observation_columns" in header or "sensors" in header:
        try:
            known = [sight(header)[0]]
        except PolicyError as error:
            raise _fault(str(error)) from error
    else:
        sensors = metadata.sensors if metadata else (OBSERVATION,)
        found = {senses_for(sensors, with_objects=objects) for objects in (False, True)}
        known = sorted((columns_of(senses.sensors) for senses in found), key=len)
    for columns in known:
        if entry.shape[1] == len(columns):
            return columns
    sizes = " or ".join(f"[1, {len(columns)}]" for columns in known)
    seen = ", ".join(sensors_of(known[0]))
    objects = " (the latter with the next two objects)" if len(known) > 1 else ""
    raise _fault(f"The input is {entry}. Expected observation, float32 {sizes}: {seen}{objects}.")


_VECTOR: Final = f"float32 [1, {len(OBSERVATION_COLUMNS)}]"


def _fault(message: str) -> EntrantFault:
    return EntrantFault(Verdict.POLICY, message)
