"""The parent's talk with a locked child: ask, and have an answer, the entrant's fault or our own trouble.

Whatever the child does ends here in one of three ways: a frame of the kind that was asked for, an
`EntrantFault` with a verdict and a line, or a `SandboxError` when the machine and not the entrant is to
blame. The first failure ends the child. The parent reads numbers and short JSON, never a pickle.
"""

from __future__ import annotations

import signal
from typing import Final, NoReturn

from arena.garage.child import Child, ChildGoneError, ChildLateError, OutputFloodError
from arena.garage.limits import Allowance, Limits, Usage
from arena.garage.subjects import Subject
from arena.garage.verdicts import EntrantFault, SandboxError, SandboxUnavailableError, Verdict
from arena.garage.wire import LOCK_EXIT, MEMORY_EXIT, Head, Kind, ProtocolError, unpack_json

_WALL_FACTOR: Final = 4.0
_LEAST_WALL_S: Final = 5.0
_EXIT_GRACE_S: Final = 1.0
_MAX_MESSAGE: Final = 2000
_MAX_DETAIL: Final = 8000
_MOST_LINES: Final = 10_000_000


def allowance_of(cpu_s: float) -> Allowance:
    """Return the time for an answer that may take so many CPU seconds."""
    return Allowance(cpu_s, max(_LEAST_WALL_S, _WALL_FACTOR * cpu_s))


class Conversation:
    """A child for one entry of a kind, and what it says. Closing it is safe more than once."""

    def __init__(self, subject: Subject, limits: Limits) -> None:
        """Start the child. Raises `SandboxError`."""
        self.subject, self.limits = subject, limits
        self.entrants_turn = False
        """Whether the entrant's code has run: until then every failure is ours."""
        self.loaded = False
        """Whether the code has been loaded and is being called."""
        self.fault: EntrantFault | None = None
        self._usage: Usage | None = None
        self.child = Child(limits, subject.program)

    def close(self) -> None:
        """End the child; safe to call more than once."""
        self._usage = self.child.close().usage

    @property
    def output(self) -> str:
        """What the entrant's code has printed, at most the first `output_kept_kb`."""
        return self.child.output

    @property
    def usage(self) -> Usage:
        """What the child has used; complete once it is closed."""
        return self._usage or Usage(self.child.cpu_s(), 0.0)

    @property
    def start_allowance(self) -> Allowance:
        """Return the time for our own part of a start."""
        return Allowance(self.limits.start_s, self.limits.start_s)

    def begin(self, greeting: dict[str, object]) -> None:
        """Wait until the child is there and locked; after this it may be sent what the entrant wrote.

        Raises `SandboxError`, also for a child that greets otherwise.
        """
        ready = self.ask(b"", self.start_allowance, Kind.READY)
        if ready != greeting:
            raise SandboxError(f"The child of a {self.subject.noun} says {ready}, expected {greeting}.")
        self.child.require_lock()

    def ask(self, frame: bytes, allowance: Allowance, kind: Kind) -> dict[str, object]:
        """Send a frame and return the JSON document of the answer, which must be of `kind`."""
        self.send(frame)
        return self.told(allowance, kind)

    def numbers(self, frame: bytes, allowance: Allowance, kind: Kind, count: int, sequence: int) -> bytes:
        """Send a frame and return the bytes of `count` float64, the answer of `kind` to this sequence."""
        self.send(frame)
        return self.told_numbers(allowance, kind, count, sequence)

    def send(self, frame: bytes | memoryview) -> None:
        """Send a frame, whose answer may be awaited later; it must not change before that."""
        self.child.send(frame)

    def told(self, allowance: Allowance, kind: Kind) -> dict[str, object]:
        """Return the JSON document of the answer to what was sent, which must be of `kind`."""
        head, payload = self._receive(allowance)
        if head.kind != kind:
            self.refuse_frame(f"expected {kind.name}, got a frame of kind {head.kind}")
        try:
            return unpack_json(payload)
        except ProtocolError as error:
            self.refuse_frame(str(error))

    def told_numbers(self, allowance: Allowance, kind: Kind, count: int, sequence: int) -> bytes:
        """Return the bytes of `count` float64, the answer of `kind` to this sequence."""
        head, answer = self._receive(allowance)
        if head.kind != kind or head.count != count or len(answer) != 8 * count:
            what = f"expected {count} {kind.name.lower()}, got a frame of kind {head.kind} with {head.count}"
            self.refuse_frame(what)
        if head.sequence != sequence:
            self.refuse_frame(f"expected the answer to message {sequence}, got one to {head.sequence}")
        return answer

    def _receive(self, allowance: Allowance) -> tuple[Head, bytes]:
        """Return the next frame. Raises `EntrantFault` and `SandboxError`."""
        try:
            head, payload = self.child.receive(allowance)
            if head.kind == Kind.FAULT:
                self.fail(_told_fault(unpack_json(payload)))
        except ChildLateError as late:
            self.fail(self._late_fault(late))
        except ChildGoneError:
            self.fail(self._gone_fault())
        except OutputFloodError:
            message = (
                f"{self.subject.the} writes too much. Print less, for example only every hundredth call."
            )
            self.fail(EntrantFault(Verdict.OUTPUT, message))
        except ProtocolError as error:
            self.refuse_frame(str(error))
        return head, payload

    def fail(self, fault: EntrantFault) -> NoReturn:
        """End the child and raise the fault, now and whenever it is asked again."""
        self.close()
        self.fault = fault
        raise fault from None

    def refuse_frame(self, what: str) -> NoReturn:
        """End a child that does not speak its protocol."""
        self.close()
        if not self.entrants_turn:
            raise SandboxError(
                f"The child of a {self.subject.noun} answered wrongly before any entrant code ran: {what}."
            )
        message = (
            f"The process of the {self.subject.noun} no longer speaks its protocol ({what}). "
            "Leave its files and pipes alone."
        )
        self.fail(EntrantFault(Verdict.CRASHED, message))

    def _late_fault(self, late: ChildLateError) -> EntrantFault:
        if not self.entrants_turn:
            self.close()
            raise SandboxError(f"The child of a {self.subject.noun} did not start: {late}.")
        if late.starved:
            self.close()
            raise SandboxError(f"The {self.subject.noun} was not given a core to answer: {late}.")
        where = f" in line {late.line}" if late.line else ""
        if late.peak_mb > self.limits.memory_mb / 4:
            message = (
                f"{self.subject.the} takes too much memory{where}: {late.peak_mb:.0f} MB when time was up."
            )
            return EntrantFault(Verdict.MEMORY, message, line=late.line)
        doing = self.subject.turn if self.loaded else "loading the file"
        message = (
            f"Time is up: {doing} was stopped{where} after {late.waited_s:.1f} s. "
            "Look for a loop without an end, and compute what never changes only once."
        )
        return EntrantFault(Verdict.TIMEOUT, message, line=late.line)

    def _gone_fault(self) -> EntrantFault:
        """Say why the child has ended without being asked to."""
        short = self.child.memory_ran_short
        ending = self.child.close(_EXIT_GRACE_S)
        noun, the = self.subject.noun, self.subject.the
        if ending.status == LOCK_EXIT and not self.entrants_turn:
            raise SandboxUnavailableError(f"Sandbox unavailable: {self.output[-500:]}. Nothing was run.")
        if not self.entrants_turn:
            raise SandboxError(
                f"The child of a {noun} ended with {ending.status} before it started: {self.output[-500:]}"
            )
        if ending.status == MEMORY_EXIT or (ending.status == -signal.SIGKILL and short):
            message = f"{the} ran out of memory ({self.limits.memory_mb} MB). Keep less between calls."
            return EntrantFault(Verdict.MEMORY, message)
        if ending.status == -signal.SIGXCPU or ending.usage.cpu_s >= self.limits.cpu_s:
            message = f"{the} has used up its {self.limits.cpu_s} CPU seconds."
            return EntrantFault(Verdict.TIMEOUT, f"{message} Make each call cheaper.")
        if ending.status == -signal.SIGKILL and not ending.stopped:
            raise SandboxError(f"The child of a {noun} was killed from outside; the work can be done again.")
        message = f"{the} ended its process ({_ending_text(ending.status)})."
        return EntrantFault(Verdict.CRASHED, f"{message} It must {self.subject.task} instead.")


def _ending_text(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"signal {signal.Signals(-status).name}"
    except ValueError:
        return f"signal {-status}"


def _told_fault(document: dict[str, object]) -> EntrantFault:
    """Rebuild the fault that the child reports, believing nothing about its types."""
    line = document.get("line")
    try:
        verdict = Verdict(str(document.get("verdict")))
    except ValueError:
        verdict = Verdict.CRASHED
    return EntrantFault(
        Verdict.CRASHED if verdict is Verdict.OK else verdict,
        str(document.get("message"))[:_MAX_MESSAGE],
        line=line if type(line) is int and 0 < line < _MOST_LINES else None,
        detail=str(document.get("detail"))[:_MAX_DETAIL],
    )
