"""Races: a policy drives a course by the weights alone; the reward function is never seen here.

A thin loop over `TrackVectorEnv` with the cars of one race: the simulator owns the physics, the rules, the
penalties and the clock. The same policy, course, rules and seed give the same trial, byte for byte, on one
machine type.

Where the direction alternates, a race is driven lap by lap, each from a standing start; everything else is
one drive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from arena.garage.agents import Agent
from arena.garage.drivers import REFERENCE, Entrant, seats_of, sense_of
from arena.garage.trials import Heat, Trial
from simulator import tracks
from simulator.car import CAR_VERSION, CLASSIC, STEP_S, CarSpec
from simulator.course import Course, Direction
from simulator.laps import Lap, Outcome
from simulator.optimum import Optimum
from simulator.rules import FIRST_CALL_STEPS, RULES_VERSION, Rules, Status
from simulator.sensors.suite import picked
from simulator.starts import Starts
from simulator.trace import COLUMNS, Trace
from simulator.track import Track

__all__ = ["REFERENCE", "Heat", "Lap", "Trial", "drive", "head_to_head", "versions_of"]

_TIME, _LAP = COLUMNS.index("t_s"), COLUMNS.index("lap")
_STEP_MS: Final = STEP_S * 1000.0
_ENDS: Final = {Status.WITHDRAWN: "time_bank_empty"}
"""What ends a drive by another name than the rules', who do not know why a car is withdrawn."""


@dataclass(frozen=True, slots=True)
class Stint:
    """What a car drove in one go, from a standing start."""

    direction: Direction
    outcome: Outcome
    rows: NDArray[np.float64]
    """The trace [steps, columns]."""
    objects: NDArray[np.float64]
    """What was around it [steps, k, 3]."""
    object_sizes: NDArray[np.float64]

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
    entrant: Entrant,
    course: Course | Track,
    *,
    laps: int = 3,
    rules: Rules | None = None,
    seed: int = 0,
    spec: CarSpec = CLASSIC,
) -> Trial:
    """Let an entrant drive `laps` laps of a course from a standing start; a bare track is a time trial.

    Where the course has several cars, reference drivers have the others and the entrant starts first. A
    policy that was trained without objects may race among them, but does not see them. Every drive ends:
    `rules.max_steps` bounds the time of a car that only crawls. Raises `ValueError` for rules for other laps.
    """
    course = Course.of(course)
    entrants: list[Entrant] = [entrant]
    entrants += [REFERENCE] * (course.cars - 1)
    trial = _raced(entrants, course, _rules_for(laps, rules), seed, spec)[0]
    if isinstance(entrant, Agent) and entrant.fault:
        raise entrant.fault
    return trial


def head_to_head(
    entrants: Sequence[Entrant],
    course: Course | Track,
    *,
    laps: int = 3,
    rules: Rules | None = None,
    seed: int = 0,
    spec: CarSpec = CLASSIC,
) -> Heat:
    """Let 2 to 8 policies, or reference drivers ("reference"), race each other; the first one starts first.

    Raises `CourseError`, or `ValueError` for rules for other laps or a course for another number of cars.
    """
    course, count = Course.of(course), len(entrants)
    if count < 2 or course.cars not in (1, count):
        cars = "2 to 8" if course.cars == 1 else str(course.cars)
        raise ValueError(f"expected {cars} entrants to race each other, got {count}")
    trials = list(_raced(entrants, replace(course, cars=count), _rules_for(laps, rules), seed, spec))
    for car, entrant in enumerate(entrants):
        if isinstance(entrant, Agent) and entrant.fault:
            trials[car] = replace(trials[car], ended_by="fault")
    return Heat(tuple(trials))


def _rules_for(laps: int, rules: Rules | None) -> Rules:
    rules = rules or Rules.object_avoidance(laps)
    if rules.laps != laps:
        raise ValueError(f"expected rules for {laps} laps, got rules for {rules.laps}")
    return rules


def _raced(
    entrants: Sequence[Entrant], course: Course, rules: Rules, seed: int, spec: CarSpec
) -> tuple[Trial, ...]:
    """Race in one go, or lap by lap where the direction alternates, without those who have failed."""
    ways = list(zip(course.legs(), course.directions, strict=True))
    stints: list[list[Stint]] = [[] for _ in entrants]
    for number in range(rules.laps if len(ways) > 1 else 1):
        racing = [car for car, driven in enumerate(stints) if all(stint.finished for stint in driven)]
        if not racing:
            break
        leg, direction = ways[number % len(ways)]
        allowed = rules if len(ways) == 1 else _of_a_lap(rules, [stints[car] for car in racing])
        run = _Run(replace(leg, cars=len(racing)), direction, allowed, seed + number, spec)
        for car, stint in zip(racing, run.stints([entrants[car] for car in racing]), strict=True):
            stints[car].append(stint)
    return tuple(_trial(driven, course, rules.laps, spec) for driven in stints)


def _of_a_lap(rules: Rules, driven: Sequence[Sequence[Stint]]) -> Rules:
    """Return the rules of the next lap: its share of the time, and the resets that are left to all."""
    used = max(sum(stint.outcome.reset_count for stint in stints) for stints in driven)
    steps = max(FIRST_CALL_STEPS, rules.max_steps // rules.laps)
    return replace(rules, laps=1, max_steps=steps, max_resets=rules.max_resets - used)


@dataclass(frozen=True, slots=True)
class _Run:
    """A drive of all cars of a leg from the grid to the last one's end."""

    leg: Course
    direction: Direction
    rules: Rules
    seed: int
    spec: CarSpec

    def stints(self, entrants: Sequence[Entrant]) -> list[Stint]:
        """Return what each entrant drove; all meet the same draws of the seed."""
        count = len(entrants)
        env = self.leg.environment(
            count, spec=self.spec, rules=self.rules, starts=Starts.LINE, sensors=sense_of(entrants)
        )
        observation, _ = env.reset(seed=[self.seed] * count)
        seats = seats_of(entrants, env, self.leg, self.direction)
        rows: list[NDArray[np.float64]] = []
        objects: list[NDArray[np.float64]] = []
        ends: dict[int, tuple[int, Outcome]] = {}
        while len(ends) < count:
            commands = np.zeros((count, 2))
            for car, seat in enumerate(seats):
                if car not in ends:
                    own = slice(car, car + 1)
                    company = env.objects.of(own) if env.objects else None
                    commands[car] = seat(picked(observation, own), env.state[:, own], company)[0]
            observation, *_ = env.drive(commands)
            rows.append(env.trace_rows())
            objects.append(env.object_rows())
            ends |= {car: (len(rows), outcome) for car, outcome in env.outcomes.items()}
        table, around, sizes = np.stack(rows, axis=1), np.stack(objects, axis=1), env.object_sizes
        return [
            Stint(self.direction, outcome, table[car, :steps], around[car, :steps], sizes)
            for car, (steps, outcome) in sorted(ends.items())
        ]


def _trial(stints: Sequence[Stint], course: Course, laps: int, spec: CarSpec) -> Trial:
    driven = tuple(
        lap._replace(number=number, direction=direction)
        for number, (lap, direction) in enumerate(
            ((lap, stint.direction) for stint in stints for lap in stint.outcome.laps), start=1
        )
    )
    outcomes = [stint.outcome for stint in stints]
    finished, status = len(driven) == laps, outcomes[-1].status
    return Trial(
        laps=driven,
        total_time_ms=sum(stint.time_ms for stint in stints),
        off_track_count=sum(outcome.off_track_count for outcome in outcomes),
        reset_count=sum(outcome.reset_count for outcome in outcomes),
        crash_count=sum(outcome.crash_count for outcome in outcomes),
        finished=finished,
        ended_by="finished" if finished else _ENDS.get(status, status.name.lower()),
        trace=_on_one_clock(stints),
        versions=versions_of(course, spec),
        race_type=course.race_type,
        optima=_optima(course, spec),
    )


def _on_one_clock(stints: Sequence[Stint]) -> Trace:
    """Return the trace of all stints, time and laps counted through."""
    sizes = max((stint.object_sizes for stint in stints), key=len)
    steps = sum(len(stint.rows) for stint in stints)
    rows, objects = np.empty((steps, len(COLUMNS))), np.full((steps, len(sizes), 3), np.nan)
    begin, laps = 0, 0
    for stint in stints:
        part = slice(begin, begin + len(stint.rows))
        rows[part] = stint.rows
        rows[part, _TIME] += begin * STEP_S
        rows[part, _LAP] += laps
        objects[part, : len(stint.object_sizes)] = stint.objects
        begin = part.stop
        laps += len(stint.outcome.laps)
    return Trace(rows, objects, sizes)


def versions_of(course: Course, spec: CarSpec) -> dict[str, str]:
    """Return the versions that a trial on a course remembers."""
    plain = {"car": CAR_VERSION, "spec": spec.name, "rules": RULES_VERSION, "track": course.track.version}
    return plain | ({"course": course.text} if course.text else {})


def _optima(course: Course, spec: CarSpec) -> dict[Direction, Optimum]:
    legs = zip(course.directions, course.legs(), strict=True)
    optima = ((direction, tracks.optimum_of(leg.track, spec)) for direction, leg in legs)
    return {direction: optimum for direction, optimum in optima if optimum is not None}
