"""The marshals: they judge every car by the rules in each step, keep the book and close drives.

What a drive's status means for it stands here: a lap completed is noted, a fault costs a reset while there
are resets left, everything else ends the drive. They do not move cars; the physics loop does, as told.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from simulator import params
from simulator.laps import LapBook, Outcome
from simulator.road import IntArray
from simulator.rules import FAULTS, FIRST_CALL_STEPS, Facts, Rules, Status, judge
from simulator.situation import BoolArray, FloatArray, Situation
from simulator.timing import Timing

# Looking a status up by its code is cheaper than calling the enum, and than the hash of its members.
STATUSES = tuple(Status)
IS_FAULT = tuple(status in FAULTS for status in Status)
WAITING = frozenset({int(Status.PAUSE), int(Status.PARK)})


class Marshals:
    """The marshals of n cars. After `handle` these describe the step: who is put back, whose lap is over,
    and the outcomes of the drives that ended, by car.
    """

    def __init__(self, rules: Rules, cars: int) -> None:
        """Open the book of n cars."""
        self.rules, self.book = rules, LapBook(cars)
        self.put_back: list[int] = []
        self.lap_over: list[int] = []
        self.outcomes: dict[int, Outcome] = {}
        self.withdrawn: set[int] = set()
        """Whose drives are to end at the next step."""

    def judge(
        self, now: Situation, timing: Timing, held: BoolArray, crashed: BoolArray | None
    ) -> NDArray[np.int64]:
        """Return the status code of each car [n]."""
        facts = Facts(
            lap_complete=timing.lap_complete,
            off_track=now.off_track,
            still_steps=timing.still,
            falling_steps=timing.falling,
            steps=timing.elapsed + FIRST_CALL_STEPS,
            held=held,
            crashed=crashed,
        )
        status = judge(facts, self.rules)
        for car in self.withdrawn:
            if status[car] != Status.LAP_COMPLETE:  # that lap still counts; the drive ends a step later
                status[car] = Status.WITHDRAWN
        return status

    def handle(
        self, status: IntArray, crossing_ms: IntArray, rows: FloatArray
    ) -> tuple[BoolArray, BoolArray]:
        """Note laps, put cars back, close drives; return who is terminated and who is truncated [n].

        `rows` are the params rows [n, columns] of the state that was judged.
        """
        terminated = np.zeros(len(status), dtype=np.bool_)
        truncated = np.zeros(len(status), dtype=np.bool_)
        self.outcomes = {}
        self.put_back, self.lap_over = [], []
        max_resets = self.rules.max_resets
        for car, code in _noteworthy(status):
            is_fault = IS_FAULT[code]
            if code is Status.LAP_COMPLETE:
                self.book.crossed(car, int(crossing_ms[car]))
                self.lap_over.append(car)
                if len(self.book.laps[car]) < self.rules.laps:
                    continue
            elif is_fault and max_resets and self.book.resets(car) < max_resets:
                self.book.put_back(car, code, self.rules.penalty_ms_for(code))
                self.put_back.append(car)
                continue
            (terminated if is_fault else truncated)[car] = True
            steps, progress = int(rows.item(car, params.STEPS)), rows.item(car, params.PROGRESS)
            self.outcomes[car] = self.book.close(car, code, steps, progress)
        return terminated, truncated

    def begin(self, cars: Iterable[int]) -> None:
        """Open a new page for each of some cars, whose next drives begin."""
        for car in cars:
            self.book.clear(car)
            self.withdrawn.discard(car)


def _noteworthy(status: IntArray) -> list[tuple[int, Status]]:
    """Return the cars about which the rules say more than that they drive or wait."""
    cars = status.nonzero()[0]
    codes = zip(cars.tolist(), status[cars].tolist(), strict=True)
    return [(car, STATUSES[code]) for car, code in codes if code not in WAITING]
