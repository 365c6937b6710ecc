"""Where a lap lost its time: the lap in sectors, each against the same piece of the optimum.

Sectors are equal shares of the centre line; both cars are timed by their noses, as laps are. The sector times
of a lap add up to its time to the millisecond, penalties included. The optimum is a flying lap: what a lap
from a standing start loses is not told, its sectors only show times and speeds.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.car import SPECS
from simulator.optimum import Optimum
from simulator.trace import Trace
from simulator.track import Track

FloatArray = NDArray[np.float64]

SECTOR_M = 6.0
"""A track has as many sectors as this length suggests, within the limits below."""
FEWEST, MOST = 3, 8
PIECES = 4
"""Samples of the optimum between two of its lines: between them its speed counts as linear in time."""
PLACES = 25
"""Where in a sector two lines are compared."""


class SectorError(ValueError):
    """A lap that cannot be split; the message says why."""


@dataclass(frozen=True, slots=True)
class Sector:
    """One sector of one lap beside the optimum's; metres are along the centre line from the start line."""

    number: int
    from_m: float
    to_m: float
    time_ms: int
    optimum_ms: int
    lowest_speed_mps: float
    optimum_lowest_speed_mps: float
    off_line_m: float
    """Mean distance between the two noses' paths, across the road."""


@dataclass(frozen=True, slots=True)
class LapSectors:
    """A lap in sectors."""

    number: int
    lap_time_ms: int
    is_standing_start: bool
    """The lap began at rest, so that its times cannot be measured by the (flying) optimum."""
    sectors: tuple[Sector, ...]

    @property
    def lost_ms(self) -> tuple[int, ...] | None:
        """Return what each sector took more than the optimum, or None after a standing start."""
        if self.is_standing_start:
            return None
        return tuple(sector.time_ms - sector.optimum_ms for sector in self.sectors)

    def as_json(self) -> dict[str, object]:
        """Return all of it, with the losses per sector."""
        lost = self.lost_ms or [None] * len(self.sectors)
        return {
            "number": self.number,
            "lap_time_ms": self.lap_time_ms,
            "is_standing_start": self.is_standing_start,
            "sectors": [
                asdict(sector) | {"lost_ms": ms} for sector, ms in zip(self.sectors, lost, strict=True)
            ],
        }


@dataclass(frozen=True, slots=True)
class _Drive:
    """A drive [m] as the clock sees it: time, way of the nose past the start line, speed, offset."""

    time_s: FloatArray
    way_m: FloatArray
    speed_mps: FloatArray
    offset_m: FloatArray

    def time_at(self, way_m: FloatArray) -> FloatArray:
        """Return when places were first reached."""
        return np.asarray(np.interp(way_m, np.maximum.accumulate(self.way_m), self.time_s))

    def lowest_speed(self, from_s: float, to_s: float) -> float:
        """Return the lowest speed between two times."""
        inside = self.speed_mps[(self.time_s > from_s) & (self.time_s < to_s)]
        ends = np.interp([from_s, to_s], self.time_s, self.speed_mps)
        return float(np.concatenate([inside, ends]).min())

    def offset_at(self, way_m: FloatArray) -> FloatArray:
        """Return the offset from the centre line where places were first reached."""
        return np.asarray(np.interp(self.time_at(way_m), self.time_s, self.offset_m))


def sector_count(track: Track) -> int:
    """Return how many sectors a track has: 3 to 8, by its length."""
    return min(MOST, max(FEWEST, round(track.length_m / SECTOR_M)))


def split(
    trace: Trace, track: Track, optimum: Optimum, *, number: int, lap_time_ms: int, count: int | None = None
) -> LapSectors:
    """Split lap `number` of a drive on `track`, which must be turned into the direction of that lap.

    Raises `SectorError` if the drive holds no such completed lap or the optimum is another track's.
    """
    if optimum.versions.get("track") != track.version:
        raise SectorError(
            f"expected the optimum of {track.name!r} in this direction (version {track.version}), "
            f"got that of version {optimum.versions.get('track')}"
        )
    lap, is_standing = _lap_of(trace, track, number)
    count = sector_count(track) if count is None else count
    bounds = np.linspace(0.0, track.length_m, count + 1)
    times = lap.time_at(bounds)
    if is_standing:
        times[0] = lap.time_s[0]  # on a grid the clock runs before the line is reached
    reached_ms = np.rint(1000.0 * (times - times[0])).astype(np.int64)
    # The timekeeper has rounded the two crossings of the line, not their difference.
    reached_ms[-1] = lap_time_ms
    best, later = _flown(optimum, track), bounds + track.length_m
    best_times = best.time_at(later)
    best_ms = np.rint(1000.0 * (best_times - best_times[0])).astype(np.int64)
    sectors = tuple(
        Sector(
            number=index + 1,
            from_m=round(float(bounds[index]), 3),
            to_m=round(float(bounds[index + 1]), 3),
            time_ms=int(reached_ms[index + 1] - reached_ms[index]),
            optimum_ms=int(best_ms[index + 1] - best_ms[index]),
            lowest_speed_mps=round(lap.lowest_speed(times[index], times[index + 1]), 3),
            optimum_lowest_speed_mps=round(best.lowest_speed(best_times[index], best_times[index + 1]), 3),
            off_line_m=round(_apart(lap, best, bounds[index : index + 2], track.length_m), 3),
        )
        for index in range(count)
    )
    return LapSectors(number, lap_time_ms, is_standing, sectors)


def _apart(lap: _Drive, best: _Drive, bounds: FloatArray, length_m: float) -> float:
    """Return the mean distance across the road between a lap and the second lap of `best`."""
    way = np.linspace(bounds[0], bounds[1], PLACES)
    return float(np.abs(lap.offset_at(way) - best.offset_at(way + length_m)).mean())


def _lap_of(trace: Trace, track: Track, number: int) -> tuple[_Drive, bool]:
    """Return a lap of a drive and whether it began at rest; a flying one begins just before the line."""
    rows = np.flatnonzero(trace["lap"] == number)
    if not len(rows):
        laps = sorted({int(lap) for lap in trace["lap"]})
        raise SectorError(f"expected the number of a lap in this drive, one of {laps}, got {number}")
    first, last = int(rows[0]), int(rows[-1])
    is_standing = first == 0 or bool(trace["speed_mps"][first] == 0.0)
    # A lap is counted one row after the car has passed the line: two rows earlier it is still before it.
    part = slice(first if is_standing else max(0, first - 2), last + 1)
    points = np.column_stack([trace["x_m"][part], trace["y_m"][part]])
    drive = _driven(trace["t_s"][part], points, trace["speed_mps"][part], track)
    if drive.way_m.max() < track.length_m - 0.01:
        raise SectorError(
            f"expected a completed lap on {track.name!r}, lap {number} ends after {drive.way_m.max():.2f} m "
            f"of {track.length_m:.2f} m"
        )
    return drive, is_standing


def _flown(optimum: Optimum, track: Track) -> _Drive:
    """Return two laps of the optimum: a piece of one lap, wherever it begins, lies in the second."""
    share = np.arange(PIECES) / PIECES
    speed, speed_after = optimum.speed_mps, np.roll(optimum.speed_mps, -1)
    lasts = 2.0 * optimum.length_m / (speed + speed_after)
    way = (speed[:, None] * share + 0.5 * (speed_after - speed)[:, None] * share**2) * lasts[:, None]
    along = (way / optimum.length_m[:, None])[..., None]
    rear = optimum.line[:, None] + along * (np.roll(optimum.line, -1, axis=0) - optimum.line)[:, None]
    ahead = np.column_stack([np.cos(optimum.heading_rad), np.sin(optimum.heading_rad)])
    nose = rear + _rear_to_nose_m(optimum) * (
        (1.0 - along) * ahead[:, None] + along * np.roll(ahead, -1, axis=0)[:, None]
    )
    times = (optimum.time_s[:-1, None] + lasts[:, None] * share).ravel()
    speeds = (speed[:, None] + (speed_after - speed)[:, None] * share).ravel()
    lap_s = float(optimum.time_s[-1])
    return _driven(
        np.concatenate([times, times + lap_s, [2.0 * lap_s]]),
        np.vstack([nose.reshape(-1, 2)] * 2 + [nose[0, :1]]),
        np.append(np.tile(speeds, 2), speeds[0]),
        track,
    )


def _rear_to_nose_m(optimum: Optimum) -> float:
    """Return how far the nose is ahead of the rear axle, whose line the optimum is."""
    spec = SPECS.get(optimum.versions.get("spec", ""))
    if spec is None:
        raise SectorError(
            f"expected an optimum of one of the cars {sorted(SPECS)}, got {optimum.versions.get('spec')!r}"
        )
    return spec.rear_to_nose_m


def _driven(time_s: FloatArray, nose: FloatArray, speed_mps: FloatArray, track: Track) -> _Drive:
    """Return a drive from its noses [m, 2]; the first lies less than half a lap from the start line."""
    place = track.project(nose)
    steps = np.diff(place.s_m, prepend=0.0)
    steps -= np.rint(steps / track.length_m) * track.length_m
    return _Drive(time_s, np.cumsum(steps), speed_mps, place.offset_m)
