"""A lap for the reference driver on any track, with NumPy alone: a smooth line, then the speed on it.

The line is a closed cubic B-spline whose control points lie on lines across the road; where on them is a
quadratic problem with bounds (least curvature, and little change of it, because the steering lags), solved
anew around each solution. The speed is the highest that the friction circle allows in a pass forwards and one
backwards, lowered where the lagging steering could not follow. The result is no optimum: the shipped tracks
have better plans, made by a solver (`arena.garage.optimum`), and `plan_for` prefers them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from simulator import tracks
from simulator.car import CAR_VERSION, CLASSIC, CarSpec
from simulator.optimum import Optimum
from simulator.track import Track

FloatArray = NDArray[np.float64]

PLAN_METHOD = "numpy-1"
SPACING_M = 0.35
"""Between the lines across the road."""
MOST_LINES = 500
"""Longer tracks have their lines further apart: the effort grows with the cube of their number."""
PIECES = 2
"""Nodes of the plan per line: the spline is exact between its control points."""
ROUNDS, STEP = 12, 0.7
REACH_M = 2.0
LOCK_FELT = 0.4
"""From this share of full lock on, curvature costs more than the time it takes."""
CHANGE_S_MPS = 3.0
"""A change of curvature per steering lag at this speed costs as much as the curvature itself."""
GRIP_SHARE = 0.93
LOCK_SHARE = 0.97
COMMAND_SHARE = 1.1
"""A command beyond full lock for a moment costs the driver less than slowing down for it."""
SLOWEST_MPS = 0.4
SLOWER, SLOWER_ROUNDS = 0.98, 120


@dataclass(frozen=True, slots=True)
class CrossLines:
    """Lines across the road at `s_m` [n]: from `right` [n, 2] to `left` [n, 2], `width_m` [n] long."""

    s_m: FloatArray
    right: FloatArray
    left: FloatArray
    width_m: FloatArray


def cross_lines(track: Track, spacing_m: float) -> CrossLines:
    """Return lines between the borders, evenly along the centre line, `spacing_m` or a little less apart."""
    n = math.ceil(track.length_m / spacing_m)
    s = np.arange(n, dtype=np.float64) * (track.length_m / n)
    right, left = _along(track, track.right, s), _along(track, track.left, s)
    width: FloatArray = np.hypot(*(left - right).T)
    return CrossLines(s, right, left, width)


def _along(track: Track, border: FloatArray, s_m: FloatArray) -> FloatArray:
    """Return the points [n, 2] of a border that belong to centre-line arc lengths [n]."""
    columns = [np.asarray(np.interp(s_m, track.vertex_s_m, border[:, axis])) for axis in (0, 1)]
    return np.column_stack(columns)


def plan_for(track: Track, spec: CarSpec = CLASSIC) -> Optimum:
    """Return the lap that the reference driver follows: the stored one, or one planned here and kept.

    A road on which the car cannot turn has a plan too; it just cannot be driven.
    """
    return tracks.plan_of(track, spec) or _planned(track.rows().tobytes(), track.is_reversed, spec)


@lru_cache(maxsize=64)
def _planned(rows: bytes, is_reversed: bool, spec: CarSpec) -> Optimum:
    table = np.frombuffer(rows, dtype=np.float64).reshape(-1, 6)
    return planned_lap(Track(table, "planned", is_reversed=is_reversed), spec)


def planned_lap(track: Track, spec: CarSpec = CLASSIC, grip_share: float = GRIP_SHARE) -> Optimum:
    """Plan a lap with a share of the car's grip; takes some tenths of a second."""
    lines = cross_lines(track, max(SPACING_M, track.length_m / MOST_LINES))
    path = _path(_smooth_line(lines, spec), PIECES)
    speed = _speeds(path, spec, grip_share * spec.grip_mps2)
    lasts = 2.0 * path.length_m / (speed + np.roll(speed, -1))
    n = len(lines.s_m)
    return Optimum(
        lap_s=float(lasts.sum()),
        line=path.points,
        s_m=np.arange(n * PIECES, dtype=np.float64) * (track.length_m / (n * PIECES)),
        speed_mps=speed,
        heading_rad=path.heading_rad,
        curvature_pm=path.curvature_pm,
        length_m=path.length_m,
        versions={"track": track.version, "car": CAR_VERSION, "spec": spec.name, "method": PLAN_METHOD},
    )


@dataclass(frozen=True, slots=True)
class _Path:
    """A closed path in nodes [n]; `length_m` to the next node."""

    points: FloatArray
    heading_rad: FloatArray
    curvature_pm: FloatArray
    length_m: FloatArray


def _path(control: FloatArray, pieces: int) -> _Path:
    """Return the closed uniform cubic B-spline of control points [n, 2] in `pieces` nodes for each."""
    t = (np.arange(pieces) / pieces)[:, None, None]
    before, after, beyond = (np.roll(control, shift, axis=0) for shift in (1, -1, -2))
    basis = ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
    slope = (-((1 - t) ** 2), 3 * t**2 - 4 * t, -3 * t**2 + 2 * t + 1, t**2)
    bend = (1 - t, 3 * t - 2, 1 - 3 * t, t)
    four = (before, control, after, beyond)
    points, first, second = (
        sum((weight * point for weight, point in zip(weights, four, strict=True)), np.zeros(1))
        .swapaxes(0, 1)
        .reshape(-1, 2)
        for weights in (basis, slope, bend)
    )
    first, points = 0.5 * first, points / 6.0
    pace = np.hypot(*first.T)
    curvature = (first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]) / pace**3
    heading = np.unwrap(np.arctan2(first[:, 1], first[:, 0]))
    # Simpson's rule would need the middles; the chord of an arc is shorter by a 24th of the angle's square.
    chord = np.hypot(*(np.roll(points, -1, axis=0) - points).T)
    turn = 0.5 * (curvature + np.roll(curvature, -1)) * chord
    return _Path(points, heading, curvature, chord * (1.0 + turn**2 / 24.0))


def _smooth_line(lines: CrossLines, spec: CarSpec) -> FloatArray:
    """Return control points [n, 2] of a line that is quick: short where it is straight, gentle in bends."""
    across = lines.left - lines.right
    share = np.full(len(lines.s_m), 0.5)
    for _ in range(ROUNDS):
        hessian, gradient = _quadratic(lines.right + share[:, None] * across, across, share, spec)
        share = share + STEP * (_within_bounds(hessian, gradient) - share)
    return np.asarray(lines.right + share[:, None] * across)


def _quadratic(
    control: FloatArray, across: FloatArray, share: FloatArray, spec: CarSpec
) -> tuple[FloatArray, FloatArray]:
    """Return hessian [n, n] and gradient [n] (at share 0) of a cost that is like the lap time near this line.

    At the limit of grip a metre takes time in proportion to f = (curvature^2 + least^2)^(1/4), where `least`
    is the curvature that full speed allows. Near full lock and where it changes, curvature costs more.
    """
    curvature, by_share, pace = _curvature(control, across)
    square = _neighbourhood(curvature**2, lines_in_reach=round(REACH_M / float(pace.mean())))
    least = spec.grip_mps2 / spec.max_speed_mps**2
    lock = _lock_pm(spec)
    per_metre = (square + least**2) ** 0.25
    per_bend = 0.5 * (square + least**2) ** -0.75 * (1.0 + (square / (LOCK_FELT * lock) ** 2) ** 2)
    bend = curvature - by_share @ share
    change = (CHANGE_S_MPS * spec.steering_lag_s) / pace
    matrices = (by_share, (np.roll(by_share, -1, axis=0) - by_share) * change[:, None])
    constants = (bend, (np.roll(bend, -1) - bend) * change)
    forward = _slope(control) / pace[:, None]
    aside = np.column_stack([-forward[:, 1], forward[:, 0]])
    longer, turned = (
        sum((part[:, [axis]] * _slope(np.diag(across[:, axis])) for axis in (0, 1)), np.zeros(1))
        for part in (forward, aside)
    )
    hessian = (turned.T * (per_metre / pace)) @ turned
    gradient = longer.T @ per_metre - hessian @ share
    for matrix, constant in zip(matrices, constants, strict=True):
        weighted = matrix.T * (pace * per_bend)
        hessian, gradient = hessian + weighted @ matrix, gradient + weighted @ constant
    return hessian, gradient


def _neighbourhood(values: FloatArray, lines_in_reach: int) -> FloatArray:
    """Return the mean [n] over each value's neighbours: speed changes over some metres, not at once."""
    weights = np.hanning(2 * lines_in_reach + 3)[1:-1]
    shifts = range(-lines_in_reach, lines_in_reach + 1)
    parts = (weight * np.roll(values, shift) for weight, shift in zip(weights, shifts, strict=True))
    return np.asarray(sum(parts, np.zeros_like(values)) / weights.sum())


def _curvature(control: FloatArray, across: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return at control points the curvature [n], its derivative by shares [n, n] and metres per line [n]."""
    slope, second = _slope(control), _second(control)
    pace = np.hypot(*slope.T)
    curvature = (slope[:, 0] * second[:, 1] - slope[:, 1] * second[:, 0]) / pace**3
    by_slope = np.column_stack([second[:, 1], -second[:, 0]]) / pace[:, None] ** 3
    by_slope -= 3.0 * slope * (curvature / pace**2)[:, None]
    by_second = np.column_stack([-slope[:, 1], slope[:, 0]]) / pace[:, None] ** 3
    by_share = np.zeros((len(control), len(control)))
    for axis in (0, 1):
        moved = np.diag(across[:, axis])
        by_share += by_slope[:, [axis]] * _slope(moved) + by_second[:, [axis]] * _second(moved)
    return curvature, by_share, pace


def _slope(values: FloatArray) -> FloatArray:
    """Return central differences of closed rows [n, ...]."""
    return np.asarray(0.5 * (np.roll(values, -1, axis=0) - np.roll(values, 1, axis=0)))


def _second(values: FloatArray) -> FloatArray:
    """Return second differences of closed rows [n, ...]."""
    return np.asarray(np.roll(values, -1, axis=0) - 2.0 * values + np.roll(values, 1, axis=0))


def _within_bounds(hessian: FloatArray, gradient: FloatArray) -> FloatArray:
    """Return the x [n] in [0, 1] that minimises x H x / 2 + g x: a primal-dual interior point method."""
    n = len(gradient)
    x, low, high = np.full(n, 0.5), np.ones(n), np.ones(n)
    scale = float(np.abs(hessian).max())
    hessian, gradient = hessian / scale, gradient / scale
    for _ in range(40):
        gap = float(x @ low + (1.0 - x) @ high) / (2 * n)
        if gap < 1e-9:
            break
        aim = 0.15 * gap
        pull = aim / x - aim / (1.0 - x) - (hessian @ x + gradient)
        move = np.linalg.solve(hessian + np.diag(low / x + high / (1.0 - x)), pull)
        move_low = aim / x - low - low / x * move
        move_high = aim / (1.0 - x) - high + high / (1.0 - x) * move
        step = _longest_step((x, move), (1.0 - x, -move), (low, move_low), (high, move_high))
        x, low, high = x + step * move, low + step * move_low, high + step * move_high
    return x


def _longest_step(*pairs: tuple[FloatArray, FloatArray]) -> float:
    """Return how far positive values may go along their moves and stay positive, at most 1."""
    return min(1.0, *(0.99 / max(0.99, float((-move / value).max())) for value, move in pairs))


def _lock_pm(spec: CarSpec) -> float:
    """Return the curvature (1/m) asked of the tyres at full lock."""
    return spec.steering_gain * math.tan(spec.max_steering_rad) / spec.wheelbase_m


def _speeds(path: _Path, spec: CarSpec, grip_mps2: float) -> FloatArray:
    """Return the highest speeds [n] with which the circle, full lock and the lag of the steering agree."""
    bend = np.abs(path.curvature_pm)
    # Full lock limits the share u of the grip: the tyres are asked for curvature / sqrt(1 - u^2).
    used = np.sqrt(np.maximum(1.0 - (bend / (LOCK_SHARE * _lock_pm(spec))) ** 2, 0.0)) * spec.grip_mps2
    limit = np.sqrt(np.minimum(used, grip_mps2) / np.maximum(bend, 1e-9))
    limit = np.clip(limit, SLOWEST_MPS, spec.max_speed_mps)
    for _ in range(SLOWER_ROUNDS):
        speed = _driven(path, limit, spec, grip_mps2)
        over = np.abs(_steering_command(path, speed, spec)) > COMMAND_SHARE * spec.max_steering_rad
        over &= speed > SLOWEST_MPS
        if not over.any():
            break
        over |= np.roll(over, 1) | np.roll(over, -1)
        limit = np.where(over, np.maximum(SLOWER * np.minimum(limit, speed), SLOWEST_MPS), limit)
    return speed


def _steering_command(path: _Path, speed: FloatArray, spec: CarSpec) -> FloatArray:
    """Return the commands [n] (rad) that make the lagging steering follow the path."""
    used = np.clip(speed**2 * path.curvature_pm / spec.grip_mps2, -0.99, 0.99)
    asked = path.curvature_pm / np.sqrt(1.0 - used**2)
    angle = np.arctan(asked * spec.wheelbase_m / spec.steering_gain)
    lasts = 2.0 * path.length_m / (speed + np.roll(speed, -1))
    rate = (np.roll(angle, -1) - np.roll(angle, 1)) / (lasts + np.roll(lasts, 1))
    return np.asarray(angle + spec.steering_lag_s * rate)


def _driven(path: _Path, limit: FloatArray, spec: CarSpec, grip_mps2: float) -> FloatArray:
    """Return the speeds [n] under `limit` that the tyres reach and can be braked from, over a closed lap."""
    bend = np.abs(path.curvature_pm)
    sharper = np.maximum(bend, np.roll(bend, -1)).tolist()
    speed, length, n = limit.tolist(), path.length_m.tolist(), len(limit)
    square = grip_mps2**2
    for index in range(2 * n):
        here, after = index % n, (index + 1) % n
        v = speed[here]
        push = math.sqrt(max(square - (v * v * sharper[here]) ** 2, 0.0))
        push = min(push, (spec.max_speed_mps - v) / spec.speed_lag_s)
        speed[after] = min(speed[after], math.sqrt(v * v + 2.0 * length[here] * push))
    for index in range(2 * n, 0, -1):
        here, before = index % n, (index - 1) % n
        v = speed[here]
        push = math.sqrt(max(square - (v * v * sharper[before]) ** 2, 0.0))
        speed[before] = min(speed[before], math.sqrt(v * v + 2.0 * length[before] * push))
    return np.array(speed)
