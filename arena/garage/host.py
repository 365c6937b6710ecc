"""THE CHILD: the only file in which entrant code is executed.

`zygote.py` has made a process of its own for it, with a clean environment, an empty folder, pipes for
requests, replies, output and the stack when time runs out, and `lock.py` has taken from it what the kernel
can take, before the source arrives. One of the programs beside this file (`host_reward.py`, `host_agent.py`)
then answers one frame per request until the parent closes the pipe or the first call fails; a fault is its
last word, as a failing reward function ends a training on the real thing.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import inspect
import io
import os
import random
import sys
from collections.abc import Callable
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any, Final, NoReturn, Protocol

import numpy as np

from arena.garage import blame
from arena.garage.confined import is_confined
from arena.garage.scratch import Scratch
from arena.garage.subjects import Subject
from arena.garage.verdicts import EntrantFault, Verdict
from arena.garage.wire import HEADER, MEMORY_EXIT, Head, Kind, pack, pack_json, unpack_head

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_MAX_PROTOCOL_BYTES: Final = 64 << 20


class Program(Protocol):
    """What a child does with what it is sent; it is made when the lock is closed."""

    def __init__(self, channel: Channel, output: Output) -> None: ...

    def greeting(self) -> dict[str, object]:
        """Return what the READY frame says, by which the parent knows a program of its own version."""

    def serve(self) -> None:
        """Answer requests until the channel raises `EOFError`; an `EntrantFault` is reported and ends it."""


def main(requests: int, replies: int, options: dict[str, Any], program: type[Program]) -> NoReturn:
    """Serve one parent, in a process that is locked already. `options`: output_kept and output_total, in
    bytes, and the limits.
    """
    output = Output(options["output_kept"], options["output_total"])
    Scratch(options["limits"]["file_mb"] << 20).install()
    channel = Channel(requests, replies, output)
    status = 0
    try:
        channel.serve(program(channel, output))
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

    def mute(self) -> None:
        """Deliver what was printed so far, and nothing from here on."""
        with contextlib.suppress(blame.OutputFlood):  # its beginning has been delivered already
            self.deliver()
        self.muted = True


class Channel:
    """The child's end of the pipes: read a frame, answer it."""

    def __init__(self, requests: int, replies: int, output: Output) -> None:
        self._requests = requests
        self._replies = replies
        self._output = output
        self._sequence = 0

    def serve(self, program: Program) -> None:
        """Let a program answer until the work is done or the entrant has failed."""
        try:
            self.send(pack_json(Kind.READY, 0, program.greeting()))
            program.serve()
        except EntrantFault as fault:
            self._report(fault)
            self._read(1)  # stay, so that the parent can see what was used; it ends this process
        except EOFError:
            pass  # the parent has closed the pipe: the work is done

    def receive(self, *kinds: Kind) -> tuple[Head, bytes]:
        """Return the next frame, which must be of one of these kinds."""
        head = unpack_head(self._read(HEADER.size))
        if head.kind not in kinds or head.length > _MAX_PROTOCOL_BYTES:
            raise EOFError(f"expected {', '.join(kind.name for kind in kinds)}, got kind {head.kind}")
        self._sequence = head.sequence
        return head, self._read(head.length)

    def tell(self, kind: Kind, document: dict[str, object]) -> None:
        """Answer with JSON; what was printed by then goes first."""
        self._output.deliver()
        self.send(pack_json(kind, self._sequence, document))

    def answer(self, kind: Kind, count: int, payload: bytes) -> None:
        """Answer with numbers; what was printed by then goes first."""
        self._output.deliver()
        self.send(pack(kind, self._sequence, count, payload))

    def send(self, frame: bytes) -> None:
        """Write a whole frame."""
        view = memoryview(frame)
        while view:
            view = view[os.write(self._replies, view) :]

    def _report(self, fault: EntrantFault) -> None:
        with contextlib.suppress(BaseException):  # a flood: its beginning has been delivered already
            self._output.deliver()
        document: dict[str, object] = {
            "verdict": str(fault.verdict),
            "message": fault.message[:2000],
            "line": fault.line,
            "detail": fault.detail[:8000],
        }
        self.send(pack_json(Kind.FAULT, self._sequence, document))

    def _read(self, size: int) -> bytes:
        parts: list[bytes] = []
        while size:
            part = os.read(self._requests, size)
            if not part:
                raise EOFError
            parts.append(part)
            size -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)


class Entry:
    """One entrant's file: its syntax tree, its digest, and as many modules of it as are asked for."""

    def __init__(self, source: str, subject: Subject) -> None:
        self._subject = subject
        blame.remember_source(source, subject)
        try:
            tree = ast.parse(source, subject.file)
            self.defines = _entries(tree)
            self.is_confined = is_confined(tree)
            self.digest = tree_digest(tree)
            self._code: CodeType = compile(source, subject.file, "exec", dont_inherit=True)
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

    @property
    def code(self) -> CodeType:
        """Return what the file was compiled to."""
        return self._code

    def prepare(self, seed: int) -> None:
        """Set what code finds when it starts: seeded random numbers and its own name."""
        random.seed(seed)
        np.random.seed(seed % 2**32)
        sys.argv = [self._subject.file]

    def module(self) -> dict[str, Any]:
        """Execute the file as a fresh module and return its names. Raises `EntrantFault`."""
        module = ModuleType(self._subject.module)
        module.__dict__["__file__"] = self._subject.file
        sys.modules[self._subject.module] = module  # dataclasses and typing look their module up by name
        try:
            exec(self._code, module.__dict__)
        except BaseException as error:
            raise blame.loading_fault(error, self._subject) from None
        return module.__dict__


def _entries(tree: ast.Module) -> list[str]:
    """Return which of the names by which entries are known a file defines for all to see."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    defined = {node.name for node in tree.body if isinstance(node, kinds)}
    return [name for name in (blame.FUNCTION, blame.CLASS) if name in defined]


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


def check_signature(function: Callable[..., Any], name: str, usage: str, line: int | None) -> None:
    """Refuse what cannot be called with one argument. Raises `EntrantFault` (SIGNATURE)."""
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
            f"{name}{signature} needs {len(needed)} arguments when it is called. "
            f"Expected exactly one parameter: {usage}."
        )
        raise EntrantFault(Verdict.SIGNATURE, message, line=line)


def first_line(function: object) -> int | None:
    """Return the line in which a function or method begins, where that is known."""
    return getattr(getattr(function, "__code__", None), "co_firstlineno", None)
