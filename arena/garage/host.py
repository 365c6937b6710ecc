"""THE CHILD: the only file in which entrant code is executed.

`zygote.py` has made a process of its own for it, with a clean environment, an empty folder, pipes for
requests, replies, output and the stack when time runs out, and `lock.py` has taken from it what the kernel
can take, before the source arrives. It answers one frame per request until its parent closes the pipe or the
first call fails; a fault is its last word, as a failing reward function ends a training on the real thing.

Every car has its own copy of the module: compiled once, executed once per car, so that a function that keeps
the previous speed in a global works as it does with the single car of DeepRacer. Results go through
`float()`, as they do there.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import inspect
import io
import math
import os
import random
import sys
from collections.abc import Callable
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any, Final, NoReturn

import numpy as np

from arena.garage import blame
from arena.garage.scratch import Scratch
from arena.garage.verdicts import EntrantFault, Verdict
from arena.garage.wire import HEADER, MEMORY_EXIT, Head, Kind, pack, pack_json, unpack_head, unpack_json

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

    from simulator.params import ParamsBuilder

RewardCall = Callable[[dict[str, Any]], Any]

_MAX_PROTOCOL_BYTES: Final = 64 << 20


def main(requests: int, replies: int, options: dict[str, Any]) -> NoReturn:
    """Serve one parent, in a process that is locked already. `options`: output_kept and output_total, in
    bytes, and the limits.
    """
    output = Output(options["output_kept"], options["output_total"])
    Scratch(options["limits"]["file_mb"] << 20).install()
    host = Host(requests, replies, output)
    status = 0
    try:
        host.serve()
    except MemoryError:
        status = MEMORY_EXIT
    except BaseException as error:
        os.write(2, f"the host failed: {error!r}\n".encode())
        status = 1
    finally:
        os._exit(status)  # no atexit hooks, destructors or flushing of theirs


class Output(io.RawIOBase):
    """What the entrant prints: the beginning goes to the parent, the rest is only counted.

    Counting here and not in the parent lets a print in every call of a long training cost next to nothing,
    and names the line that floods.
    """

    def __init__(self, kept_bytes: int, total_bytes: int) -> None:
        super().__init__()
        self.muted = False
        self._left_to_keep = kept_bytes
        self._left = total_bytes
        self._text = io.TextIOWrapper(io.BufferedWriter(self, 8192), "utf-8", "backslashreplace")
        sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = self._text  # type: ignore[misc]

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return 1

    def write(self, data: ReadableBuffer, /) -> int:
        view = memoryview(data)
        self._left -= len(view)
        if self._left < 0:
            raise blame.OutputFlood
        if not self.muted and self._left_to_keep > 0:
            kept = view[: self._left_to_keep]
            os.write(1, kept)
            self._left_to_keep -= len(kept)
        return len(view)

    def deliver(self) -> None:
        """Send what is still buffered, unless the entrant has closed the stream."""
        if not self._text.closed:
            self._text.flush()


class Entry:
    """One entrant's file: its syntax tree, its digest, and a module of it for each car."""

    def __init__(self, source: str) -> None:
        blame.remember_source(source)
        try:
            tree = ast.parse(source, blame.FILE)
            self.digest = tree_digest(tree)
            self._code: CodeType = compile(source, blame.FILE, "exec", dont_inherit=True)
        except SyntaxError as error:
            raise blame.syntax_fault(error) from None
        except (ValueError, OverflowError) as error:
            message = f"Python cannot read the file: {error}. Save it as plain text in UTF-8."
            raise EntrantFault(Verdict.SYNTAX, message) from None
        except (RecursionError, MemoryError) as error:
            message = (
                f"Python cannot read the file: it is nested too deeply or too long ({type(error).__name__})."
            )
            raise EntrantFault(Verdict.SYNTAX, message) from None

    def module_function(self) -> RewardCall:
        """Execute the file as a fresh module and return its reward function. Raises `EntrantFault`."""
        module = ModuleType(blame.FUNCTION)
        module.__dict__["__file__"] = blame.FILE
        sys.modules[blame.FUNCTION] = module  # dataclasses and typing look their module up by name
        try:
            exec(self._code, module.__dict__)
        except BaseException as error:
            raise blame.loading_fault(error) from None
        return judged_function(module.__dict__)


def tree_digest(tree: ast.Module) -> str:
    """Return the sha256 of the syntax tree, which comments, docstrings and white space do not change."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [line for line in body if not _is_text(line)] or [ast.Pass()]  # type: ignore[attr-defined]
    return hashlib.sha256(ast.dump(tree, annotate_fields=False).encode("utf-8", "surrogatepass")).hexdigest()


def _is_text(line: ast.AST) -> bool:
    return (
        isinstance(line, ast.Expr)
        and isinstance(line.value, ast.Constant)
        and isinstance(line.value.value, str)
    )


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
        message = f"The file defines no {blame.FUNCTION}.{found} Expected: def {blame.FUNCTION}(params)."
        raise EntrantFault(Verdict.NO_FUNCTION, message)
    line = getattr(getattr(function, "__code__", None), "co_firstlineno", None)
    if not callable(function):
        kind = type(function).__name__
        message = f"{blame.FUNCTION} is a {kind}, expected a function: def {blame.FUNCTION}(params)."
        raise EntrantFault(Verdict.NO_FUNCTION, message)
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        message = f"{blame.FUNCTION} must be a plain function that returns a number, without async or yield."
        raise EntrantFault(Verdict.SIGNATURE, message, line=line)
    _check_signature(function, line)
    return function  # type: ignore[no-any-return]


def _check_signature(function: RewardCall, line: int | None) -> None:
    try:
        signature = inspect.signature(function)
    except (ValueError, TypeError):
        return  # a built-in without a signature: its first call will tell
    needed = [
        parameter
        for parameter in signature.parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    if len(needed) != 1 or needed[0].kind is inspect.Parameter.KEYWORD_ONLY:
        message = (
            f"{blame.FUNCTION}{signature} needs {len(needed)} arguments when it is called. "
            f"Expected exactly one parameter: def {blame.FUNCTION}(params)."
        )
        raise EntrantFault(Verdict.SIGNATURE, message, line=line)


class Host:
    """The loop of the child: read a frame, answer it."""

    def __init__(self, requests: int, replies: int, output: Output) -> None:
        self._requests = requests
        self._replies = replies
        self._output = output
        self._functions: list[RewardCall] = []
        self._sequence = 0

    def serve(self) -> None:
        from simulator.params import COLUMNS

        try:
            self._send(pack_json(Kind.READY, 0, {"columns": len(COLUMNS)}))
            _, payload = self._receive(Kind.SOURCE)
            entry = self._parse(unpack_json(payload))
            _, payload = self._receive(Kind.EXECUTE)
            self._load(entry, unpack_json(payload))
            while True:
                head, payload = self._receive(Kind.CALLS)
                rewards = self._answer(payload, head.count)
                self._output.deliver()
                self._send(pack(Kind.REWARDS, self._sequence, head.count, rewards))
        except EntrantFault as fault:
            self._report(fault)
            self._read(1)  # stay, so that the parent can see what was used; it ends this process
        except EOFError:
            pass  # the parent has closed the pipe: the work is done

    def _parse(self, options: dict[str, Any]) -> Entry:
        from simulator.params import ParamsBuilder, row_width

        self._params: list[ParamsBuilder] = [ParamsBuilder.from_static(each) for each in options["statics"]]
        self._width = row_width(self._params[0].moving)
        entry = Entry(options["source"])
        self._send(pack_json(Kind.PARSED, self._sequence, {"digest": entry.digest}))
        return entry

    def _load(self, entry: Entry, options: dict[str, Any]) -> None:
        """Execute the module once for each car; only the first one's prints are kept."""
        random.seed(options["seed"])
        np.random.seed(options["seed"] % 2**32)
        sys.argv = [blame.FILE]
        self._functions = [entry.module_function()]
        self._output.deliver()
        self._send(pack_json(Kind.LOADED, self._sequence, {}))
        self._receive(Kind.MULTIPLY)
        self._output.muted = True
        self._functions += [entry.module_function() for _ in range(options["num_cars"] - 1)]
        self._output.deliver()
        self._output.muted = False
        self._send(pack_json(Kind.RUNNING, self._sequence, {}))

    def _answer(self, payload: bytes, count: int) -> bytes:
        numbers = np.frombuffer(payload, np.float64)
        rows = numbers[: count * self._width].reshape(count, self._width).tolist()
        cars = numbers[count * self._width :].astype(np.int64).tolist()
        functions, builder = self._functions, self._builder(cars[0] if cars else 0)
        rewards: list[float] = []
        append = rewards.append
        failure: BaseException | None = None
        try:
            for car, params in zip(cars, builder.dicts(rows), strict=True):
                append(float(functions[car](params)))
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
        self._output.muted = True
        again, line = blame.repeated_call(self._functions[car], self._dict(row, car))
        if value is None:
            value = again  # type: ignore[assignment]
        elif not isinstance(again, float | int) or _is_usable(again):
            line = None
        if line is None:
            line = getattr(getattr(self._functions[car], "__code__", None), "co_firstlineno", None)
        raise blame.value_fault(value, line, self._dict(row, car))

    def _builder(self, car: int) -> ParamsBuilder:
        """Return the builder of the leg that a car drives, and all others of its message: blocks of cars."""
        return self._params[car * len(self._params) // len(self._functions)]

    def _dict(self, row: list[float], car: int) -> dict[str, Any]:
        return next(iter(self._builder(car).dicts([row])))

    def _report(self, fault: EntrantFault) -> None:
        self._output.muted = False
        with contextlib.suppress(BaseException):  # a flood: its beginning has been delivered already
            self._output.deliver()
        document: dict[str, object] = {
            "verdict": str(fault.verdict),
            "message": fault.message[:2000],
            "line": fault.line,
            "detail": fault.detail[:8000],
        }
        self._send(pack_json(Kind.FAULT, self._sequence, document))

    def _receive(self, kind: Kind) -> tuple[Head, bytes]:
        head = unpack_head(self._read(HEADER.size))
        if head.kind != kind or head.length > _MAX_PROTOCOL_BYTES:
            raise EOFError(f"expected {kind.name}, got a frame of kind {head.kind}")
        self._sequence = head.sequence
        return head, self._read(head.length)

    def _read(self, size: int) -> bytes:
        parts: list[bytes] = []
        while size:
            part = os.read(self._requests, size)
            if not part:
                raise EOFError
            parts.append(part)
            size -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _send(self, frame: bytes) -> None:
        view = memoryview(frame)
        while view:
            view = view[os.write(self._replies, view) :]


def _is_usable(value: float) -> bool:
    try:
        return math.isfinite(value) and abs(value) <= blame.MAX_REWARD
    except OverflowError:
        return False
