"""What the child says about a failure: the line of the entrant's file, their traceback and the call that
failed.

Runs in the child only, because the text of an exception is entrant code too (`__str__` of a class of theirs).
"""

from __future__ import annotations

import difflib
import linecache
import math
import sys
import traceback
from collections.abc import Callable, Mapping
from types import CodeType, FrameType, TracebackType
from typing import Any, Final

from arena.garage.subjects import FILES, REWARD, Subject
from arena.garage.verdicts import EntrantFault, Verdict

FUNCTION: Final = "reward_function"
CLASS: Final = "Agent"
MAX_REWARD: Final = 1e5  # beyond it the real simulation ends the training too

_MAX_FRAMES: Final = 12
_MAX_TEXT: Final = 300
_SHOWN_PARAMS: Final = (
    "steps",
    "progress",
    "x",
    "y",
    "heading",
    "speed",
    "steering_angle",
    "distance_from_center",
    "track_width",
    "is_left_of_center",
    "all_wheels_on_track",
    "is_offtrack",
    "is_reversed",
    "closest_waypoints",
)


class OutputFlood(BaseException):
    """Raised at the print that exceeds the limit; `except Exception` lets it pass."""


def remember_source(source: str, subject: Subject) -> None:
    """Let tracebacks show the entrant's lines although no such file exists."""
    lines = source.splitlines(keepends=True)
    linecache.cache[subject.file] = (len(source), None, lines, subject.file)


def syntax_fault(error: SyntaxError) -> EntrantFault:
    line = error.lineno
    where = f" in line {line}" if line else ""
    detail = "".join(traceback.format_exception_only(error)).strip()
    return EntrantFault(
        Verdict.SYNTAX,
        f"Python cannot read the file: {error.msg}{where}. Correct the line and send it again.",
        line=line,
        detail=detail,
    )


def loading_fault(error: BaseException, subject: Subject) -> EntrantFault:
    """Describe an exception raised while the file was executed as a module, before any call."""
    if fault := _resource_fault(error, subject):
        return fault
    hint = _lock_hint(error, subject)
    if isinstance(error, ImportError):
        hint = " Available are the standard library, numpy and shapely."
    return EntrantFault(
        Verdict.IMPORT,
        f"Loading the file failed{_where(error)}: {exception_text(error)}.{hint}",
        line=entrant_line(error.__traceback__),
        detail=entrant_traceback(error),
    )


def call_fault(error: BaseException, params: Mapping[str, Any]) -> EntrantFault:
    """Describe an exception raised by a call of the reward function."""
    return failure(error, REWARD, FUNCTION, "params", params, params_summary(params))


def failure(
    error: BaseException,
    subject: Subject,
    name: str,
    argument: str,
    keys: Mapping[str, Any],
    context: str = "",
) -> EntrantFault:
    """Describe an exception raised by a call of `name`, whose one dictionary is called `argument`."""
    if fault := _resource_fault(error, subject):
        return fault
    hint = _lock_hint(error, subject)
    if isinstance(error, KeyError) and error.args and isinstance(error.args[0], str):
        near = difflib.get_close_matches(error.args[0], keys.keys(), n=1)
        hint = f" Did you mean {argument}[{near[0]!r}]?" if near else ""
    if isinstance(error, SystemExit):
        hint = f" {subject.an} must {subject.task}, not end the program."
    return EntrantFault(
        Verdict.RUNTIME,
        f"{name} failed{_where(error)}: {exception_text(error)}.{hint}",
        line=entrant_line(error.__traceback__),
        detail=entrant_traceback(error) + context,
    )


def _lock_hint(error: BaseException, subject: Subject) -> str:
    if isinstance(error, PermissionError):
        return (
            f" {subject.an} has no network, no other processes and no files of the machine; "
            "what it writes with open() stays in its memory."
        )
    if isinstance(error, RuntimeError) and "new thread" in str(error.args[:1]):
        return f" {subject.an} runs in one thread."
    return ""


def value_fault(value: object, line: int | None, params: Mapping[str, Any]) -> EntrantFault:
    """Describe a returned value that is no usable reward."""
    where = f" in line {line}" if line else ""
    if value is None:
        came = f"None{where}: one path through the function ends without a return"
    elif isinstance(value, float | int) and not isinstance(value, bool):
        came = f"{number_text(value)}{where}"
    else:
        came = f"a {type(value).__name__}{where}"
    return EntrantFault(
        Verdict.BAD_VALUE,
        f"{FUNCTION} returned {came}. Expected a finite number from {-MAX_REWARD:g} to {MAX_REWARD:g}.",
        line=line,
        detail=params_summary(params),
    )


def number_text(value: float) -> str:
    """Return a number in a few digits, however large it is."""
    try:
        return f"{float(value):g}"
    except OverflowError:
        return "a number with more than 300 digits"


def _resource_fault(error: BaseException, subject: Subject) -> EntrantFault | None:
    line = entrant_line(error.__traceback__)
    where = f" in line {line}" if line else ""
    if isinstance(error, MemoryError):
        traceback.clear_frames(error.__traceback__)
        message = f"{subject.the} ran out of memory{where}. Keep less between calls."
        return EntrantFault(Verdict.MEMORY, message, line=line)
    if isinstance(error, OutputFlood):
        message = f"{subject.the} prints too much{where}. Print less, for example only every hundredth call."
        return EntrantFault(Verdict.OUTPUT, message, line=line)
    return None


def _where(error: BaseException) -> str:
    line = entrant_line(error.__traceback__)
    return f" in line {line}" if line else ""


def exception_text(error: BaseException) -> str:
    """Return `Type: text` in one line; the text is the entrant's and may itself fail."""
    name = type(error).__name__
    try:
        text = " ".join(str(error).split())
    except BaseException:
        return name
    return f"{name}: {text[:_MAX_TEXT]}" if text else name


def entrant_line(trace: TracebackType | None) -> int | None:
    """Return the line of the innermost frame that lies in the entrant's file."""
    line = None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename in FILES:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def entrant_traceback(error: BaseException) -> str:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in FILES]
    lines = traceback.format_list(frames[-_MAX_FRAMES:])
    return "Traceback (most recent call last):\n" + "".join(lines) + exception_text(error) + "\n"


def params_summary(params: Mapping[str, Any]) -> str:
    """Return one line with the params that usually matter."""
    shown = ", ".join(f"{key!r}: {brief(params[key])}" for key in _SHOWN_PARAMS if key in params)
    return f"params of this call: {{{shown}, ...}}\n"


def brief(value: object) -> str:
    """Return a number in a few digits, and anything else cut short."""
    if isinstance(value, float):
        return f"{value:.4g}" if math.isfinite(value) else str(value)
    return str(value)[:60]


def repeated_call(
    function: Callable[[dict[str, Any]], object], params: dict[str, Any]
) -> tuple[object, int | None]:
    """Call once more and return the value with the line of its return statement.

    Only for a message about a value that was already refused. A function with a memory may answer otherwise
    this time; the caller compares. An exception counts as no line.
    """
    code: CodeType | None = getattr(function, "__code__", None)
    lines: list[int] = []

    def watch(frame: FrameType, event: str, _: object) -> Any:
        if event == "return":
            lines.append(frame.f_lineno)
        return watch

    def enter(frame: FrameType, _event: str, _: object) -> Any:
        return watch if frame.f_code is code else None

    sys.settrace(enter)
    try:
        value = function(params)
    except BaseException:
        return params, None
    finally:
        sys.settrace(None)
    return value, lines[-1] if lines else None
