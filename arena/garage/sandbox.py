"""The reward function as the trainer sees it: a batched call that answers numbers or raises the entrant's own
fault.

One message per vector step goes to each child (`host_reward.py`, reached through `shard.py`). Whatever a
child does ends in one of three ways: rewards, an `EntrantFault` with a verdict and a line, or a
`SandboxError` when the machine and not the entrant is to blame. The first failing call ends the training, as
it does on the real thing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from arena.garage.conversation import allowance_of
from arena.garage.limits import Allowance, Limits, Usage
from arena.garage.line_clock import room_for
from arena.garage.recording import CallSample
from arena.garage.shard import Shard
from arena.garage.sources import decode_source
from arena.garage.verdicts import EntrantFault, Verdict
from arena.garage.wire import Kind, pack_json
from simulator.canned import CannedState, canned_states
from simulator.course import Course, RaceType
from simulator.objects import Objects
from simulator.params import COLUMNS, FIRST_CALL_STEPS, row_width
from simulator.track import Track

__all__ = ["CheckResult", "Limits", "RewardSandbox", "StateReward", "Usage", "check", "decode_source"]

Seed = int | Callable[[str], int]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Part = tuple[Shard, slice | IntArray]
"""A child and which rows of a batch it has been sent."""

CHECK_LIMITS: Final = Limits(load_s=3.0)  # somebody waits for the answer
_LOOK_EVERY: Final = 64  # messages


class RewardSandbox:
    """A context manager that runs one entrant's reward function for `num_cars` cars and is called with
    batches. The legs of a course have as many cars each, in blocks.

    `seed` seeds `random` and `numpy.random` in the child; it may be a function of the code's digest, which is
    known before the first line of the code has run. `first_step`: see `ParamsBuilder`. With several `shards`
    as many children take every so-many-th car each and work side by side. What cars share in one process
    (random numbers, attributes of modules) makes the number of shards a part of the result: a training
    has more than one only where cars share nothing (`confined.py`).

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
        shards: int = 1,
    ) -> None:
        builders = [leg.params_builder(first_step) for leg in Course.of(course).legs()]
        if num_cars % len(builders):
            raise ValueError(f"expected as many cars on each of {len(builders)} legs, got {num_cars} in all")
        if not 1 <= shards <= num_cars:
            raise ValueError(f"expected 1 to {num_cars} shards for {num_cars} cars, got {shards}")
        statics = [builder.static() for builder in builders]
        self._source: dict[str, object] = {"source": source, "statics": statics}
        self._width = row_width(builders[0].moving)
        self._cars_per_leg = num_cars // len(builders)
        self._num_cars = num_cars
        self._num_shards = shards
        self._limits = limits or Limits()
        self._seed = seed
        self._sequence = 0
        self._fault: EntrantFault | None = None
        self._shards: list[Shard] = []
        self.seed = 0
        self.digest = ""
        self.is_confined = False
        """Whether the cars share nothing, so that the number of shards makes no difference."""
        self.calls = 0
        self.waited_s = 0.0
        self.sample: CallSample | None = None
        """What keeps some of the calls on the first leg."""

    def __enter__(self) -> Self:
        try:
            limits = self._limits.shared(self._num_shards)
            for place in range(self._num_shards):
                cars = np.arange(place, self._num_cars, self._num_shards)
                self._shards.append(Shard(limits, cars // self._cars_per_leg, self._width))
            self._introduce()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the children; safe to call more than once."""
        for shard in self._shards:
            shard.talk.close()

    @property
    def pids(self) -> tuple[int, ...]:
        """The numbers of the children's processes, and of their process groups."""
        return tuple(shard.talk.child.pid for shard in self._shards)

    @property
    def pid(self) -> int:
        """The number of the first child's process."""
        return self.pids[0]

    @property
    def output(self) -> str:
        """What the entrant's code has printed (the first car's prints while loading, all cars' after), at
        most 64 KB; what several children have printed stands one after the other.
        """
        text = "".join(shard.talk.output for shard in self._shards)
        return text[: self._limits.output_kept_kb << 10]

    @property
    def usage(self) -> Usage:
        """What the children have used together; complete once they are closed."""
        used = [shard.talk.usage for shard in self._shards]
        return Usage(sum(each.cpu_s for each in used), sum(each.peak_mb for each in used))

    @property
    def took_s(self) -> float:
        """What all calls have taken: CPU seconds of the children, or where those are not told our waiting."""
        return sum(shard.calls_cpu_s for shard in self._shards) or self.waited_s

    def _introduce(self) -> None:
        """Hand over the source, learn its digest, and have it executed once per car."""
        count, load_s = self._num_shards, self._limits.load_s
        for shard in self._shards:
            shard.talk.begin({"columns": len(COLUMNS)})
        parsed = self._all_told(Kind.SOURCE, [self._source] * count, Kind.PARSED, None)
        self.digest = str(parsed[0]["digest"])
        self.is_confined = parsed[0]["confined"] is True
        self.seed = self._seed(self.digest) if callable(self._seed) else self._seed
        work: list[dict[str, object]] = []
        for place, shard in enumerate(self._shards):
            shard.talk.entrants_turn = True
            work.append({"seed": self.seed + place, "legs": shard.legs, "quiet": place > 0})
        self._all_told(Kind.EXECUTE, work, Kind.LOADED, allowance_of(load_s))
        self._all_told(Kind.MULTIPLY, [{}] * count, Kind.RUNNING, allowance_of(3 * load_s))
        for shard in self._shards:
            shard.begin_calls()

    def _all_told(
        self,
        kind: Kind,
        documents: Sequence[dict[str, object]],
        answer: Kind,
        allowance: Allowance | None,
    ) -> list[dict[str, object]]:
        """Send each child its document, then await all answers, for our own work without an allowance."""
        talks = [shard.talk for shard in self._shards]
        for talk, document in zip(talks, documents, strict=True):
            talk.send(pack_json(kind, 0, document))
        return [talk.told(allowance or talk.start_allowance, answer) for talk in talks]

    def of_leg(self, place: int) -> LegReward:
        """Return what answers for the cars of one leg of the course, which number them from 0.

        The cars of a leg follow those of the one before; a message speaks of one leg only.
        """
        return LegReward(self, place * self._cars_per_leg)

    def __call__(self, rows: FloatArray, cars: IntArray) -> FloatArray:
        """Return the rewards [m] of `rows` [m, row_width(moving)], each by the copy of the car named in
        `cars` [m].
        """
        return self.begin(rows, cars)()

    def begin(self, rows: FloatArray, cars: IntArray) -> Callable[[], FloatArray]:
        """Set the children to work on what a call would answer; return what waits for it and returns it.

        There is one answer to wait for at a time; the arrays may change meanwhile.
        """
        if self._fault is not None:
            raise self._fault
        if rows.shape != (len(rows), self._width):
            raise ValueError(f"expected params rows of {self._width} numbers, got an array {rows.shape}")
        self._sequence = (self._sequence + 1) % 2**32
        count = self._num_shards
        if count == 1:
            self._shards[0].send(self._sequence, rows, cars)
            self._keep(rows, cars)
            return partial(self._answered, [(self._shards[0], slice(None))], len(rows))
        parts: list[Part] = []
        for place, shard in enumerate(self._shards):
            chosen = np.flatnonzero(cars % count == place)
            if len(chosen):
                shard.send(self._sequence, rows[chosen], cars[chosen] // count)
                parts.append((shard, chosen))
        self._keep(rows, cars)
        return partial(self._answered, parts, len(rows))

    def _keep(self, rows: FloatArray, cars: IntArray) -> None:
        if self.sample is not None and len(cars) and cars[0] < self._cars_per_leg:
            self.sample.note(rows, cars)

    def study(self, rows: FloatArray, cars: IntArray) -> FloatArray:
        """Make some calls with an eye on the lines: the table [lines + 1, 2] of `LineClock.table`.

        For a sandbox of one child whose rewards nobody needs; it may stop before the last call.
        """
        if rows.shape != (len(rows), self._width):
            raise ValueError(f"expected params rows of {self._width} numbers, got an array {rows.shape}")
        self._sequence += 1
        (shard,) = self._shards
        return shard.study(self._sequence, rows, cars, room_for(str(self._source["source"])))

    def _answered(self, parts: list[Part], count: int) -> FloatArray:
        rewards = np.empty(count)
        began = time.perf_counter()
        try:
            for shard, chosen in parts:
                rewards[chosen] = shard.rewards(self._sequence)
            self.waited_s += time.perf_counter() - began
            self.calls += count
            self._require_time()
        except BaseException as error:
            self._fault = error if isinstance(error, EntrantFault) else None
            self.close()
            raise
        return rewards

    def _require_time(self) -> None:
        """Raise the fault of a function that has taken too long in all, by the clock or in CPU time."""
        took_s, most_s = self.waited_s, self._limits.calls_s
        if took_s <= most_s and self._num_shards > 1 and self._sequence % _LOOK_EVERY == 0:
            took_s, most_s = self.took_s, float(self._limits.cpu_s)
        if took_s <= most_s:
            return
        message = (
            f"The reward function is too slow: {self.calls:,} calls took {took_s:.0f} s "
            f"({1e6 * took_s / self.calls:.0f} us each), at most {most_s:.0f} s are allowed. "
            "Search fewer points, or compute what never changes only once."
        )
        raise EntrantFault(Verdict.TIMEOUT, message)


@dataclass(frozen=True, slots=True)
class LegReward:
    """The sandbox as the cars of one leg see it, which are numbered from 0."""

    sandbox: RewardSandbox
    first_car: int

    def __call__(self, rows: FloatArray, cars: IntArray) -> FloatArray:
        return self.begin(rows, cars)()

    def begin(self, rows: FloatArray, cars: IntArray) -> Callable[[], FloatArray]:
        """Do what `RewardSandbox.begin` does."""
        return self.sandbox.begin(rows, cars + self.first_car)


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
        states = states_of(leg)
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


def states_of(leg: Course) -> tuple[CannedState, ...]:
    """Return the states in which a function is checked: on an empty road, or among the leg's objects."""
    return canned_states(leg.track, _objects_of(leg))


def _objects_of(leg: Course) -> Objects | None:
    """Return what is around a car of the course at one moment, or None on an empty road."""
    if leg.race_type is RaceType.TIME_TRIAL:
        return None
    env = leg.environment(leg.cars)
    env.reset(seed=0)
    return env.objects.of(slice(0, 1)) if env.objects else None
