"""The reward function as the trainer sees it: a batched call that answers numbers or raises the entrant's own
fault.

One message per vector step goes to the child (`host.py`, reached through `child.py`). Whatever the child does
ends here in one of three ways: rewards, an `EntrantFault` with a verdict and a line, or a `SandboxError` when
the machine and not the entrant is to blame. The first failing call ends the training, as it does on the real
thing. The parent reads numbers and short JSON, never a pickle.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NoReturn, Self

import numpy as np
from numpy.typing import NDArray

from arena.garage.blame import MAX_REWARD
from arena.garage.child import Child, ChildGoneError, ChildLateError, OutputFloodError
from arena.garage.limits import Allowance, Limits, Usage
from arena.garage.sources import decode_source
from arena.garage.verdicts import EntrantFault, SandboxError, SandboxUnavailableError, Verdict
from arena.garage.wire import LOCK_EXIT, MEMORY_EXIT, Head, Kind, ProtocolError, pack, pack_json, unpack_json
from simulator.canned import canned_states
from simulator.course import Course, RaceType
from simulator.objects import Objects
from simulator.params import COLUMNS, FIRST_CALL_STEPS, row_width
from simulator.track import Track

__all__ = ["CheckResult", "Limits", "RewardSandbox", "StateReward", "Usage", "check", "decode_source"]

Seed = int | Callable[[str], int]
RewardCall = Callable[[NDArray[np.float64], NDArray[np.int64]], NDArray[np.float64]]

CHECK_LIMITS: Final = Limits(load_s=3.0)  # somebody waits for the answer

_WALL_FACTOR: Final = 4.0
_LEAST_WALL_S: Final = 5.0
_EXIT_GRACE_S: Final = 1.0
_MAX_MESSAGE: Final = 2000
_MAX_DETAIL: Final = 8000


class RewardSandbox:
    """A context manager that runs one entrant's reward function for `num_cars` cars and is called with
    batches. The legs of a course have as many cars each, in blocks.

    `seed` seeds `random` and `numpy.random` in the child; it may be a function of the code's digest, which is
    known before the first line of the code has run. `first_step`: see `ParamsBuilder`.
    Raises `EntrantFault` on entering for a file that cannot be used, and on the first call that fails.
    """

    def __init__(
        self,
        source: str,
        course: Course | Track,
        num_cars: int,
        *,
        limits: Limits | None = None,
        seed: Seed = 0,
        first_step: int = FIRST_CALL_STEPS,
    ) -> None:
        self._source = source
        builders = [leg.params_builder(first_step) for leg in Course.of(course).legs()]
        self._statics = [builder.static() for builder in builders]
        if num_cars % len(builders):
            raise ValueError(f"expected as many cars on each of {len(builders)} legs, got {num_cars} in all")
        self._width = row_width(builders[0].moving)
        self._num_cars = num_cars
        self._limits = limits or Limits()
        self._seed = seed
        self._sequence = 0
        self._entrants_turn = False
        self._fault: EntrantFault | None = None
        self._usage: Usage | None = None
        self.seed = 0
        self.digest = ""
        self.calls = 0
        self.waited_s = 0.0

    def __enter__(self) -> Self:
        self._child = Child(self._limits)
        try:
            self._introduce()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the child; safe to call more than once."""
        self._usage = self._child.close().usage

    @property
    def pid(self) -> int:
        """The number of the child's process, and of its process group."""
        return self._child.pid

    @property
    def output(self) -> str:
        """What the entrant's code has printed (the first car's prints while loading, all cars' after), at
        most 64 KB.
        """
        return self._child.output

    @property
    def usage(self) -> Usage:
        """What the child has used; complete once it is closed."""
        return self._usage or Usage(self._child.cpu_s(), 0.0)

    def _introduce(self) -> None:
        """Hand over the source, learn its digest, and have it executed once per car."""
        ours = Allowance(self._limits.start_s, self._limits.start_s)
        ready = self._ask(b"", ours, Kind.READY)
        if ready != {"columns": len(COLUMNS)}:
            raise SandboxError(
                f"The reward process speaks of {ready}, expected {len(COLUMNS)} columns: mixed versions?"
            )
        self._child.require_lock()
        document: dict[str, object] = {"source": self._source, "statics": self._statics}
        parsed = self._ask(pack_json(Kind.SOURCE, 0, document), ours, Kind.PARSED)
        self.digest = str(parsed["digest"])
        self.seed = self._seed(self.digest) if callable(self._seed) else self._seed
        self._entrants_turn = True
        document = {"seed": self.seed, "num_cars": self._num_cars}
        load_s = self._limits.load_s
        self._ask(pack_json(Kind.EXECUTE, 0, document), _allowance(load_s), Kind.LOADED)
        self._ask(pack_json(Kind.MULTIPLY, 0, {}), _allowance(3 * load_s), Kind.RUNNING)

    def of_leg(self, place: int) -> RewardCall:
        """Return what answers for the cars of one leg of the course, which number them from 0.

        The cars of a leg follow those of the one before; a message speaks of one leg only.
        """
        first = place * (self._num_cars // len(self._statics))
        return self if first == 0 else lambda rows, cars: self(rows, cars + first)

    def __call__(self, rows: NDArray[np.float64], cars: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the rewards [m] of `rows` [m, row_width(moving)], each by the copy of the car named in
        `cars` [m].
        """
        if self._fault is not None:
            raise self._fault
        count = len(rows)
        if rows.shape != (count, self._width):
            raise ValueError(f"expected params rows of {self._width} numbers, got an array {rows.shape}")
        self._sequence = (self._sequence + 1) % 2**32
        payload = np.ascontiguousarray(rows, "<f8").tobytes() + cars.astype("<f8").tobytes()
        began = time.perf_counter()
        allowance = _allowance(self._limits.message_s + count * self._limits.call_s)
        head, answer = self._exchange(pack(Kind.CALLS, self._sequence, count, payload), allowance)
        self.waited_s += time.perf_counter() - began
        self.calls += count
        if head.kind != Kind.REWARDS or head.count != count or len(answer) != 8 * count:
            self._refuse_frame(f"expected {count} rewards, got a frame of kind {head.kind} with {head.count}")
        if head.sequence != self._sequence:
            self._refuse_frame(f"expected the answer to message {self._sequence}, got one to {head.sequence}")
        if self.waited_s > self._limits.calls_s:
            self._give_up_waiting()
        return self._checked(answer)

    def _checked(self, answer: bytes) -> NDArray[np.float64]:
        rewards = np.frombuffer(answer, "<f8").astype(np.float64)
        if not (np.abs(rewards) <= MAX_REWARD).all():  # the host has looked already: these are not from it
            self._refuse_frame(f"rewards beyond {MAX_REWARD:g}")
        return rewards

    def _ask(self, frame: bytes, allowance: Allowance, kind: Kind) -> dict[str, object]:
        head, payload = self._exchange(frame, allowance)
        if head.kind != kind:
            self._refuse_frame(f"expected {kind.name}, got a frame of kind {head.kind}")
        try:
            return unpack_json(payload)
        except ProtocolError as error:
            self._refuse_frame(str(error))

    def _exchange(self, frame: bytes, allowance: Allowance) -> tuple[Head, bytes]:
        try:
            head, payload = self._child.exchange(frame, allowance)
            if head.kind == Kind.FAULT:
                self._fail(_told_fault(unpack_json(payload)))
        except ChildLateError as late:
            self._fail(self._late_fault(late))
        except ChildGoneError:
            self._fail(self._gone_fault())
        except OutputFloodError:
            message = (
                "The reward function writes too much. Print less, for example only every hundredth call."
            )
            self._fail(EntrantFault(Verdict.OUTPUT, message))
        except ProtocolError as error:
            self._refuse_frame(str(error))
        return head, payload

    def _fail(self, fault: EntrantFault) -> NoReturn:
        self.close()
        self._fault = fault
        raise fault from None

    def _refuse_frame(self, what: str) -> NoReturn:
        self.close()
        if not self._entrants_turn:
            raise SandboxError(f"The reward process answered wrongly before any entrant code ran: {what}.")
        message = (
            f"The reward process no longer speaks its protocol ({what}). Leave its files and pipes alone."
        )
        self._fail(EntrantFault(Verdict.CRASHED, message))

    def _late_fault(self, late: ChildLateError) -> EntrantFault:
        if not self._entrants_turn:
            self.close()
            raise SandboxError(f"The reward process did not start: {late}. Is the machine overloaded?")
        where = f" in line {late.line}" if late.line else ""
        if late.peak_mb > self._limits.memory_mb / 4:
            message = (
                f"The reward function takes too much memory{where}: {late.peak_mb:.0f} MB when time was up."
            )
            return EntrantFault(Verdict.MEMORY, message, line=late.line)
        doing = "one batch of calls" if self._sequence else "loading the file"
        message = (
            f"Time is up: {doing} was stopped{where} after {late.waited_s:.1f} s. "
            "Look for a loop without an end, and compute what never changes only once."
        )
        return EntrantFault(Verdict.TIMEOUT, message, line=late.line)

    def _give_up_waiting(self) -> NoReturn:
        call_us = 1e6 * self.waited_s / max(1, self.calls)
        message = (
            f"The reward function is too slow: {self.calls:,} calls took {self.waited_s:.0f} s "
            f"({call_us:.0f} us each), at most {self._limits.calls_s:.0f} s are allowed. "
            "Search fewer points, or compute what never changes only once."
        )
        self._fail(EntrantFault(Verdict.TIMEOUT, message))

    def _gone_fault(self) -> EntrantFault:
        """Say why the child has ended without being asked to."""
        short = self._child.memory_ran_short
        ending = self._child.close(_EXIT_GRACE_S)
        if ending.status == LOCK_EXIT and not self._entrants_turn:
            raise SandboxUnavailableError(f"Sandbox unavailable: {self.output[-500:]}. Nothing was run.")
        if not self._entrants_turn:
            raise SandboxError(
                f"The reward process ended with {ending.status} before it started: {self.output[-500:]}"
            )
        if ending.status == MEMORY_EXIT or (ending.status == -signal.SIGKILL and short):
            limit_mb = self._limits.memory_mb
            message = f"The reward function ran out of memory ({limit_mb} MB). Keep less between calls."
            return EntrantFault(Verdict.MEMORY, message)
        if ending.status == -signal.SIGXCPU or ending.usage.cpu_s >= self._limits.cpu_s:
            message = f"The reward function has used up its {self._limits.cpu_s} CPU seconds."
            return EntrantFault(Verdict.TIMEOUT, f"{message} Make each call cheaper.")
        if ending.status == -signal.SIGKILL and not ending.stopped:
            raise SandboxError("The reward process was killed from outside; the work can be done again.")
        message = f"The reward function ended its process ({_ending_text(ending.status)})."
        return EntrantFault(Verdict.CRASHED, f"{message} It must return a number instead.")


def _ending_text(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"signal {signal.Signals(-status).name}"
    except ValueError:
        return f"signal {-status}"


def _allowance(cpu_s: float) -> Allowance:
    return Allowance(cpu_s, max(_LEAST_WALL_S, _WALL_FACTOR * cpu_s))


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
        line=line if isinstance(line, int) else None,
        detail=str(document.get("detail"))[:_MAX_DETAIL],
    )


@dataclass(frozen=True, slots=True)
class StateReward:
    """The reward of one canned state."""

    state: str
    reward: float


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check says about a reward function."""

    ok: bool
    verdict: Verdict
    message: str
    line: int | None
    rewards: tuple[StateReward, ...]
    output: str
    detail: str = ""
    digest: str = ""

    def as_json(self) -> dict[str, object]:
        return {
            "ok": self.ok,
            "verdict": str(self.verdict),
            "message": self.message,
            "line": self.line,
            "detail": self.detail,
            "rewards": [{"state": each.state, "reward": each.reward} for each in self.rewards],
            "output": self.output,
        }


def check(
    source: str | bytes,
    course: Course | Track,
    *,
    limits: Limits | None = None,
    first_step: int = FIRST_CALL_STEPS,
) -> CheckResult:
    """Run a reward function on a dozen canned states, one after the other with one car, from the start on.

    They are those of the course's first leg, with what is on the road there at one moment.

    Never raises `EntrantFault`: what is wrong stands in the result. `SandboxError` passes, because it is not
    the entrant's.
    """
    sandbox: RewardSandbox | None = None
    try:
        text = decode_source(source) if isinstance(source, bytes) else source

        leg = Course.of(course).legs()[0]
        states = canned_states(leg.track, _objects_of(leg))
        sandbox = RewardSandbox(text, leg, 1, limits=limits or CHECK_LIMITS, first_step=first_step)
        with sandbox as reward:
            rows = np.array([state.row for state in states])
            values = reward(rows, np.zeros(len(states), np.int64)).tolist()
    except EntrantFault as fault:
        output = sandbox.output if sandbox else ""
        return CheckResult(
            False,
            fault.verdict,
            fault.message,
            fault.line,
            (),
            output,
            fault.detail,
            sandbox.digest if sandbox else "",
        )
    rewards = tuple(StateReward(state.name, value) for state, value in zip(states, values, strict=True))
    message = f"The function answers all {len(states)} canned states."
    return CheckResult(True, Verdict.OK, message, None, rewards, sandbox.output, "", sandbox.digest)


def _objects_of(leg: Course) -> Objects | None:
    """Return what is around a car of the course at one moment, or None on an empty road."""
    if leg.race_type is RaceType.TIME_TRIAL:
        return None
    env = leg.environment(leg.cars)
    env.reset(seed=0)
    return env.objects.of(slice(0, 1)) if env.objects else None
