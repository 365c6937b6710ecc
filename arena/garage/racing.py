"""Races: a policy drives a track by the weights alone; the reward function is never seen here.

A thin loop over `TrackVectorEnv` with one car: the simulator owns the physics, the rules, the penalties and
the clock. The same policy, track, rules and seed give the same trial, byte for byte, on one machine type.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from arena.garage.policy import Policy
from simulator import tracks
from simulator.car import CAR_VERSION, CLASSIC, STEP_S, CarSpec
from simulator.env import TrackVectorEnv
from simulator.laps import Lap, Outcome
from simulator.objects import Obstacle
from simulator.optimum import Optimum, percent_of_the_possible, too_fast
from simulator.rules import FIRST_CALL_STEPS, RULES_VERSION, Rules, Status
from simulator.sensors import OBSERVATION_COLUMNS
from simulator.starts import Starts
from simulator.trace import Trace
from simulator.track import Track

__all__ = ["Lap", "Trial", "object_avoidance", "time_trial"]


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
    crash_count: int = 0
    optimum: Optimum | None = None
    """The fastest possible lap, where the track carries one for this car."""

    @property
    def completed_laps(self) -> int:
        return len(self.laps)

    @property
    def best_lap_ms(self) -> int | None:
        return min((lap.lap_time_ms for lap in self.laps), default=None)

    @property
    def percent_of_the_possible(self) -> float | None:
        """Return how close the best lap came to the fastest possible one, in percent."""
        if self.optimum is None or self.best_lap_ms is None:
            return None
        return round(percent_of_the_possible(self.best_lap_ms, self.optimum), 2)

    @property
    def suspicious_laps(self) -> tuple[int, ...]:
        """Return the numbers of laps that were faster than physics allows."""
        if self.optimum is None:
            return ()
        return tuple(lap.number for lap in self.laps if too_fast(lap.lap_time_ms, self.optimum))

    def as_json(self) -> dict[str, object]:
        """Return all but the trace."""
        return {
            "lap_times_ms": [lap.lap_time_ms for lap in self.laps],
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


def time_trial(
    policy: Policy,
    track: Track,
    *,
    laps: int = 3,
    rules: Rules | None = None,
    seed: int = 0,
    spec: CarSpec = CLASSIC,
) -> Trial:
    """Let a policy drive `laps` laps from a standing start; without `rules` those of a time trial hold.

    Every drive ends: `rules.max_steps` bounds the time of a car that only crawls.
    """
    return _raced(policy, track, (), _rules_for(laps, rules or Rules.time_trial(laps)), seed, spec)


def object_avoidance(
    policy: Policy,
    track: Track,
    obstacles: Sequence[Obstacle],
    *,
    laps: int = 3,
    rules: Rules | None = None,
    seed: int = 0,
    spec: CarSpec = CLASSIC,
) -> Trial:
    """Let a policy drive `laps` laps around obstacles; a crash costs a reset and `collision_penalty_s`.

    A policy that was trained without obstacles may take part, but does not see them. Raises `ObstacleError`.
    """
    rules = _rules_for(laps, rules or Rules.object_avoidance(laps))
    return _raced(policy, track, obstacles, rules, seed, spec)


def _rules_for(laps: int, rules: Rules) -> Rules:
    if rules.laps != laps:
        raise ValueError(f"expected rules for {laps} laps, got rules for {rules.laps}")
    return rules


def _raced(
    policy: Policy, track: Track, obstacles: Sequence[Obstacle], rules: Rules, seed: int, spec: CarSpec
) -> Trial:
    env = TrackVectorEnv(
        track,
        1,
        actions=policy.actions,
        spec=spec,
        rules=rules,
        starts=Starts.LINE,
        sensors="vector" if policy.columns == OBSERVATION_COLUMNS else "object_vector",
        obstacles=obstacles,
    )
    observation, _ = env.reset(seed=seed)
    rows: list[NDArray[np.float64]] = []
    while not env.outcomes:
        observation, *_ = env.step(policy.act(observation))
        rows.append(env.trace_rows())
    versions = {"car": CAR_VERSION, "spec": spec.name, "rules": RULES_VERSION, "track": track.version}
    trial = _trial(env.outcomes[0], Trace(np.concatenate(rows)), versions)
    return replace(trial, optimum=tracks.optimum_of(track, spec))


def _trial(outcome: Outcome, trace: Trace, versions: dict[str, str]) -> Trial:
    finished = outcome.status is Status.LAP_COMPLETE
    driven_ms = round((outcome.steps - FIRST_CALL_STEPS) * STEP_S * 1000)
    return Trial(
        laps=outcome.laps,
        total_time_ms=sum(lap.lap_time_ms for lap in outcome.laps) if finished else driven_ms,
        off_track_count=outcome.off_track_count,
        reset_count=outcome.reset_count,
        crash_count=outcome.crash_count,
        finished=finished,
        ended_by="finished" if finished else outcome.status.name.lower(),
        trace=trace,
        versions=versions,
    )
