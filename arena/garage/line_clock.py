"""Which lines of an entrant's functions run, and where the time goes: a trace of a few calls, in the child.

Time between two lines is charged to the first of them, with whatever it calls outside the file; our own time
is left out, and what Python itself takes to tell of a line is taken off by the cheapest line there was.
Lines that run when the file is loaded, and functions that are called only then, are not judged.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from time import perf_counter
from types import CodeType, FrameType
from typing import Any

import numpy as np
from numpy.typing import NDArray

_CO_OPTIMIZED = 1  # set for functions, not for the bodies of modules and classes
_COMPREHENSIONS = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"})


def room_for(source: str) -> int:
    """Return a number of lines that no counting of a file's lines exceeds."""
    return 1 + source.count("\n") + source.count("\r")


class LineClock:
    """Counts and times the lines 1 to `last` of the file that `code` was compiled from."""

    def __init__(self, code: CodeType, last: int) -> None:
        self._code, self._file, self._last = code, code.co_filename, last
        self._runs = [0] * (last + 1)
        self._seconds = [0.0] * (last + 1)
        self._at, self._since = 0, 0.0
        self._cheapest = np.inf
        self._excused: set[CodeType] = set()
        self.calls = 0

    def load(self, execute: Callable[[], object]) -> None:
        """Execute the file once more and remember which of its functions that calls."""

        def on_call(frame: FrameType, event: str, arg: object) -> None:
            if frame.f_code.co_filename == self._file:
                self._excused.add(frame.f_code)

        sys.settrace(on_call)
        try:
            execute()
        finally:
            sys.settrace(None)

    def call(self, function: Callable[[dict[str, Any]], object], params: dict[str, Any]) -> None:
        """Call a function under the clock."""
        self._at, self._since = 0, perf_counter()
        sys.settrace(self._on_call)
        try:
            function(params)
        finally:
            sys.settrace(None)
            self.calls += 1

    def table(self) -> NDArray[np.float64]:
        """Return how often each line ran and its seconds [last + 1, 2]; -1 where there is nothing to run.

        In row 0 are the calls and the seconds of all lines.
        """
        runs = np.full(self._last + 1, -1.0)
        seconds = np.array(self._seconds)
        counted = np.array(self._runs, np.float64)
        lines = [line for line in self._judged() if 0 < line <= self._last]
        runs[lines] = counted[lines]
        if np.isfinite(self._cheapest):
            seconds = np.maximum(seconds - counted * self._cheapest, 0.0)
        seconds[runs < 0.0] = 0.0
        runs[0], seconds[0] = self.calls, seconds[1:].sum()
        return np.column_stack([runs, seconds])

    def _judged(self) -> set[int]:
        """Return the lines of functions that ran in a call, or should have."""
        lines: set[int] = set()
        for code in functions_of(self._code):
            own = body_lines(code)
            if code in self._excused:
                own = {line for line in own if line <= self._last and self._runs[line]}
            lines |= own
        return lines

    def _on_call(self, frame: FrameType, event: str, arg: object) -> Callable[..., Any] | None:
        if frame.f_code.co_filename != self._file:
            return None
        self._charge()
        self._at = self._place(frame)
        self._since = perf_counter()
        return self._on_event

    def _on_event(self, frame: FrameType, event: str, arg: object) -> Callable[..., Any]:
        if event == "line":
            self._charge()
            self._at = at = self._place(frame)
            self._runs[at] += 1
            self._since = perf_counter()
        elif event == "return":
            self._charge()
            back = frame.f_back
            while back is not None and back.f_code.co_filename != self._file:
                back = back.f_back
            self._at = self._place(back) if back else 0
            self._since = perf_counter()
        return self._on_event

    def _charge(self) -> None:
        took_s = perf_counter() - self._since
        self._seconds[self._at] += took_s
        if self._at and took_s < self._cheapest:
            self._cheapest = took_s

    def _place(self, frame: FrameType) -> int:
        line = frame.f_lineno or 0
        return line if line <= self._last else 0


def functions_of(code: CodeType) -> Iterator[CodeType]:
    """Return the code of all functions in a module, however deep, without what runs as part of loading it."""
    is_function = bool(code.co_flags & _CO_OPTIMIZED)
    for inner in code.co_consts:
        if not isinstance(inner, CodeType):
            continue
        if inner.co_flags & _CO_OPTIMIZED and (is_function or inner.co_name not in _COMPREHENSIONS):
            yield inner
        yield from functions_of(inner)


def body_lines(code: CodeType) -> set[int]:
    """Return the lines of a function's body; its first line is one only where it is all there is."""
    lines = {line for _, _, line in code.co_lines() if line}
    return lines - {code.co_firstlineno} if len(lines) > 1 else lines
