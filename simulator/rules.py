"""How a drive ends or is penalised: pure functions of counts, no state of their own.

The rules are DeepRacer's. Per step, on the state that params describe, the first that holds counts: lap
complete, crashed, off track, immobilised, time up, reversed. In training (`max_resets=0`) any of them ends
the episode; in a race a car that has crashed, is off track, immobilised or reversed is put back and held for
the penalty in simulated time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from simulator.car import STEP_S
from simulator.params import FIRST_CALL_STEPS as FIRST_CALL_STEPS

RULES_VERSION = "1"


class Status(IntEnum):
    """What the rules say of a car in one step; the names are those of DeepRacer's logs."""

    IN_PROGRESS = 0
    LAP_COMPLETE = 1
    CRASHED = 2
    OFF_TRACK = 3
    IMMOBILIZED = 4
    TIME_UP = 5
    REVERSED = 6
    PREPARE = 7
    PAUSE = 8
    PARK = 9
    """Done, and waiting beside the road for the others of the race."""
    WITHDRAWN = 10
    """Taken out of the race by whoever runs it (not DeepRacer's)."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one drive. The defaults are those of training: one lap, no way back onto the track."""

    max_steps: int = 600
    """Time is up when `steps` reaches this; 600 are 40 s."""
    laps: int = 1
    max_resets: int = 0
    """How often a car is put back before an event ends its drive."""
    off_track_penalty_s: float = 2.0
    """For leaving the track and driving the wrong way; a car that stands still is put back for nothing."""
    collision_penalty_s: float = 5.0
    max_resets_after_crash: int = 3
    """The crash in one object after which a car is put back ahead of it (DeepRacer's mercy reset)."""
    reversed_steps: int = 15
    immobilized_steps: int = 15
    immobilized_m: float = 0.0003

    def __post_init__(self) -> None:
        """Refuse rules under which no drive can take place."""
        if (
            self.max_steps < FIRST_CALL_STEPS
            or self.laps < 1
            or self.max_resets < 0
            or self.off_track_penalty_s < 0
            or self.collision_penalty_s < 0
            or self.max_resets_after_crash < 1
        ):
            raise ValueError(
                f"expected max_steps >= {FIRST_CALL_STEPS}, laps >= 1, max_resets >= 0, penalties >= 0 and "
                f"max_resets_after_crash >= 1, got {self}"
            )

    @classmethod
    def time_trial(cls, laps: int = 3, *, off_track_penalty_s: float = 2.0, max_resets: int = 100) -> Rules:
        """Return the rules of a race of `laps` laps: two minutes a lap at most, cars are put back."""
        return cls(
            max_steps=1800 * laps, laps=laps, max_resets=max_resets, off_track_penalty_s=off_track_penalty_s
        )

    @classmethod
    def object_avoidance(
        cls,
        laps: int = 3,
        *,
        off_track_penalty_s: float = 2.0,
        collision_penalty_s: float = 5.0,
        max_resets: int = 100,
    ) -> Rules:
        """Return the rules of a race with obstacles: those of a time trial, and a price for a crash."""
        plain = cls.time_trial(laps, off_track_penalty_s=off_track_penalty_s, max_resets=max_resets)
        return replace(plain, collision_penalty_s=collision_penalty_s)

    def penalty_steps_for(self, status: Status) -> int:
        """Return the steps that a penalty takes; the step of the event itself is the first of them."""
        penalty_s = self.off_track_penalty_s
        if status is Status.CRASHED:
            penalty_s = self.collision_penalty_s
        elif status is Status.IMMOBILIZED:
            penalty_s = 0.0
        return max(1, math.ceil(penalty_s / STEP_S - 1e-9))

    def penalty_ms_for(self, status: Status) -> int:
        """Return what a penalty costs in integer milliseconds."""
        return round(self.penalty_steps_for(status) * STEP_S * 1000.0)


@dataclass(slots=True)
class Facts:
    """What is judged, one entry per car [n]."""

    lap_complete: NDArray[np.bool_]
    off_track: NDArray[np.bool_]
    still_steps: NDArray[np.int64]
    """Steps in a row with less than `immobilized_m` of motion."""
    falling_steps: NDArray[np.int64]
    """Steps in a row with falling progress."""
    steps: NDArray[np.int64]
    held: NDArray[np.bool_]
    """Cars that serve a penalty: only the clock is judged."""
    crashed: NDArray[np.bool_] | None = None
    """Cars inside an object; None where there are no objects."""


FAULTS = frozenset({Status.CRASHED, Status.OFF_TRACK, Status.IMMOBILIZED, Status.REVERSED})
"""What ends a drive by the car's own fault (gymnasium: terminated); all other ends are truncations."""

# Plain integers: turning an enum member into an array costs as much as the rule itself.
_LAP_COMPLETE, _CRASHED, _OFF_TRACK, _IMMOBILIZED, _TIME_UP, _REVERSED, _PAUSE = (
    int(status)
    for status in (
        Status.LAP_COMPLETE,
        Status.CRASHED,
        Status.OFF_TRACK,
        Status.IMMOBILIZED,
        Status.TIME_UP,
        Status.REVERSED,
        Status.PAUSE,
    )
)


def judge(facts: Facts, rules: Rules) -> NDArray[np.int64]:
    """Return the `Status` code of each car [n]; the first rule in DeepRacer's order counts."""
    status = np.zeros(len(facts.steps), dtype=np.int64)
    time_up = facts.steps >= rules.max_steps
    # Later lines overrule earlier ones, so the order is DeepRacer's turned round.
    ruled = (
        (facts.falling_steps >= rules.reversed_steps, _REVERSED),
        (time_up, _TIME_UP),
        (facts.still_steps >= rules.immobilized_steps, _IMMOBILIZED),
        (facts.off_track, _OFF_TRACK),
        (facts.crashed, _CRASHED),
        (facts.lap_complete, _LAP_COMPLETE),
    )
    for holds, code in ruled:
        # Counting is cheaper than writing nothing anywhere.
        if holds is not None and np.count_nonzero(holds):
            np.copyto(status, code, where=holds)
    if np.count_nonzero(facts.held):
        np.copyto(status, np.where(time_up, _TIME_UP, _PAUSE), where=facts.held)
    return status
