"""One child of a reward function's sandbox, with the cars that are its own."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from arena.garage.blame import MAX_REWARD
from arena.garage.conversation import Conversation, allowance_of
from arena.garage.limits import Limits
from arena.garage.subjects import REWARD
from arena.garage.wire import HEADER, Kind, pack_head

_STUDY_S: Final = 6.0  # the child stops after half of it by itself
_MOST_RUNS: Final = 1e12
_ROWS: Final = 64  # room for so many at first; it grows


class Shard:
    """A child with a copy of the module for each of its cars, which it numbers from 0."""

    def __init__(self, limits: Limits, legs: NDArray[np.int64], width: int) -> None:
        """Start the child. `legs` [n] are those that its cars drive, `width` the numbers of a params row."""
        self.legs: list[int] = legs.tolist()
        self._limits = limits
        self._width = width
        self._count = 0
        self._cpu_before_s = 0.0
        self._make_room(_ROWS)
        self.talk = Conversation(REWARD, limits)

    def _make_room(self, rows: int) -> None:
        """Prepare the frame of the calls: it is filled in place and sent in one piece."""
        self._room = rows
        self._frame = bytearray(HEADER.size + 8 * rows * (self._width + 1))
        self._numbers = np.frombuffer(self._frame, "<f8", offset=HEADER.size)

    def begin_calls(self) -> None:
        """Say that loading is over."""
        self.talk.loaded = True
        self._cpu_before_s = self.talk.child.cpu_s()

    @property
    def calls_cpu_s(self) -> float:
        """The CPU seconds that calls have taken, 0.0 where the system does not tell."""
        return max(0.0, self.talk.usage.cpu_s - self._cpu_before_s)

    def send(
        self, sequence: int, rows: NDArray[np.float64], cars: NDArray[np.int64], kind: Kind = Kind.CALLS
    ) -> None:
        """Set the child to work on rows [m, width] of its cars [m]."""
        self._count = count = len(rows)
        if count > self._room:
            self._make_room(count)
        split, end = count * self._width, count * (self._width + 1)
        self._numbers[:split].reshape(count, self._width)[:] = rows
        self._numbers[split:end] = cars
        pack_head(self._frame, kind, sequence, count, 8 * end)
        self.talk.send(memoryview(self._frame)[: HEADER.size + 8 * end])

    def study(
        self, sequence: int, rows: NDArray[np.float64], cars: NDArray[np.int64], lines: int
    ) -> NDArray[np.float64]:
        """Return the table [lines + 1, 2] of a `LineClock` for some calls. Raises as `rewards`."""
        self.send(sequence, rows, cars, Kind.STUDY)
        answer = self.talk.told_numbers(allowance_of(_STUDY_S), Kind.LINES, 2 * (lines + 1), sequence)
        table = np.frombuffer(answer, "<f8").reshape(-1, 2)
        sane = np.isfinite(table).all() and (table >= -1.0).all() and (table < _MOST_RUNS).all()
        if not (sane and 0.0 <= table[0, 0] <= len(rows)):
            self.talk.refuse_frame("lines that nobody can have counted")
        return table

    def rewards(self, sequence: int) -> NDArray[np.float64]:
        """Wait for the rewards [m] of what was sent. Raises `EntrantFault` and `SandboxError`."""
        allowance = allowance_of(self._limits.message_s + self._count * self._limits.call_s)
        answer = self.talk.told_numbers(allowance, Kind.REWARDS, self._count, sequence)
        rewards = np.frombuffer(answer, "<f8")
        if not (np.abs(rewards) <= MAX_REWARD).all():  # the host has looked already: these are not from it
            self.talk.refuse_frame(f"rewards beyond {MAX_REWARD:g}")
        return rewards
