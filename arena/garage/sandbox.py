"""The reward function as the trainer sees it: a batched call that answers numbers or raises the entrant's own
fault.

One message per vector step goes to the child (`host_reward.py`, reached through `conversation.py`). Whatever
the child does ends in one of three ways: rewards, an `EntrantFault` with a verdict and a line, or a
`SandboxError` when the machine and not the entrant is to blame. The first failing call ends the training, as
it does on the real thing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NoReturn, Self

import numpy as np
from numpy.typing import NDArray

from arena.garage.blame import MAX_REWARD
from arena.garage.conversation import Conversation, allowance_of
from arena.garage.limits import Limits, Usage
from arena.garage.sources import decode_source
from arena.garage.subjects import REWARD
from arena.garage.verdicts import EntrantFault, Verdict
from arena.garage.wire import Kind, pack, pack_json
from simulator.canned import canned_states
from simulator.course import Course, RaceType
from simulator.objects import Objects
from simulator.params import COLUMNS, FIRST_CALL_STEPS, row_width
from simulator.track import Track

__all__ = ["CheckResult", "Limits", "RewardSandbox", "StateReward", "Usage", "check", "decode_source"]

Seed = int | Callable[[str], int]
RewardCall = Callable[[NDArray[np.float64], NDArray[np.int64]], NDArray[np.float64]]

CHECK_LIMITS: Final = Limits(load_s=3.0)  # somebody waits for the answer


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
        self.seed = 0
        self.digest = ""
        self.calls = 0
        self.waited_s = 0.0

    def __enter__(self) -> Self:
        self._talk = Conversation(REWARD, self._limits)
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
        """The number of the child's process, and of its process group."""
        return self._talk.child.pid

    @property
    def output(self) -> str:
        """What the entrant's code has printed (the first car's prints while loading, all cars' after), at
        most 64 KB.
        """
        return self._talk.output

    @property
    def usage(self) -> Usage:
        """What the child has used; complete once it is closed."""
        return self._talk.usage

    def _introduce(self) -> None:
        """Hand over the source, learn its digest, and have it executed once per car."""
        talk, load_s = self._talk, self._limits.load_s
        talk.begin({"columns": len(COLUMNS)})
        document: dict[str, object] = {"source": self._source, "statics": self._statics}
        parsed = talk.ask(pack_json(Kind.SOURCE, 0, document), talk.start_allowance, Kind.PARSED)
        self.digest = str(parsed["digest"])
        self.seed = self._seed(self.digest) if callable(self._seed) else self._seed
        talk.entrants_turn = True
        document = {"seed": self.seed, "num_cars": self._num_cars}
        talk.ask(pack_json(Kind.EXECUTE, 0, document), allowance_of(load_s), Kind.LOADED)
        talk.ask(pack_json(Kind.MULTIPLY, 0, {}), allowance_of(3 * load_s), Kind.RUNNING)
        talk.loaded = True

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
        if self._talk.fault is not None:
            raise self._talk.fault
        count = len(rows)
        if rows.shape != (count, self._width):
            raise ValueError(f"expected params rows of {self._width} numbers, got an array {rows.shape}")
        self._sequence = (self._sequence + 1) % 2**32
        payload = np.ascontiguousarray(rows, "<f8").tobytes() + cars.astype("<f8").tobytes()
        began = time.perf_counter()
        allowance = allowance_of(self._limits.message_s + count * self._limits.call_s)
        frame = pack(Kind.CALLS, self._sequence, count, payload)
        answer = self._talk.numbers(frame, allowance, Kind.REWARDS, count, self._sequence)
        self.waited_s += time.perf_counter() - began
        self.calls += count
        if self.waited_s > self._limits.calls_s:
            self._give_up_waiting()
        return self._checked(answer)

    def _checked(self, answer: bytes) -> NDArray[np.float64]:
        rewards = np.frombuffer(answer, "<f8").astype(np.float64)
        if not (np.abs(rewards) <= MAX_REWARD).all():  # the host has looked already: these are not from it
            self._talk.refuse_frame(f"rewards beyond {MAX_REWARD:g}")
        return rewards

    def _give_up_waiting(self) -> NoReturn:
        call_us = 1e6 * self.waited_s / max(1, self.calls)
        message = (
            f"The reward function is too slow: {self.calls:,} calls took {self.waited_s:.0f} s "
            f"({call_us:.0f} us each), at most {self._limits.calls_s:.0f} s are allowed. "
            "Search fewer points, or compute what never changes only once."
        )
        self._talk.fail(EntrantFault(Verdict.TIMEOUT, message))


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
