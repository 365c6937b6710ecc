"""What can be wrong with an entry, and how the arena says so.

Two kinds of trouble are kept apart everywhere. An `EntrantFault` is the entrant's: it is shown to them as it
is, in words that name the cause, the line and the next step, and their submission is rejected. A
`SandboxError` is ours (the machine killed the child, a process could not be started): it never costs an
entrant a try, the job is simply run again.
"""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """The one-word answer that stands beside every judged entry."""

    OK = "ok"
    EMPTY = "empty"
    TOO_LARGE = "too_large"
    ENCODING = "encoding"
    SYNTAX = "syntax"
    NO_FUNCTION = "no_function"
    SIGNATURE = "signature"
    IMPORT = "import"
    RUNTIME = "runtime"
    BAD_VALUE = "bad_value"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    OUTPUT = "output"
    CRASHED = "crashed"
    SETTINGS = "settings"
    POLICY = "policy"
    TRACK = "track"
    LOG = "log"


class EntrantFault(Exception):  # noqa: N818 - a fault is no error of the program
    """Something that only the entrant can put right.

    `message` is a plain sentence or two (what, where, what to do), `line` the line in their file when one is
    to blame, and `detail` their traceback (frames of their file only) with the params of the failing call.
    `output` is what their code had printed by then, where that is known, and `usage` what
    it had used: cpu_s, wall_s, peak_mb.
    """

    def __init__(self, verdict: Verdict, message: str, *, line: int | None = None, detail: str = "") -> None:
        super().__init__(message)
        self.verdict = verdict
        self.message = message
        self.line = line
        self.detail = detail
        self.output = ""
        self.usage: dict[str, float] | None = None

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.verdict, self.message, self.line, self.detail)


class SandboxError(RuntimeError):
    """The arena's own trouble with a child process: no entry is to blame, the work can be done again."""


class SandboxUnavailableError(SandboxError):
    """This machine cannot lock a child: no entrant code was run, and none will be here."""


def _rebuild(verdict: Verdict, message: str, line: int | None, detail: str) -> EntrantFault:
    return EntrantFault(verdict, message, line=line, detail=detail)
