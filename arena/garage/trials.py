"""What comes out of a race: a trial of each car, and the heat of those that shared the road."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from simulator.course import Direction, RaceType
from simulator.laps import Lap
from simulator.optimum import Optimum, percent_of_the_possible, too_fast
from simulator.trace import Trace


@dataclass(frozen=True, slots=True)
class Trial:
    """One evaluated drive. Times are integer milliseconds of simulated time, penalties included.

    `ended_by` is "finished", or what ended the drive before its last lap: "time_up", "off_track", "crashed",
    "immobilized", "reversed"; of agents also "time_bank_empty", and "fault" where others race on.
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
class Heat:
    """A race of cars that share the road."""

    trials: tuple[Trial, ...]
    """In the order of the grid."""

    @property
    def order(self) -> tuple[int, ...]:
        """Return the cars as they came in, the winner first: by laps completed, then by their time."""
        return tuple(sorted(range(len(self.trials)), key=lambda car: (-self._laps(car), self._laps_ms(car))))

    @property
    def gaps_ms(self) -> tuple[int | None, ...]:
        """Return how far each car came in behind the winner; None where it completed fewer laps."""
        winner = self.order[0]
        cars = range(len(self.trials))
        return tuple(
            self._laps_ms(car) - self._laps_ms(winner) if self._laps(car) == self._laps(winner) else None
            for car in cars
        )

    def _laps(self, car: int) -> int:
        return self.trials[car].completed_laps

    def _laps_ms(self, car: int) -> int:
        return sum(lap.lap_time_ms for lap in self.trials[car].laps)
