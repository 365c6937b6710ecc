"""The reference driver: follows a planned lap at 15 Hz, as any entrant must.

Along the planned line it knows the path's curvature and the speed. From these follow the steering that holds
the line (the soft friction circle solved for the steering angle) and its command one step ahead, because the
steering lags. What remains is corrected by state feedback on three errors (offset from the line, heading,
steering angle); its gains solve the discrete Riccati equation for each place, since steering does little
where the tyres are busy. The driver sees the car's true state; it is a yardstick and a bot, not an entrant.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.actions import Continuous
from simulator.car import CLASSIC, SPEED, STEERING, STEP_S, YAW, CarSpec, X, Y, wrapped_angle
from simulator.optimum import Optimum
from simulator.track import nearest_on_polyline

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

FULL_RANGE = Continuous((-30.0, 30.0), (0.1, 4.0))
"""The action space in which the driver's commands are written."""
SPACING_M = 0.05
RICCATI_ROUNDS = 150
PACES = np.arange(0.1, 1.01, 0.1)
"""Shares of the planned speed for which gains are solved: a car that starts on the line is slow."""
MOST_GRIP_USED = 0.97
"""Where the line asks for more than this share of the grip, steering is not turned in further."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """The driver's manners, found by trial for `classic`."""

    offset_cost: float = 40.0
    """Of an offset, per m^2."""
    heading_cost: float = 2.0
    """Of a heading error, per rad^2."""
    command_cost: float = 1.0
    """Of a correction of the steering command, per rad^2."""
    approach_rad: float = 0.35
    """A car away from the line heads for it at this angle at most."""
    calm_m: float = 0.04
    calm_rad: float = 0.06
    """Up to these errors the car goes at the planned speed."""
    halving_m: float = 0.1
    halving_rad: float = 0.5
    """Errors beyond that at which the speed is halved."""


@dataclass(frozen=True, slots=True)
class Detour:
    """What traffic asks of cars [n] (`racecraft` works it out)."""

    aside_m: FloatArray
    """How far beside the line to drive, left positive."""
    pace: FloatArray
    """Share of the planned speed."""
    most_mps: FloatArray

    @classmethod
    def none(cls, cars: int) -> Detour:
        """Return the detour of cars that have the road to themselves."""
        return cls(np.zeros(cars), np.ones(cars), np.full(cars, np.inf))


@dataclass(slots=True)
class _Place:
    """Where cars [n] are, seen from the line."""

    index: IntArray
    way_m: FloatArray
    offset_m: FloatArray
    turned_rad: FloatArray


class ReferenceDriver:
    """Drives any number of cars along one planned lap; has no memory, so cars may come and go."""

    def __init__(self, plan: Optimum, spec: CarSpec = CLASSIC, tuning: Tuning | None = None) -> None:
        """Draw the line in steps of `SPACING_M` and solve for the gains along it."""
        self.spec, self.tuning = spec, tuning or Tuning()
        self.length_m = plan.path_m
        self._way = np.append(np.arange(0.0, plan.path_m - 1e-9, SPACING_M), plan.path_m)
        self._line, self._heading = _drawn(plan, self._way)
        nodes = _nodes(plan)
        self._speed = np.sqrt(np.interp(self._way, nodes, _closed(plan.speed_mps) ** 2))
        self._curvature = np.interp(self._way, nodes, _closed(plan.curvature_pm))
        self._gains = np.stack([self._solve_gains(pace) for pace in PACES])

    @property
    def line(self) -> FloatArray:
        """Return the points [k, 2] (m) of the line."""
        return self._line

    @property
    def ways(self) -> FloatArray:
        """Return the way [k] (m) along the line of its points."""
        return self._way

    def project(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the way along the line [m] and the offset from it [m] (m, left +) of points [m, 2]."""
        way, offset, _ = self._project(points)
        return way, offset

    def beside_line(self, state: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the same for cars in states [6, n]."""
        return self.project(np.column_stack([state[X], state[Y]]))

    def commands(self, state: FloatArray, detour: Detour | None = None) -> FloatArray:
        """Return steering (deg) and speed (m/s) commands [n, 2] for cars in states [6, n]."""
        place, speed = self._locate(state), state[SPEED]
        if detour:
            place.offset_m = place.offset_m - detour.aside_m
        ahead = place.way_m + np.maximum(speed, self.spec.min_speed_mps) * STEP_S
        planned, planned_then = self._speed_at(place.way_m), self._speed_at(ahead)
        angle = self._steering(place.way_m, speed)
        angle_then = self._steering(ahead, speed * planned_then / planned)
        decay = math.exp(-STEP_S / self.spec.steering_lag_s)
        steering = (angle_then - decay * angle) / (1.0 - decay)
        steering -= self._correction(place, speed / planned, state[STEERING] - angle)
        share = 1.0 - math.exp(-STEP_S / self.spec.speed_lag_s)
        wanted = planned_then * self._caution(place)
        if detour:
            wanted = np.minimum(wanted * detour.pace, detour.most_mps)
        command = speed + (wanted - speed) / share
        return np.column_stack([np.degrees(steering), command])

    def _locate(self, state: FloatArray) -> _Place:
        points = np.column_stack([state[X], state[Y]])
        way, offset, index = self._project(points)
        heading = np.interp(way, self._way, self._heading)
        return _Place(index, way, offset, wrapped_angle(state[YAW] - heading))

    def _project(self, points: FloatArray) -> tuple[FloatArray, FloatArray, IntArray]:
        index, along, nearest = nearest_on_polyline(points, self._line)
        way = self._way[index] + along
        heading = np.interp(way, self._way, self._heading)
        away = points - nearest
        return way, away[:, 1] * np.cos(heading) - away[:, 0] * np.sin(heading), index

    def _correction(self, place: _Place, pace: FloatArray, steering_error: FloatArray) -> FloatArray:
        """Return what to take off the steering command [n] (rad)."""
        row = np.clip(np.rint(pace / PACES[0]).astype(np.int64) - 1, 0, len(PACES) - 1)
        by_offset, by_heading, by_steering = self._gains[row, place.index].T
        # An offset asks for a heading towards the line; without a bound a distant line is crossed, not met.
        reach = self.tuning.approach_rad * by_heading / by_offset
        offset = np.clip(place.offset_m, -reach, reach)
        return np.asarray(by_offset * offset + by_heading * place.turned_rad + by_steering * steering_error)

    def _caution(self, place: _Place) -> FloatArray:
        """Return the share [n] of the planned speed at which a car away from the line should go."""
        tuning = self.tuning
        away = np.maximum(np.abs(place.offset_m) - tuning.calm_m, 0.0) / tuning.halving_m
        turned = np.maximum(np.abs(place.turned_rad) - tuning.calm_rad, 0.0) / tuning.halving_rad
        return np.asarray(1.0 / (1.0 + away + turned))

    def actions(self, state: FloatArray, detour: Detour | None = None) -> FloatArray:
        """Return the commands as actions [n, 2] in `FULL_RANGE`, within its limits."""
        commands = self.commands(state, detour)
        low, high = FULL_RANGE.speed_mps
        speed = (commands[:, 1] - low) / (high - low) * 2.0 - 1.0
        return np.clip(np.column_stack([commands[:, 0] / FULL_RANGE.steering_deg[1], speed]), -1.0, 1.0)

    def _speed_at(self, way: FloatArray) -> FloatArray:
        return np.asarray(np.interp(way % self.length_m, self._way, self._speed))

    def _steering(self, way: FloatArray, speed: FloatArray) -> FloatArray:
        """Return the steering angle [n] (rad) that holds the line at `way` [n] at these speeds."""
        curvature = np.interp(way % self.length_m, self._way, self._curvature)
        used = np.clip(speed**2 * curvature / self.spec.grip_mps2, -MOST_GRIP_USED, MOST_GRIP_USED)
        asked = curvature / np.sqrt(1.0 - used**2)
        angle = np.arctan(asked * self.spec.wheelbase_m / self.spec.steering_gain)
        limit = self.spec.max_steering_rad
        return np.asarray(np.clip(angle, -limit, limit))

    def _solve_gains(self, pace: float) -> FloatArray:
        """Return the gains [places, 3] of the linear-quadratic regulator at each place of the line."""
        spec = self.spec
        speed = np.maximum(pace * self._speed, 0.1)
        angle = self._steering(self._way, speed)
        demand = speed**2 * np.tan(angle) * spec.steering_gain / spec.wheelbase_m / spec.grip_mps2
        per_angle = spec.steering_gain / spec.wheelbase_m / np.cos(angle) ** 2 / (1.0 + demand**2) ** 1.5
        rates = np.zeros((len(angle), 4, 4))
        rates[:, 0, 1] = speed
        rates[:, 1, 0] = -speed * self._curvature**2
        rates[:, 1, 2] = speed * per_angle
        rates[:, 2, 2], rates[:, 2, 3] = -1.0 / spec.steering_lag_s, 1.0 / spec.steering_lag_s
        step = _exponential(rates * STEP_S)
        return _regulator(step[:, :3, :3], step[:, :3, 3:], self.tuning)


def _drawn(plan: Optimum, way: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return points [k, 2] and headings [k] (unwrapped) of the plan's path; between its lines arcs."""
    nodes = _nodes(plan)
    turn = np.rint((plan.heading_rad[-1] - plan.heading_rad[0]) / (2.0 * np.pi)) * 2.0 * np.pi
    heading = np.append(plan.heading_rad, plan.heading_rad[0] + turn)
    line = np.vstack([plan.line, plan.line[:1]])
    piece = np.clip(np.searchsorted(nodes, way, side="right") - 1, 0, len(plan.length_m) - 1)
    length = plan.length_m[piece]
    t = (way - nodes[piece]) / length
    # Cubic Hermite: the points and headings at both ends are the plan's.
    before, after = heading[piece], heading[piece + 1]
    points = (
        ((1 + 2 * t) * (1 - t) ** 2)[:, None] * line[piece]
        + (t**2 * (3 - 2 * t))[:, None] * line[piece + 1]
        + (t * (1 - t) ** 2 * length)[:, None] * np.column_stack([np.cos(before), np.sin(before)])
        - (t**2 * (1 - t) * length)[:, None] * np.column_stack([np.cos(after), np.sin(after)])
    )
    return points, before + (after - before) * t


def _nodes(plan: Optimum) -> FloatArray:
    """Return the path length [n + 1] from the start line to each line across the road."""
    return np.concatenate([[0.0], np.cumsum(plan.length_m)])


def _closed(values: FloatArray) -> FloatArray:
    return np.append(values, values[0])


def _exponential(matrices: FloatArray) -> FloatArray:
    """Return exp of small matrices [k, m, m] by its series."""
    total = term = np.broadcast_to(np.eye(matrices.shape[-1]), matrices.shape)
    for order in range(1, 12):
        term = term @ matrices / order
        total = total + term
    return total


def _regulator(a: FloatArray, b: FloatArray, tuning: Tuning) -> FloatArray:
    """Return the gains [k, 3] of u = -K x for x' = a x + b u, by iterating the Riccati equation."""
    cost = np.diag([tuning.offset_cost, tuning.heading_cost, 0.0])
    p = np.broadcast_to(cost, a.shape)
    b_t, a_t = b.transpose(0, 2, 1), a.transpose(0, 2, 1)
    for _ in range(RICCATI_ROUNDS):
        gain = (b_t @ p @ a) / (tuning.command_cost + b_t @ p @ b)
        p = cost + a_t @ p @ (a - b @ gain)
    return np.asarray(gain[:, 0, :])
