"""Bots: cars that drive along the middle of a lane and change lanes now and then, as DeepRacer's do.

Every racing car has bots of its own. Where they are is a function of the car's seed, the number of its
episode and the steps since its start alone, so a batch of n cars and n batches of one live the same lives,
and everybody who drives a race meets the same traffic. They keep their speed along the centre line, so the
way between them stays as it was at the start and there is always room to pass. They yield to nobody: whoever
is behind is at fault (`encounters`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.car import STEP_S
from simulator.draws import uniforms
from simulator.objects import Objects
from simulator.road import IntArray, Road
from simulator.sensors import boxes
from simulator.starts import SeedArray, mixed

FloatArray = NDArray[np.float64]

MAX_BOTS = 10
MIN_SPEED_MPS, MAX_SPEED_MPS = 0.05, 4.0
AHEAD_M = 2.0
"""No bot is nearer to a start than this, in front of it."""
BEHIND_M = 1.0
CHANGE_M = 1.0
"""The way that a change of lanes takes (DeepRacer's)."""
EVERY_S, VARIES_S = 4.0, 0.5
"""From the end of one change to the begin of the next: 3 to 5 s (DeepRacer's)."""
SPACING_M = 0.05
SALT = np.uint64(0x626F7473)
"""Keeps these draws apart from others that share the seeds."""


class BotError(ValueError):
    """Bots that there cannot be, with what to change."""


@dataclass(frozen=True, slots=True)
class Bots:
    """Which bots are on the track; the defaults are DeepRacer's."""

    count: int = 3
    speed_mps: float = 0.2
    lane_change: bool = False
    min_distance_m: float = 2.0

    def __post_init__(self) -> None:
        """Refuse what cannot drive."""
        if isinstance(self.count, bool) or not isinstance(self.count, int):
            raise BotError(f"expected a whole number of bots, got {self.count!r}")
        if not 1 <= self.count <= MAX_BOTS:
            raise BotError(f"expected 1 to {MAX_BOTS} bots, got {self.count}")
        if not MIN_SPEED_MPS <= self.speed_mps <= MAX_SPEED_MPS:
            raise BotError(
                f"expected bots at {MIN_SPEED_MPS} to {MAX_SPEED_MPS} m/s, got {self.speed_mps}; what stands "
                "is an obstacle of the kind parked_car"
            )
        if not boxes.CAR[0] <= self.min_distance_m <= 100.0:
            raise BotError(
                f"expected bots {boxes.CAR[0]} m (a car's length) or more apart, got {self.min_distance_m} m"
            )

    def slack_m(self, length_m: float) -> float:
        """Return how much of a lap of `length_m` is free to spread them. Raises `BotError` if nothing is."""
        slack = length_m - AHEAD_M - BEHIND_M - (self.count - 1) * self.min_distance_m
        if slack <= 0.0:
            raise BotError(
                f"{self.count} bots {self.min_distance_m} m apart do not fit on a track of {length_m:.1f} m, "
                f"{AHEAD_M + BEHIND_M} m of it kept free around the start. Ask for fewer or less distance."
            )
        return slack


class BotCars:
    """The bots of n cars."""

    def __init__(self, bots: Bots, road: Road, cars: int) -> None:
        """Draw the middles of the lanes."""
        self.bots, self._road, self._track = bots, road, road.track
        self._slack = bots.slack_m(road.length_m)
        self._table_s = np.linspace(0.0, road.length_m, int(road.length_m / SPACING_M) + 2)
        centre = self._track.at(self._table_s)
        inner, outer = self._track.border_at(self._table_s)
        self._inner, self._outer = 0.5 * (centre + inner), 0.5 * (centre + outer)
        self._begin_s = np.zeros((cars, bots.count))
        self._lane = np.ones((cars, bots.count))
        self._keys = np.zeros((cars, bots.count), dtype=np.uint64)
        self.seed(np.arange(cars, dtype=np.uint64))

    def seed(self, seeds: SeedArray) -> None:
        """Take one seed per car [n]; its first episode is next."""
        self._seeds = mixed(seeds ^ SALT)
        self._episode: SeedArray = np.zeros(len(seeds), dtype=np.uint64)

    def begin(self, cars: IntArray, line_s: FloatArray) -> None:
        """Spread the bots for the next episode of some cars [m], which start at `line_s` [m] (m)."""
        count = self.bots.count
        keys = self._seeds[cars] ^ mixed(self._episode[cars])
        drawn = uniforms(keys, 2 * count)
        spots = np.sort(drawn[:, :count], axis=1) * self._slack + np.arange(count) * self.bots.min_distance_m
        self._begin_s[cars] = line_s[:, None] + AHEAD_M + spots
        self._lane[cars] = np.where(drawn[:, count:] < 0.5, 1.0, -1.0)
        with np.errstate(over="ignore"):
            self._keys[cars] = mixed(keys)[:, None] + SALT * np.arange(1, count + 1, dtype=np.uint64)
        self._episode[cars] += np.uint64(1)

    def around(self, cars: IntArray, elapsed: IntArray, base_s: FloatArray) -> Objects:
        """Return the bots [m, count] around cars [m], that many steps [m] after their starts.

        `base_s` [m] is where along the track the cars are themselves.
        """
        time_s = np.repeat(elapsed[:, None] * STEP_S, self.bots.count, axis=1)
        s = self._begin_s[cars] + self.bots.speed_mps * time_s
        s -= np.floor(s / self._track.length_m) * self._track.length_m
        lane, drift = self._lanes(cars, time_s)
        x, y, across_x, across_y = self._points(s, lane)
        heading = self._track.heading_at(s.ravel())
        segment = self._track.segment_at(s.ravel())
        place = self._road.locate(x, y, segment)
        if self.bots.lane_change:
            stretch = 1.0 - self._track.curvature_at(s.ravel()) * place.offset_m
            side_x, side_y = 0.5 * drift.ravel() * across_x, 0.5 * drift.ravel() * across_y
            along = np.maximum(stretch, 0.2)
            heading = np.arctan2(np.sin(heading) * along + side_y, np.cos(heading) * along + side_x)
        return self._objects((x, y, heading, place.s_m, place.offset_m), base_s)

    def _lanes(self, cars: IntArray, time_s: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return where between the lanes the bots [m, count] are, from -1 (outer) to 1, and its change per m.

        Change number j (from 1) ends at j * period, VARIES_S sooner or later: so which one is next follows
        from the time alone.
        """
        lane = self._lane[cars]
        if not self.bots.lane_change:
            return lane, np.zeros_like(lane)
        takes_s = CHANGE_M / self.bots.speed_mps
        period_s = EVERY_S + takes_s
        number = np.floor((time_s + takes_s + VARIES_S) / period_s)
        with np.errstate(over="ignore"):
            keys = self._keys[cars] + mixed(number.astype(np.uint64))
        ends = number * period_s + (2.0 * uniforms(keys.ravel(), 1).reshape(lane.shape) - 1.0) * VARIES_S
        share = np.minimum(np.maximum((time_s - ends) / takes_s + 1.0, 0.0), 1.0) * (number >= 1.0)
        before = lane * (1.0 - 2.0 * (np.maximum(number - 1.0, 0.0) % 2.0))
        now = before * (1.0 - 2.0 * share * share * (3.0 - 2.0 * share))
        return now, before * (-12.0 / CHANGE_M) * share * (1.0 - share)

    def _points(
        self, s: FloatArray, lane: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return the points x, y of places [m, count], and the way from the outer lane to the inner one."""
        flat, share = s.ravel(), 0.5 + 0.5 * lane.ravel()
        outer_x, outer_y = (np.interp(flat, self._table_s, column) for column in self._outer.T)
        inner_x, inner_y = (np.interp(flat, self._table_s, column) for column in self._inner.T)
        across_x, across_y = inner_x - outer_x, inner_y - outer_y
        return outer_x + share * across_x, outer_y + share * across_y, across_x, across_y

    def _objects(self, columns: tuple[FloatArray, ...], base_s: FloatArray) -> Objects:
        shape = (len(base_s), self.bots.count)
        x, y, heading, s_m, offset = (column.reshape(shape) for column in columns)
        way = s_m - base_s[:, None]
        way -= np.rint(way / self._track.length_m) * self._track.length_m
        return Objects(
            self._track,
            x,
            y,
            heading,
            s_m,
            offset,
            reported_heading_rad=heading,
            speed_mps=np.full(shape, self.bots.speed_mps),
            size_m=np.tile(np.array(boxes.CAR), (shape[1], 1)),
            moves=np.ones(shape[1], dtype=np.bool_),
            behind=way < 0.0,
        )
