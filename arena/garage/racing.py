"""Races: a policy drives a course by the weights alone; the reward function is never seen here.

A thin loop over `TrackVectorEnv` with one car: the simulator owns the physics, the rules, the penalties and
the clock. The same policy, course, rules and seed give the same trial, byte for byte, on one machine type.

Where the direction alternates, a race is driven lap by lap, each from a standing start, with one account of
resets; everything else is one drive.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from arena.garage.policy import Policy
from simulator import tracks
from simulator.car import CAR_VERSION, CLASSIC, STEP_S, CarSpec
from simulator.course import Course, Direction, RaceType
from simulator.laps import Lap, Outcome
from simulator.optimum import Optimum, percent_of_the_possible, too_fast
from simulator.rules import FIRST_CALL_STEPS, RULES_VERSION, Rules, Status
from simulator.sensors import OBSERVATION_COLUMNS
from simulator.starts import Starts
from simulator.trace import COLUMNS, Trace
from simulator.track import Track

__all__ = ["Lap", "Trial", "drive"]

_TIME, _LAP = COLUMNS.index("t_s"), COLUMNS.index("lap")
_STEP_MS: Final = STEP_S * 1000.0


@dataclass(frozen=True, slots=True)
class Trial:
    """One evaluated drive. Times are integer milliseconds of simulated time, penalties included.

    `ended_by` is "finished", or what ended the drive before its last lap: "time_up", "off_track",
    "crashed", "immobilized" or "reversed".
    `total_time_ms` is the sum of the laps, or the time until the end where not all were driven.
    """

    laps: tuple[Lap, ...]
    total_time_ms: int
    off_track_count: int
    reset_count: int
    finished: bool
    ended_by: str
    trace: Trace
    versions: dict[str, str]
    """Of car, rules and track; "course" (`Course.text`) only where it was more than a plain time trial."""
    crash_count: int = 0
    race_type: RaceType = RaceType.TIME_TRIAL
    optima: Mapping[Direction, Optimum] = field(default_factory=dict)
    """The fastest possible lap each way, where the track carries one for this car."""

    @property
    def completed_laps(self) -> int:
        return len(self.laps)

    @property
    def best_lap_ms(self) -> int | None:
        return min((lap.lap_time_ms for lap in self.laps), default=None)

    @property
    def percent_of_the_possible(self) -> float | None:
        """Return how close a lap came to the fastest possible one, in percent; of time trials only.

        With objects on the road the optimum is a bound still, but one that nobody can come near.
        """
        if self.race_type is not RaceType.TIME_TRIAL:
            return None
        laps = (lap for lap in self.laps if lap.direction in self.optima)
        shares = (percent_of_the_possible(lap.lap_time_ms, self.optima[lap.direction]) for lap in laps)
        best = max(shares, default=None)
        return None if best is None else round(best, 2)

    @property
    def suspicious_laps(self) -> tuple[int, ...]:
        """Return the numbers of laps that were faster than physics allows."""
        known = (lap for lap in self.laps if lap.direction in self.optima)
        return tuple(lap.number for lap in known if too_fast(lap.lap_time_ms, self.optima[lap.direction]))

    def as_json(self) -> dict[str, object]:
        """Return all but the trace."""
        return {
            "race_type": self.race_type.value,
            "lap_times_ms": [lap.lap_time_ms for lap in self.laps],
            "lap_directions": [lap.direction.value for lap in self.laps],
            "best_lap_ms": self.best_lap_ms,
            "total_time_ms": self.total_time_ms,
            "completed_laps": self.completed_laps,
            "off_track_count": self.off_track_count,
            "crash_count": self.crash_count,
            "reset_count": self.reset_count,
            "finished": self.finished,
            "ended_by": self.ended_by,
            "percent_of_the_possible": self.percent_of_the_possible,
            "suspicious_laps": list(self.suspicious_laps),
            "versions": self.versions,
        }


@dataclass(frozen=True, slots=True)
class Stint:
    """What was driven in one go, from a standing start."""

    direction: Direction
    outcome: Outcome
    rows: NDArray[np.float64]
    """The trace [steps, columns]."""

    @property
    def finished(self) -> bool:
        return self.outcome.status is Status.LAP_COMPLETE

    @property
    def time_ms(self) -> int:
        """Return the sum of the laps, or the time until the end where not all were driven."""
        if self.finished:
            return sum(lap.lap_time_ms for lap in self.outcome.laps)
        return round((self.outcome.steps - FIRST_CALL_STEPS) * _STEP_MS)


def drive(
    policy: Policy,
    course: Course | Track,
    *,
    laps: int = 3,
    rules: Rules | None = None,
    seed: int = 0,
    spec: CarSpec = CLASSIC,
) -> Trial:
    """Let a policy drive `laps` laps of a course from a standing start; a bare track is a time trial.

    A policy that was trained without objects may race among them, but does not see them. Every drive ends:
    `rules.max_steps` bounds the time of a car that only crawls. Raises `ValueError` for rules for other laps.
    """
    course, rules = Course.of(course), rules or Rules.object_avoidance(laps)
    if rules.laps != laps:
        raise ValueError(f"expected rules for {laps} laps, got rules for {rules.laps}")
    return _trial(list(_stints(policy, course, rules, seed, spec)), course, laps, spec)


def _stints(policy: Policy, course: Course, rules: Rules, seed: int, spec: CarSpec) -> Iterator[Stint]:
    """Yield one stint, or one for each lap where the direction alternates, until one fails."""
    legs, directions = course.legs(), course.directions
    if len(legs) == 1:
        yield _stint(policy, legs[0], directions[0], rules, seed, spec)
        return
    of_a_lap = replace(rules, laps=1, max_steps=max(FIRST_CALL_STEPS, rules.max_steps // rules.laps))
    for number in range(rules.laps):
        way = number % len(legs)
        stint = _stint(policy, legs[way], directions[way], of_a_lap, seed + number, spec)
        yield stint
        if not stint.finished:
            return
        of_a_lap = replace(of_a_lap, max_resets=of_a_lap.max_resets - stint.outcome.reset_count)


def _stint(
    policy: Policy, leg: Course, direction: Direction, rules: Rules, seed: int, spec: CarSpec
) -> Stint:
    env = leg.environment(
        1, actions=policy.actions, spec=spec, rules=rules, starts=Starts.LINE, sensors=_sensor(policy)
    )
    observation, _ = env.reset(seed=seed)
    rows: list[NDArray[np.float64]] = []
    while not env.outcomes:
        observation, *_ = env.step(policy.act(observation))
        rows.append(env.trace_rows())
    return Stint(direction, env.outcomes[0], np.concatenate(rows))


def _sensor(policy: Policy) -> str:
    """Return the sense that a policy was trained with."""
    return "vector" if policy.columns == OBSERVATION_COLUMNS else "object_vector"


def _trial(stints: Sequence[Stint], course: Course, laps: int, spec: CarSpec) -> Trial:
    driven = tuple(
        lap._replace(number=number, direction=direction)
        for number, (lap, direction) in enumerate(
            ((lap, stint.direction) for stint in stints for lap in stint.outcome.laps), start=1
        )
    )
    outcomes = [stint.outcome for stint in stints]
    finished = len(driven) == laps
    return Trial(
        laps=driven,
        total_time_ms=sum(stint.time_ms for stint in stints),
        off_track_count=sum(outcome.off_track_count for outcome in outcomes),
        reset_count=sum(outcome.reset_count for outcome in outcomes),
        crash_count=sum(outcome.crash_count for outcome in outcomes),
        finished=finished,
        ended_by="finished" if finished else outcomes[-1].status.name.lower(),
        trace=Trace(_on_one_clock(stints)),
        versions=_versions(course, spec),
        race_type=course.race_type,
        optima=_optima(course, spec),
    )


def _on_one_clock(stints: Sequence[Stint]) -> NDArray[np.float64]:
    """Return the rows of all stints, time and laps counted through."""
    tables, steps, laps = [], 0, 0
    for stint in stints:
        rows = stint.rows.copy()
        rows[:, _TIME] += steps * STEP_S
        rows[:, _LAP] += laps
        tables.append(rows)
        steps += len(rows)
        laps += len(stint.outcome.laps)
    return np.concatenate(tables)


def _versions(course: Course, spec: CarSpec) -> dict[str, str]:
    plain = {"car": CAR_VERSION, "spec": spec.name, "rules": RULES_VERSION, "track": course.track.version}
    return plain | ({"course": course.text} if course.text else {})


def _optima(course: Course, spec: CarSpec) -> dict[Direction, Optimum]:
    legs = zip(course.directions, course.legs(), strict=True)
    optima = ((direction, tracks.optimum_of(leg.track, spec)) for direction, leg in legs)
    return {direction: optimum for direction, optimum in optima if optimum is not None}
