"""The child's program for reward functions: rows of params in, rewards out.

Every car has its own copy of the module: compiled once, executed once per car, so that a function that keeps
the previous speed in a global works as it does with the single car of DeepRacer. Results go through
`float()`, as they do there.
"""

from __future__ import annotations

import contextlib
import inspect
import math
import time
from collections.abc import Callable
from operator import call
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from arena.garage import blame
from arena.garage.host import Channel, Entry, Output, check_signature, first_line
from arena.garage.line_clock import LineClock, room_for
from arena.garage.subjects import REWARD
from arena.garage.verdicts import EntrantFault, Verdict
from arena.garage.wire import Kind, unpack_json

if TYPE_CHECKING:
    from simulator.params import ParamsBuilder

_STUDY_S: Final = 3.0

RewardCall = Callable[[dict[str, Any]], Any]


def judged_function(names: dict[str, Any]) -> RewardCall:
    """Return the reward function among a module's names. Raises `EntrantFault` (NO_FUNCTION, SIGNATURE)."""
    function = names.get(blame.FUNCTION)
    if function is None:
        others = [
            name
            for name, value in names.items()
            if inspect.isfunction(value) and value.__module__ == blame.FUNCTION
        ]
        found = f" The file defines {', '.join(others[:5])}." if others else ""
        if blame.CLASS in names:
            found += f" It defines a class {blame.CLASS}: race it as it is, an agent is not trained."
        message = f"The file defines no {blame.FUNCTION}.{found} Expected: def {blame.FUNCTION}(params)."
        raise EntrantFault(Verdict.NO_FUNCTION, message)
    line = first_line(function)
    if not callable(function):
        kind = type(function).__name__
        message = f"{blame.FUNCTION} is a {kind}, expected a function: def {blame.FUNCTION}(params)."
        raise EntrantFault(Verdict.NO_FUNCTION, message)
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        message = f"{blame.FUNCTION} must be a plain function that returns a number, without async or yield."
        raise EntrantFault(Verdict.SIGNATURE, message, line=line)
    check_signature(function, blame.FUNCTION, f"def {blame.FUNCTION}(params)", line)
    return function  # type: ignore[no-any-return]


class Rewards:
    """The loop that answers messages of calls."""

    def __init__(self, channel: Channel, output: Output) -> None:
        self._channel = channel
        self._output = output
        self._functions: list[RewardCall] = []

    def greeting(self) -> dict[str, object]:
        from simulator.params import COLUMNS

        return {"columns": len(COLUMNS)}

    def serve(self) -> None:
        channel = self._channel
        _, payload = channel.receive(Kind.SOURCE)
        entry = self._parse(unpack_json(payload))
        _, payload = channel.receive(Kind.EXECUTE)
        self._load(entry, unpack_json(payload))
        while True:
            head, payload = channel.receive(Kind.CALLS, Kind.STUDY)
            if head.kind == Kind.CALLS:
                channel.answer(Kind.REWARDS, head.count, self._answer(payload, head.count))
            else:
                table = self._study(entry, payload, head.count)
                channel.answer(Kind.LINES, table.size, table.tobytes())

    def _parse(self, options: dict[str, Any]) -> Entry:
        from simulator.params import ParamsBuilder, row_width

        self._params: list[ParamsBuilder] = [ParamsBuilder.from_static(each) for each in options["statics"]]
        self._width = row_width(self._params[0].moving)
        self._last_line = room_for(options["source"])
        entry = Entry(options["source"], REWARD)
        said = {"digest": entry.digest, "defines": entry.defines, "confined": entry.is_confined}
        self._channel.tell(Kind.PARSED, said)
        return entry

    def _load(self, entry: Entry, options: dict[str, Any]) -> None:
        """Execute the module once for each car; only the first one's prints are kept, if it is not quiet."""
        self._legs: list[int] = options["legs"]
        entry.prepare(options["seed"])
        self._output.muted = options["quiet"]
        self._functions = [judged_function(entry.module())]
        self._channel.tell(Kind.LOADED, {})
        self._channel.receive(Kind.MULTIPLY)
        self._output.muted = True
        self._functions += [judged_function(entry.module()) for _ in self._legs[1:]]
        self._output.deliver()
        self._output.muted = False
        self._channel.tell(Kind.RUNNING, {})

    def _split(self, payload: bytes, count: int) -> tuple[list[list[float]], list[int]]:
        """Return the rows [count] of a message and their cars."""
        numbers = np.frombuffer(payload, np.float64)
        rows: list[list[float]] = numbers[: count * self._width].reshape(count, self._width).tolist()
        cars: list[int] = numbers[count * self._width :].astype(np.int64).tolist()
        return rows, cars

    def _study(self, entry: Entry, payload: bytes, count: int) -> NDArray[np.float64]:
        """Make calls with an eye on the lines until time is up; a call that fails is one, too."""
        rows, cars = self._split(payload, count)
        self._output.mute()
        clock = LineClock(entry.code, self._last_line)
        clock.load(entry.module)
        end_s = time.process_time() + _STUDY_S
        for row, car in zip(rows, cars, strict=True):
            with contextlib.suppress(Exception):
                clock.call(self._functions[car], self._dict(row, car))
            if time.process_time() > end_s:
                break
        return clock.table()

    def _answer(self, payload: bytes, count: int) -> bytes:
        rows, cars = self._split(payload, count)
        builder = self._builder(cars[0] if cars else 0)
        functions = [self._functions[car] for car in cars]
        rewards: list[float] = []
        failure: BaseException | None = None
        try:
            # what was answered before a failure stays in the list
            rewards.extend(map(float, map(call, functions, builder.dicts(rows))))
        except BaseException as error:
            failure = error
        values = np.array(rewards, np.float64)
        with np.errstate(invalid="ignore"):
            refused = np.flatnonzero(~(np.abs(values) <= blame.MAX_REWARD))
        if len(refused):
            place = int(refused[0])
            self._refuse_value(rewards[place], rows[place], cars[place])
        if failure is not None:
            self._refuse_call(failure, rows[len(rewards)], cars[len(rewards)])
        return values.tobytes()

    def _refuse_call(self, error: BaseException, row: list[float], car: int) -> None:
        if blame.entrant_line(error.__traceback__) is None and isinstance(
            error, TypeError | ValueError | OverflowError
        ):
            self._refuse_value(None, row, car)  # not their code failed but float() of what it returned
        raise blame.call_fault(error, self._dict(row, car)) from None

    def _refuse_value(self, value: float | None, row: list[float], car: int) -> None:
        """Blame the return statement, if a second call returns an unusable value again, else the function."""
        self._output.mute()
        again, line = blame.repeated_call(self._functions[car], self._dict(row, car))
        if value is None:
            value = again  # type: ignore[assignment]
        elif not isinstance(again, float | int) or _is_usable(again):
            line = None
        if line is None:
            line = first_line(self._functions[car])
        raise blame.value_fault(value, line, self._dict(row, car))

    def _builder(self, car: int) -> ParamsBuilder:
        """Return the builder of the leg that a car drives, and all others of its message."""
        return self._params[self._legs[car]]

    def _dict(self, row: list[float], car: int) -> dict[str, Any]:
        return next(iter(self._builder(car).dicts([row])))


def _is_usable(value: float) -> bool:
    try:
        return math.isfinite(value) and abs(value) <= blame.MAX_REWARD
    except OverflowError:
        return False
