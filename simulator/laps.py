"""The timekeeper's book: laps, off-tracks, crashes, resets and penalties of each car's present drive.

Times are integer milliseconds of simulated time. A crossing of the line is rounded once, and a lap is the
difference of two crossings, so that the laps of a drive add up to its total exactly.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from simulator.rules import Status


class Direction(StrEnum):
    """The way round a track, as against its stored one."""

    FORWARD = "forward"
    REVERSED = "reversed"
    ALTERNATE = "alternate"
    """Half of the cars of a training each way; in a race lap by lap, forward first."""


class Lap(NamedTuple):
    """One completed lap; `lap_time_ms` includes its penalties.

    `direction` is told by races: the physics loop knows no other way round than its track's.
    """

    number: int
    lap_time_ms: int
    off_track_count: int
    reset_count: int
    penalty_ms: int
    crash_count: int = 0
    direction: Direction = Direction.FORWARD


class Outcome(NamedTuple):
    """How a drive ended; the counts include those of a last, uncompleted lap."""

    status: Status
    steps: int
    progress: float
    laps: tuple[Lap, ...]
    off_track_count: int
    reset_count: int
    penalty_ms: int
    crash_count: int = 0

    @property
    def lap_time_ms(self) -> int | None:
        """Return the time of the last completed lap, or None without one."""
        return self.laps[-1].lap_time_ms if self.laps else None


class LapBook:
    """Keeps the laps of n cars."""

    def __init__(self, cars: int) -> None:
        """Open the book with no lap in it."""
        # Lists, not arrays: they are read and written one car at a time.
        self.laps: list[list[Lap]] = [[] for _ in range(cars)]
        self.lap_start_ms = [0] * cars
        self.off_track_count = [0] * cars
        self.reset_count = [0] * cars
        self.penalty_ms = [0] * cars
        self.crash_count = [0] * cars

    def clear(self, car: int) -> None:
        """Forget a car's drive: the next one begins."""
        self.laps[car] = []
        self.lap_start_ms[car] = 0
        self._clear_lap(car)

    def crossed(self, car: int, at_ms: int) -> Lap:
        """Note that a car completed a lap at `at_ms` of its drive; return the lap."""
        lap = Lap(
            number=len(self.laps[car]) + 1,
            lap_time_ms=at_ms - self.lap_start_ms[car],
            off_track_count=self.off_track_count[car],
            reset_count=self.reset_count[car],
            penalty_ms=self.penalty_ms[car],
            crash_count=self.crash_count[car],
        )
        self.laps[car].append(lap)
        self.lap_start_ms[car] = at_ms
        self._clear_lap(car)
        return lap

    def put_back(self, car: int, status: Status, penalty_ms: int) -> None:
        """Note that a car was put back on the track because of `status`."""
        self.reset_count[car] += 1
        self.penalty_ms[car] += penalty_ms
        self._count(car, status)

    def resets(self, car: int) -> int:
        """Return how often a car has been put back in its drive."""
        return self.reset_count[car] + sum(lap.reset_count for lap in self.laps[car])

    def close(self, car: int, status: Status, steps: int, progress: float) -> Outcome:
        """Return how a car's drive ended."""
        self._count(car, status)
        laps = tuple(self.laps[car])
        off_tracks, resets = self.off_track_count[car], self.reset_count[car]
        penalty_ms, crashes = self.penalty_ms[car], self.crash_count[car]
        for lap in laps:
            off_tracks += lap.off_track_count
            resets += lap.reset_count
            penalty_ms += lap.penalty_ms
            crashes += lap.crash_count
        return Outcome(status, steps, progress, laps, off_tracks, resets, penalty_ms, crashes)

    def _count(self, car: int, status: Status) -> None:
        if status is Status.OFF_TRACK:
            self.off_track_count[car] += 1
        elif status is Status.CRASHED:
            self.crash_count[car] += 1

    def _clear_lap(self, car: int) -> None:
        self.off_track_count[car] = self.reset_count[car] = self.penalty_ms[car] = 0
        self.crash_count[car] = 0
