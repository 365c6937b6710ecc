"""An agent as the race sees it: an entrant's class that drives without training, in a locked child.

In each tick of 1/15 s it is told what its car sees and answers with a command. Its time is the child's own
CPU time, so that a busy machine makes nobody late. An act may take `SOFT_ACT_S`; what it takes more is paid
from a bank of overtime, and in that tick the car goes on with the answer before; the late one is what it goes
on with if the next is late, too. Whoever has no overtime left is out of the race; whoever does not answer at
all has the verdict TIMEOUT.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from arena.garage.blame import CLASS
from arena.garage.conversation import Conversation, allowance_of
from arena.garage.limits import Limits, Usage
from arena.garage.observing import COLUMNS
from arena.garage.subjects import AGENT
from arena.garage.verdicts import EntrantFault, Verdict
from arena.garage.wire import Kind, pack, pack_json

Seed = int | Callable[[str], int]
Command = tuple[float, float]

SOFT_ACT_S: Final = 0.020
"""CPU seconds of an act, beyond which it is late."""
CLOCK_S: Final = 0.005
"""The kernel may tell another process's CPU time a tick (4 ms) late: so much more makes no act late."""
OVERTIME_S: Final = 2.0
"""What all acts of a race may take more than that, together."""
HARD_ACT_S: Final = 3.0
"""CPU seconds after which an act is taken to have no end; more than the whole bank."""
RESET_S: Final = 5.0
"""CPU seconds of a reset, where a model may be set up."""
LIMITS: Final = Limits(load_s=5.0, calls_s=120.0, cpu_s=3600)
"""`calls_s` are the seconds that it may do nothing while it is waited for, all acts together."""
_FIRST_COMMAND: Final = (0.0, 0.0)


class Agent:
    """A context manager that runs one entrant's agent for one race.

    `seed` seeds `random` and `numpy.random` in the child; it may be a function of the code's digest.
    Raises `EntrantFault` on entering for a file that cannot be used, and on the first call that fails.
    """

    def __init__(self, source: str, *, seed: Seed = 0, limits: Limits | None = None) -> None:
        self._source = source
        self._seed = seed
        self._limits = limits or LIMITS
        self._sequence = 0
        self._waited_s = self._used_s = 0.0
        self.seed = 0
        self.digest = ""
        self.overtime_left_s = OVERTIME_S
        self.acts = 0
        self.late_acts = 0
        self.slowest_act_s = 0.0
        self.last_command: Command = _FIRST_COMMAND
        """What the car is to do where the next answer is late."""

    def __enter__(self) -> Self:
        self._talk = Conversation(AGENT, self._limits)
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
        self._talk.close()

    @property
    def pid(self) -> int:
        """The number of the child's process."""
        return self._talk.child.pid

    @property
    def output(self) -> str:
        """What the agent has printed, at most 64 KB."""
        return self._talk.output

    @property
    def usage(self) -> Usage:
        """What the child has used; complete once it is closed."""
        return self._talk.usage

    @property
    def fault(self) -> EntrantFault | None:
        """What was wrong with the agent's code, once something was."""
        return self._talk.fault

    @property
    def is_out(self) -> bool:
        """Whether the bank of overtime is empty."""
        return self.overtime_left_s <= 0.0

    def _introduce(self) -> None:
        """Hand over the source, learn its digest, and have an object made of its class."""
        talk = self._talk
        self.digest = str(_parsed(talk, self._source)["digest"])
        self.seed = self._seed(self.digest) if callable(self._seed) else self._seed
        talk.entrants_turn = True
        frame = pack_json(Kind.EXECUTE, 0, {"seed": self.seed})
        talk.ask(frame, allowance_of(self._limits.load_s), Kind.LOADED)
        talk.loaded = True
        self._clock = talk.child.cpu_s if talk.child.cpu_s() > 0.0 else time.monotonic

    def reset(self, info: dict[str, object], shape: dict[str, int]) -> None:
        """Tell the agent what it is about to drive; `shape` is that of the rows it will be told."""
        self._refuse_after_fault()
        document = json.dumps({"info": info, "shape": shape}).encode()
        self._sequence += 1
        frame = pack(Kind.RESET, self._sequence, 0, document)
        self._talk.ask(frame, allowance_of(RESET_S), Kind.RUNNING)
        self.last_command = _FIRST_COMMAND
        self._paid_s = self._clock()

    def act(self, row: NDArray[np.float64]) -> Command:
        """Return the command for an observation: the agent's answer, or the last command if it is late.

        Raises `EntrantFault`, and `SandboxError` where the machine gave the child no time.
        """
        self._refuse_after_fault()
        self._sequence += 1
        frame = pack(Kind.ACT, self._sequence, 1, np.ascontiguousarray(row, "<f8").tobytes())
        began = time.perf_counter()
        answer = self._talk.numbers(frame, allowance_of(HARD_ACT_S), Kind.ACTION, 2, self._sequence)
        waited_s = time.perf_counter() - began
        steering_deg, speed_mps = np.frombuffer(answer, "<f8").tolist()
        if not (math.isfinite(steering_deg) and math.isfinite(speed_mps)):  # the host has looked already
            self._talk.refuse_frame("an action that is not finite")
        self.acts += 1
        before, self.last_command = self.last_command, (steering_deg, speed_mps)
        was_late = self._was_late()
        self._watch_the_wall(waited_s)
        return before if was_late else self.last_command

    def _was_late(self) -> bool:
        """Pay for all that the child has used since it was last paid for, between its answers as well."""
        now = self._clock()
        used_s, self._paid_s = now - self._paid_s, now
        self._used_s += used_s
        self.slowest_act_s = max(self.slowest_act_s, used_s)
        if used_s <= SOFT_ACT_S + CLOCK_S:
            return False
        self.late_acts += 1
        # In whole milliseconds: what an agent sees of it should not tell one run from another.
        left_ms = round(1e3 * self.overtime_left_s) - math.ceil(1e3 * (used_s - SOFT_ACT_S))
        self.overtime_left_s = max(0.0, left_ms / 1e3)
        return True

    def _watch_the_wall(self, waited_s: float) -> None:
        """End a race that takes for ever although neither the agent nor the queue for a core does."""
        self._waited_s += waited_s
        if self._waited_s - self._used_s <= self._limits.calls_s:
            return
        asleep_s = self._waited_s - self._used_s - self._talk.child.queued_s()
        if asleep_s <= self._limits.calls_s:
            return
        message = (
            f"The agent is too slow: in {self.acts:,} acts it slept for {asleep_s:.0f} s, at most "
            f"{self._limits.calls_s:.0f} s are allowed. It must not sleep: the race waits for its answer."
        )
        self._talk.fail(EntrantFault(Verdict.TIMEOUT, message))

    def _refuse_after_fault(self) -> None:
        if self._talk.fault is not None:
            raise self._talk.fault


def is_agent(source: str) -> bool:
    """Return whether a file defines a class `Agent` and no reward function.

    It is parsed in a locked child and not run. Raises `EntrantFault` for what is no Python.
    """
    talk = Conversation(AGENT, LIMITS)
    try:
        defines = _parsed(talk, source)["defines"]
    finally:
        talk.close()
    return defines == [CLASS]


def _parsed(talk: Conversation, source: str) -> dict[str, object]:
    talk.begin({"columns": len(COLUMNS)})
    return talk.ask(pack_json(Kind.SOURCE, 0, {"source": source}), talk.start_allowance, Kind.PARSED)
