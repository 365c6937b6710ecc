"""New circuits from a seed: closed, with borders that never meet, and drivable, because somebody has driven.

Corners are points strewn over a field, joined by a tour that two-opt moves have freed of crossings. Each is
rounded by an arc, and all is smoothed a little, as a road is. A candidate that breaks a measure of its
difficulty is dropped, and so is one that the reference driver does not lap cleanly from a standing start in
both directions; then the next one is drawn.

Equal seed, difficulty and `GENERATOR_VERSION` give equal bytes: only `rng.random()` is drawn, and coordinates
are rounded to a tenth of a millimetre, which hides the last bits that machines differ in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.car import CLASSIC
from simulator.driver import FULL_RANGE, ReferenceDriver
from simulator.laps import Outcome
from simulator.planning import planned_lap
from simulator.rules import Rules, Status
from simulator.starts import Starts
from simulator.track import Track, TrackError, signed_area

FloatArray = NDArray[np.float64]

GENERATOR_VERSION = 1
LAPS = 2
"""Driven each way by the reference driver: one from a standing start, one flying."""
MAX_STEPS = 3000
MAX_CANDIDATES = 2000
WAYPOINT_SPACING_M = 0.18
FINE_M = 0.04
SMOOTHING_M = 0.12
"""Standard deviation of the smoothing: a bend begins over about four times that."""
SPARE_RADIUS = 1.06
"""An arc's radius over the least one: sampling and rounding make bends a little sharper."""
ROUNDING_SHORTENS = 1.08
"""The length of the corners' polygon over that of the road, about."""
VERGE_M = 0.2
"""Between two parts of the road, at least."""
CORNER_PM, CORNER_RAD = 0.25, 0.25
"""A corner bends by so much per metre everywhere, and by so much in all."""
DECIMALS = 4


@dataclass(frozen=True, slots=True)
class Measures:
    """What a difficulty means; pairs are the least and the most."""

    length_m: tuple[float, float]
    width_m: float
    min_radius_m: float
    """Of the centre line."""
    corners: tuple[int, int]
    max_radius_m: float


DIFFICULTIES = {
    1: Measures((17.0, 24.0), 1.05, 1.15, (4, 5), 2.5),
    2: Measures((24.0, 33.0), 0.98, 0.85, (5, 8), 2.2),
    3: Measures((33.0, 45.0), 0.90, 0.68, (8, 11), 1.9),
    4: Measures((45.0, 60.0), 0.83, 0.58, (11, 15), 1.6),
    5: Measures((60.0, 85.0), 0.77, 0.50, (15, 22), 1.4),
}
"""The scale of the shipped circuits, and about their measures. The 126 real ones are 16.6 to 89 m long and
0.61 to 1.98 m wide, with tightest bends of 0.46 to 0.85 m (tenth to ninetieth percentile)."""


class GeneratorError(ValueError):
    """Nothing can be generated from these values; the message says why."""


@dataclass(frozen=True, slots=True)
class Generated:
    """A new circuit and how the reference driver fared on it with the `classic` car."""

    track: Track
    seed: int
    difficulty: int
    candidate: int
    """How many were dropped before it."""
    corners: int
    min_radius_m: float
    """Of the centre line."""
    lap_ms: int
    """The reference driver's flying lap."""
    reversed_lap_ms: int

    @property
    def width_m(self) -> float:
        """Return the width of the road, the same everywhere."""
        return DIFFICULTIES[self.difficulty].width_m

    def as_json(self) -> dict[str, object]:
        """Return what there is to know of it."""
        return {
            "track": self.track.name,
            "seed": self.seed,
            "difficulty": self.difficulty,
            "generator": GENERATOR_VERSION,
            "length_m": round(self.track.length_m, 2),
            "width_m": self.width_m,
            "corners": self.corners,
            "min_radius_m": round(self.min_radius_m, 2),
            "reference_lap_ms": self.lap_ms,
            "reversed_reference_lap_ms": self.reversed_lap_ms,
            "version": self.track.version,
        }


def generate(seed: int, difficulty: int, name: str | None = None) -> Generated:
    """Draw a circuit; difficulty 1 (beginners) to 5. Takes seconds at most; raises `GeneratorError`."""
    if difficulty not in DIFFICULTIES:
        raise GeneratorError(f"expected a difficulty from 1 (beginners) to 5, got {difficulty!r}")
    if seed < 0:
        raise GeneratorError(f"expected a seed of 0 or more, got {seed}")
    name = name or f"generated_{difficulty}_{seed}"
    for candidate in range(MAX_CANDIDATES):
        rng = np.random.default_rng([GENERATOR_VERSION, difficulty, seed, candidate])
        track = _candidate(rng, DIFFICULTIES[difficulty], name)
        laps = _clean_laps(track) if track else None
        if track and laps:
            bend = _bend_of(track)
            return Generated(
                track, seed, difficulty, candidate, _corners(bend), float(1.0 / np.abs(bend).max()), *laps
            )
    raise GeneratorError(
        f"no circuit of difficulty {difficulty} found in {MAX_CANDIDATES} candidates of seed {seed}; "
        "take another seed"
    )


def _clean_laps(track: Track) -> tuple[int, int] | None:
    """Return the reference driver's flying laps (ms) both ways round, or None if it left the road."""
    laps: list[int] = []
    for way in (track, track.reversed()):
        outcome = _driven(way)
        if outcome.status is not Status.LAP_COMPLETE:
            return None
        laps.append(outcome.laps[-1].lap_time_ms)
    return laps[0], laps[1]


def _driven(track: Track) -> Outcome:
    """Let the reference driver drive; leaving the road ends its drive."""
    from simulator.vector import TrackVectorEnv  # with gymnasium: the command line should not wait for it

    rules = Rules(laps=LAPS, max_steps=MAX_STEPS)
    env = TrackVectorEnv(track, actions=FULL_RANGE, rules=rules, starts=Starts.LINE)
    driver = ReferenceDriver(planned_lap(track, CLASSIC))
    env.reset(seed=0)
    while not env.outcomes:
        env.step(driver.actions(env.state))
    return env.outcomes[0]


def _candidate(rng: np.random.Generator, measures: Measures, name: str) -> Track | None:
    """Return a candidate that keeps the measures, or None."""
    corners = _between(rng, measures.corners[0], measures.corners[1] + 1)
    length = _between(rng, *measures.length_m)
    polygon = _tour(_strewn(rng, int(corners)))
    perimeter = float(np.hypot(*(np.roll(polygon, -1, axis=0) - polygon).T).sum())
    line = _rounded(rng, polygon * (ROUNDING_SHORTENS * length / perimeter), measures)
    if line is None:
        return None
    line = _from_the_longest_straight(_smoothed(line))
    length = _length(line)
    if not measures.length_m[0] <= length <= measures.length_m[1]:
        return None
    if np.abs(_curvature(line)).max() > 1.0 / measures.min_radius_m or _is_tight(line, measures.width_m):
        return None
    try:
        return Track.from_rows(_rows(line, measures.width_m), name)
    except TrackError:
        return None


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    return low + (high - low) * float(rng.random())


def _strewn(rng: np.random.Generator, count: int) -> FloatArray:
    """Return points [count, 2] over a field of random proportions and direction, none near another."""
    longer = _between(rng, 1.0, 1.4)
    field = np.array([longer, 1.0 / longer])
    apart = 0.55 / np.sqrt(count)
    points: list[FloatArray] = []
    while len(points) < count:
        point = (rng.random(2) - 0.5) * field
        if all(np.hypot(*(point - other)) > apart for other in points):
            points.append(point)
        apart *= 0.999
    turn = _between(rng, 0.0, 2.0 * np.pi)
    cos, sin = np.cos(turn), np.sin(turn)
    return np.asarray(np.array(points) @ np.array([[cos, sin], [-sin, cos]]))


def _tour(points: FloatArray) -> FloatArray:
    """Return points [n, 2] in the order of a closed tour that no exchange of two edges makes shorter."""
    order = list(range(len(points)))
    distance = np.hypot(*(points[:, None] - points[None, :]).transpose(2, 0, 1)).tolist()
    improved = True
    while improved:
        improved = False
        for i in range(len(order) - 1):
            for j in range(i + 1, len(order)):
                a, b, c, d = order[i - 1], order[i], order[j], order[(j + 1) % len(order)]
                if a == c or b == d:
                    continue
                if distance[a][c] + distance[b][d] < distance[a][b] + distance[c][d] - 1e-12:
                    order[i : j + 1] = order[i : j + 1][::-1]
                    improved = True
    return points[order]


def _rounded(rng: np.random.Generator, polygon: FloatArray, measures: Measures) -> FloatArray | None:
    """Return the closed line [m, 2] with an arc for each corner, or None if one has no room for it."""
    before, after = polygon - np.roll(polygon, 1, axis=0), np.roll(polygon, -1, axis=0) - polygon
    came, goes = before / np.hypot(*before.T)[:, None], after / np.hypot(*after.T)[:, None]
    turn = np.arctan2(came[:, 0] * goes[:, 1] - came[:, 1] * goes[:, 0], (came * goes).sum(axis=1))
    share = np.tan(np.maximum(np.abs(0.5 * turn), 1e-6))
    # An arc takes radius * share of both its edges, at most their halves.
    room = 0.5 * np.minimum(np.hypot(*before.T), np.hypot(*after.T))
    largest = np.minimum(room / share, measures.max_radius_m)
    smallest = SPARE_RADIUS * measures.min_radius_m
    if largest.min() < smallest:
        return None
    radius = smallest * (largest / smallest) ** rng.random(len(polygon))
    begins = polygon - (radius * share)[:, None] * came
    arcs = [_arc(*corner) for corner in zip(begins, came, turn, radius, strict=True)]
    return _evenly(np.vstack(arcs))


def _arc(begin: FloatArray, came: FloatArray, turn: float, radius: float) -> FloatArray:
    """Return points [k, 2] of an arc that begins in the direction `came` [2] and turns by `turn` (rad)."""
    angle = np.linspace(0.0, abs(turn), max(3, round(abs(turn) * radius / FINE_M)))[:, None]
    left = np.array([-came[1], came[0]]) * np.sign(turn)
    return np.asarray(begin + radius * (np.sin(angle) * came + (1.0 - np.cos(angle)) * left))


def _evenly(line: FloatArray) -> FloatArray:
    """Return the closed line [m, 2] (no closing duplicate) in equal steps of about `FINE_M`."""
    closed = np.vstack([line, line[:1]])
    s = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    at = np.linspace(0.0, s[-1], round(s[-1] / FINE_M), endpoint=False)
    return np.column_stack([np.interp(at, s, closed[:, axis]) for axis in (0, 1)])


def _smoothed(line: FloatArray) -> FloatArray:
    """Return the closed line [m, 2] after a Gaussian, so that bends begin gradually."""
    reach = round(4 * SMOOTHING_M / FINE_M)
    shifts = range(-reach, reach + 1)
    weights = np.exp(-0.5 * (np.array(shifts) * FINE_M / SMOOTHING_M) ** 2)
    weights /= weights.sum()
    parts = (weight * np.roll(line, shift, axis=0) for weight, shift in zip(weights, shifts, strict=True))
    return np.asarray(sum(parts, np.zeros_like(line)))


def _curvature(line: FloatArray) -> FloatArray:
    """Return the curvature [m] of a closed, evenly spaced line."""
    step = np.roll(line, -1, axis=0) - line
    before = np.roll(step, 1, axis=0)
    turn = np.arctan2(before[:, 0] * step[:, 1] - before[:, 1] * step[:, 0], (before * step).sum(axis=1))
    return np.asarray(turn / np.hypot(*step.T))


def _bend_of(track: Track) -> FloatArray:
    """Return the curvature [m] along a track's centre line, in steps of about `FINE_M`."""
    return track.curvature_at(np.arange(0.0, track.length_m, FINE_M))


def _corners(bend: FloatArray) -> int:
    """Return how many corners a closed line of curvature [m], in steps of `FINE_M`, has."""
    side = np.where(np.abs(bend) > CORNER_PM, np.sign(bend), 0.0)
    # Begin where a corner begins, so that none is cut in two.
    first = int(np.flatnonzero(side != np.roll(side, 1))[0]) if np.ptp(side) else 0
    side, bend = np.roll(side, -first), np.roll(bend, -first)
    pieces = np.split(bend, np.flatnonzero(np.diff(side)) + 1)
    kinds = np.split(side, np.flatnonzero(np.diff(side)) + 1)
    return sum(
        bool(kind[0]) and abs(float(piece.sum())) * FINE_M > CORNER_RAD
        for piece, kind in zip(pieces, kinds, strict=True)
    )


def _length(line: FloatArray) -> float:
    return float(np.hypot(*(np.roll(line, -1, axis=0) - line).T).sum())


def _from_the_longest_straight(line: FloatArray) -> FloatArray:
    """Return the closed line beginning a third into its longest straight, where a grid has room behind it."""
    straight = np.abs(_curvature(line)) < 0.1
    best, begin = (0, 0), 0
    twice = np.concatenate([straight, straight, [False]])
    for index, is_straight in enumerate(twice):
        if not is_straight:
            best = max(best, (min(index - begin, len(line)), begin))
            begin = index + 1
    return np.roll(line, -(best[1] + best[0] // 3), axis=0)


def _is_tight(line: FloatArray, width_m: float) -> bool:
    """Return whether two parts of the road come nearer than the verge between them."""
    sparse = line[::4]
    step, apart = 4 * FINE_M, width_m + VERGE_M
    distance = np.hypot(*(sparse[:, None] - sparse[None, :]).transpose(2, 0, 1))
    between = np.abs(np.arange(len(sparse))[:, None] - np.arange(len(sparse))[None, :])
    way = np.minimum(between, len(sparse) - between) * step
    return bool((distance[way > 1.6 * apart] < apart).any())


def _rows(line: FloatArray, width_m: float) -> FloatArray:
    """Return track rows [n, 6] of a line; its direction is that of driving."""
    ahead = np.roll(line, -1, axis=0) - np.roll(line, 1, axis=0)
    normal = np.column_stack([-ahead[:, 1], ahead[:, 0]]) / np.hypot(*ahead.T)[:, None]
    closed = np.vstack([line, line[:1]])
    inwards = (0.5 if signed_area(closed) > 0.0 else -0.5) * width_m * normal
    fine = np.hstack([line, line + inwards, line - inwards])
    fine = np.vstack([fine, fine[:1]])
    at = np.linspace(0.0, len(line), round(_length(line) / WAYPOINT_SPACING_M), endpoint=False)
    rows = np.column_stack([np.interp(at, np.arange(len(fine)), column) for column in fine.T]).round(DECIMALS)
    return np.vstack([rows, rows[:1]])
