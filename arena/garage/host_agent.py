"""The child's program for agents: one object of the entrant's class `Agent`, which is asked in every tick.

The class is looked for after the file has been executed, an object of it is made once per race, `reset` is
called at each start and `act` 15 times per simulated second. Only two float64 come out.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from arena.garage import blame
from arena.garage.host import Channel, Entry, Output, check_signature, first_line
from arena.garage.observing import COLUMNS, ObservationBuilder
from arena.garage.subjects import AGENT
from arena.garage.verdicts import EntrantFault, Verdict
from arena.garage.wire import Kind, unpack_json

ACT: Final = f"{blame.CLASS}.act"
RESET: Final = f"{blame.CLASS}.reset"
EXPECTED: Final = (
    "Expected a steering angle in degrees and a speed in m/s, e.g. return 5.0, 1.5 "
    'or {"steering_angle": 5.0, "speed": 1.5}.'
)
_KEYS: Final = ("steering_angle", "speed")
_SHOWN: Final = ("x", "y", "heading", "speed", "steering_angle", "progress", "lap", "offset", "heading_error")


class Driving:
    """The loop that answers resets and acts."""

    def __init__(self, channel: Channel, output: Output) -> None:
        self._channel = channel
        self._output = output

    def greeting(self) -> dict[str, object]:
        return {"columns": len(COLUMNS)}

    def serve(self) -> None:
        channel = self._channel
        _, payload = channel.receive(Kind.SOURCE)
        entry = Entry(unpack_json(payload)["source"], AGENT)  # type: ignore[arg-type]
        channel.tell(Kind.PARSED, {"digest": entry.digest, "defines": entry.defines})
        _, payload = channel.receive(Kind.EXECUTE)
        self._load(entry, unpack_json(payload))
        channel.tell(Kind.LOADED, {})
        while True:
            head, payload = channel.receive(Kind.RESET, Kind.ACT)
            if head.kind == Kind.RESET:
                self._reset(unpack_json(payload))
                channel.tell(Kind.RUNNING, {})
            else:
                channel.answer(Kind.ACTION, 2, self._act(payload))

    def _load(self, entry: Entry, options: dict[str, Any]) -> None:
        entry.prepare(options["seed"])
        maker = judged_class(entry.module())
        try:
            agent = maker()
        except BaseException as error:
            raise blame.failure(error, AGENT, f"{blame.CLASS}()", "", {}) from None
        self._act_of = judged_method(agent, "act", "observation")
        self._reset_of = judged_method(agent, "reset", "info") if hasattr(agent, "reset") else None

    def _reset(self, document: dict[str, Any]) -> None:
        self._builder = ObservationBuilder(**document["shape"])
        info = document["info"]
        track = info["track"]
        for name in ("waypoints", "left_border", "right_border", "widths"):
            track[name] = np.array(track[name])
        if self._reset_of is None:
            return
        try:
            self._reset_of(info)
        except BaseException as error:
            raise blame.failure(error, AGENT, RESET, "info", info) from None

    def _act(self, payload: bytes) -> bytes:
        observation = self._builder.dict_of(np.frombuffer(payload, np.float64))
        value: Any = None
        came = False
        try:
            value = self._act_of(observation)
            came = True
            command = numbers_of(value)
        except BaseException as error:
            if came and blame.entrant_line(error.__traceback__) is None and isinstance(error, _UNUSABLE):
                self._refuse(value, payload)  # not their code failed but the reading of what it returned
            raise blame.failure(
                error, AGENT, ACT, "observation", observation, _summary(observation)
            ) from None
        if not (math.isfinite(command[0]) and math.isfinite(command[1])):
            self._refuse(value, payload)
        return np.array(command, "<f8").tobytes()

    def _refuse(self, value: object, payload: bytes) -> None:
        """Blame the return statement, if a second call ends at one, else the function."""
        self._output.mute()
        observation = self._builder.dict_of(np.frombuffer(payload, np.float64))
        _, line = blame.repeated_call(self._act_of, observation)
        line = line or first_line(self._act_of)
        where = f" in line {line}" if line else ""
        came = "None: one path through it ends without a return" if value is None else _shown(value)
        message = f"{ACT} returned {came}{where}. {EXPECTED}"
        raise EntrantFault(Verdict.BAD_VALUE, message, line=line, detail=_summary(observation))


_UNUSABLE: Final = (TypeError, ValueError, OverflowError, KeyError)


def judged_class(names: Mapping[str, Any]) -> Callable[[], Any]:
    """Return the class `Agent` among a module's names. Raises `EntrantFault` (NO_FUNCTION)."""
    maker = names.get(blame.CLASS)
    usage = f"class {blame.CLASS} with def reset(self, info) and def act(self, observation)"
    if maker is None:
        own = [name for name, value in names.items() if getattr(value, "__module__", "") == AGENT.module]
        found = f" The file defines {', '.join(own[:5])}." if own else ""
        if blame.FUNCTION in own:
            found += " Enter a reward function as such: the car then learns from it."
        message = f"The file defines no class {blame.CLASS}.{found} Expected: {usage}."
        raise EntrantFault(Verdict.NO_FUNCTION, message)
    if not inspect.isclass(maker):
        message = f"{blame.CLASS} is a {type(maker).__name__}, expected a class: {usage}."
        raise EntrantFault(Verdict.NO_FUNCTION, message, line=first_line(maker))
    return maker


def judged_method(agent: object, name: str, argument: str) -> Callable[[Any], Any]:
    """Return a method of the agent. Raises `EntrantFault` (NO_FUNCTION, SIGNATURE)."""
    usage = f"def {name}(self, {argument})"
    method = getattr(agent, name, None)
    if not callable(method):
        message = f"The class {blame.CLASS} has no method {name}. Expected: {usage}."
        raise EntrantFault(Verdict.NO_FUNCTION, message)
    line = first_line(method)
    if inspect.iscoroutinefunction(method) or inspect.isgeneratorfunction(method):
        message = f"{blame.CLASS}.{name} must be a plain method, without async or yield."
        raise EntrantFault(Verdict.SIGNATURE, message, line=line)
    check_signature(method, f"{blame.CLASS}.{name}", usage, line)
    return method  # type: ignore[no-any-return]


def numbers_of(value: Any) -> tuple[float, float]:
    """Return steering angle and speed of what `act` returned: two numbers in a row, or by name.

    Raises TypeError, ValueError, OverflowError or KeyError, or whatever the entrant's own number raises.
    """
    if isinstance(value, Mapping):
        steering, speed = value[_KEYS[0]], value[_KEYS[1]]
    elif isinstance(value, Sequence | np.ndarray) and not isinstance(value, str | bytes):
        steering, speed = value
    else:
        raise TypeError(f"expected two numbers, got a {type(value).__name__}")
    if isinstance(steering, str) or isinstance(speed, str):
        raise TypeError("expected two numbers, got text")
    return float(steering), float(speed)


def _shown(value: object) -> str:
    """Return a refused action in words; what is not plain numbers is not asked for its text."""
    if type(value) in (tuple, list) and all(type(each) in (int, float) for each in value):  # type: ignore[attr-defined]
        with_digits = [blame.number_text(each) for each in value[:4]]  # type: ignore[index]
        rest = ", ..." if len(value) > 4 else ""  # type: ignore[arg-type]
        return f"({', '.join(with_digits)}{rest})"
    name = type(value).__name__
    return f"{'an' if name[:1] in 'aeiou' else 'a'} {name}"


def _summary(observation: Mapping[str, Any]) -> str:
    """Return one line with what usually matters of an observation."""
    shown = ", ".join(f"{key!r}: {blame.brief(observation[key])}" for key in _SHOWN if key in observation)
    return f"observation of this call: {{{shown}, ...}}\n"
