"""Where episodes begin: spread evenly over the lap for training, on the start line for a race, or, as
DeepRacer trains, on a start line that moves on by 5 % of the lap from episode to episode.

A start depends on the car's own seed and the number of its episode only, never on the size of the batch, so
that a batch of n cars and n batches of one car live the same lives. Positions follow the golden ratio over
consecutive seeds (evenly spread for any number of cars) and irrational steps from episode to episode.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from simulator.car import CarSpec, standing_state
from simulator.road import IntArray
from simulator.track import Track

FloatArray = NDArray[np.float64]
SeedArray = NDArray[np.uint64]

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""2^64 divided by the golden ratio."""
EPISODE_STEP = np.array([[0.41421356237309515], [0.7320508075688772], [0.2360679774997898]])
"""Fractional parts of the roots of 2, 3 and 5: position, offset and heading never repeat together."""
OFFSET_SHARE = 0.15
"""Largest offset of a start from the centre line, as a share of the track's width."""
HEADING_RAD = 0.1
GRID_STAGGER_M = 0.75
"""Between two cars on the grid, along the track (DeepRacer's)."""
ROUND_ROBIN_TURNS = 20
"""Episodes in which the start line comes round once (DeepRacer's ROUND_ROBIN_ADVANCE_DIST is 5 % of the lap).
"""


Clearance = Callable[[FloatArray], FloatArray]
"""Places [m] (arc length, m) -> places [m] where a car may start."""

StartStates = tuple[FloatArray, FloatArray, IntArray]
"""States [6, m], start lines s [m] (m) and segments [m]."""


class Starts(StrEnum):
    """How episodes begin."""

    SPREAD = "spread"
    LINE = "line"
    ROUND_ROBIN = "round_robin"


def seeds_of(seed: int | Sequence[int] | None, cars: int, rng: np.random.Generator) -> SeedArray:
    """Return one seed per car [cars]: those given, or from `seed` (or one drawn from `rng`) onwards."""
    if isinstance(seed, Sequence):
        if len(seed) != cars:
            raise ValueError(f"expected one seed per car ({cars}), got {len(seed)}")
        return np.asarray(seed, dtype=np.uint64)
    first = int(rng.integers(2**31)) if seed is None else int(seed)
    return np.uint64(first) + np.arange(cars, dtype=np.uint64)


def seed_phases(seeds: SeedArray) -> FloatArray:
    """Return three numbers in [0, 1) per seed [3, n]; the first is spread evenly over consecutive seeds."""
    with np.errstate(over="ignore"):
        phases = [seeds * GOLDEN]
        for salt in (np.uint64(1), np.uint64(2)):
            phases.append(mixed(seeds * np.uint64(3) + salt))
    return np.stack(phases) / 2.0**64


def mixed(values: SeedArray) -> SeedArray:
    """Scramble integers with the finaliser of splitmix64 (public domain, S. Vigna)."""
    values = (values + GOLDEN) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(values ^ (values >> np.uint64(31)))


class StartList:
    """The next starts of n cars, drawn `AHEAD` episodes at a time: drawing one or many costs the same."""

    AHEAD = 128

    def __init__(
        self,
        track: Track,
        car: CarSpec,
        seeds: SeedArray,
        clear: Clearance | None = None,
        starts: Starts = Starts.SPREAD,
    ) -> None:
        """Take one seed per car [n]; `clear` moves places where no start may be."""
        self._track, self._car, self._clear = track, car, clear
        self._seeds, self._phases = seeds, seed_phases(seeds)
        self._in_turn = starts is Starts.ROUND_ROBIN
        n = len(seeds)
        self._episode: IntArray = np.zeros(n, dtype=np.int64)
        # One car's next starts after the other's.
        self._state = np.zeros((6, n * self.AHEAD))
        self._line_s = np.zeros(n * self.AHEAD)
        self._segment: IntArray = np.zeros(n * self.AHEAD, dtype=np.int64)

    def draw(self, cars: IntArray) -> tuple[FloatArray, FloatArray, IntArray]:
        """Return the next states [6, m], start lines s [m] (m) and segments [m] of some cars."""
        place = self._episode[cars] % self.AHEAD
        used_up = cars[place == 0]
        if len(used_up):
            self._draw_ahead(used_up)
        self._episode[cars] += 1
        place += cars * self.AHEAD
        return self._state.take(place, axis=1), self._line_s.take(place), self._segment.take(place)

    def _draw_ahead(self, cars: IntArray) -> None:
        episodes = self._episode[cars, None] + np.arange(self.AHEAD)
        if self._in_turn:
            turns = ((self._seeds[cars, None] + episodes.astype(np.uint64)) % ROUND_ROBIN_TURNS).ravel()
            drawn = round_robin_starts(self._track, self._car, turns.astype(np.int64), self._clear)
        else:
            phases = np.repeat(self._phases[:, cars], self.AHEAD, axis=1)
            drawn = spread_starts(self._track, self._car, phases, episodes.ravel(), self._clear)
        state, line_s, segment = drawn
        self._state.reshape(6, -1, self.AHEAD)[:, cars] = state.reshape(6, len(cars), self.AHEAD)
        self._line_s.reshape(-1, self.AHEAD)[cars] = line_s.reshape(len(cars), self.AHEAD)
        self._segment.reshape(-1, self.AHEAD)[cars] = segment.reshape(len(cars), self.AHEAD)


def spread_starts(
    track: Track, car: CarSpec, phases: FloatArray, episodes: IntArray, clear: Clearance | None = None
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Return states [6, m], start lines s [m] (m) and segments [m] for phases [3, m] and episodes [m]."""
    share = phases + episodes * EPISODE_STEP
    share -= np.floor(share)
    line_s = share[0] * track.length_m
    line_s = clear(line_s) if clear else line_s
    jitter = 2.0 * share[1:] - 1.0
    segment = track.segment_at(line_s)
    narrow = np.hypot(*(track.outer[segment] - track.inner[segment]).T)
    base = track.at(line_s, jitter[0] * OFFSET_SHARE * narrow)
    heading = track.heading_at(line_s) + HEADING_RAD * jitter[1]
    return standing_state(base[:, 0], base[:, 1], heading, car), line_s, segment


def round_robin_starts(
    track: Track, car: CarSpec, turns: IntArray, clear: Clearance | None = None
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Return the same three for cars on the centre line, the base `turns` [m] twentieths into the lap."""
    line_s = turns.astype(np.float64) * (track.length_m / ROUND_ROBIN_TURNS)
    line_s = clear(line_s) if clear else line_s
    base = track.at(line_s)
    segment = track.segment_at(line_s)
    state = standing_state(base[:, 0], base[:, 1], track.heading_at(line_s), car)
    return state, line_s, segment


def line_starts(track: Track, car: CarSpec, cars: int) -> tuple[FloatArray, FloatArray, IntArray]:
    """Return the same three for cars that stand with their base on the start line, on the centre line."""
    line_s = np.zeros(cars)
    base = track.at(line_s)
    state = standing_state(base[:, 0], base[:, 1], track.heading_at(line_s), car)
    return state, line_s, np.zeros(cars, dtype=np.int64)


def grid_starts(track: Track, car: CarSpec, places: IntArray) -> StartStates:
    """Return the same three for cars on the places [m] of a grid behind the line, counted from 0.

    Even places are on the outer lane, odd ones on the inner lane, each `GRID_STAGGER_M` behind the last.
    """
    s = (-GRID_STAGGER_M * places) % track.length_m
    inner, outer = track.border_at(s)
    base = 0.5 * (track.at(s) + np.where((places % 2 == 1)[:, None], inner, outer))
    state = standing_state(base[:, 0], base[:, 1], track.heading_at(s), car)
    segment = track.segment_at(s)
    return state, np.zeros(len(places)), segment


def lane_state(track: Track, car: CarSpec, s_m: float, left: bool) -> FloatArray:
    """Return the state [6] of a car that stands with its nose at `s_m` on the middle of a lane.

    Lanes are halfway between the centre line and a border. The real thing puts the base there, so that a
    reset gains 0.14 m; here nothing is gained.
    """
    inner, outer = track.border_at(s_m)
    point = 0.5 * (track.at(s_m) + (inner if left == track.is_ccw else outer))
    heading = track.heading_at(s_m)
    base = point - car.base_to_nose_m * np.column_stack([np.cos(heading), np.sin(heading)])
    return standing_state(base[:, 0], base[:, 1], heading, car)[:, 0]
