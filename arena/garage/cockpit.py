"""An agent at the wheel: what it is told at the start and in each tick, and its command as the car takes it.

Where cars are imperfect the agent's senses are as noisy as a policy's, by the same draws: the errors of the
vector's readings are put on its place, heading and speed, so that nothing it is told is truer than the rest.
Where it is along the lap, and what is around it, it hears from the race, as reference drivers do.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from arena.garage.agents import OVERTIME_S, SOFT_ACT_S, Agent
from arena.garage.observing import OBJECT_NUMBERS, ObservationBuilder
from arena.garage.verdicts import EntrantFault
from simulator.car import STEP_S, CarSpec
from simulator.course import Course, Direction
from simulator.objects import Objects
from simulator.sensors import LOOKAHEAD_M, OBSERVATION_COLUMNS
from simulator.sensors.lookahead import (
    OFFSET_SCALE,
    POINT_SCALES,
    SPEED_SCALE,
    STEERING_SCALE,
    YAW_RATE_SCALE,
)
from simulator.sensors.objects import OBJECT_VECTOR_COLUMNS
from simulator.track import Track

if TYPE_CHECKING:
    from simulator.vector import TrackVectorEnv

FloatArray = NDArray[np.float64]

_SPEED, _STEERING, _OFFSET, _ERROR_SIN, _ERROR_COS, _YAW_RATE = range(6)
_DIGITS: Final = 6
"""Readings are single precision: what stands behind the sixth digit is noise to read over."""
_POINTS_AT: Final = OBSERVATION_COLUMNS.index(f"ahead_{LOOKAHEAD_M[0]}_forward")
_POINT_SCALES: Final = POINT_SCALES[:, 0].astype(np.float64)


def info_of(env: TrackVectorEnv, leg: Course, direction: Direction) -> dict[str, object]:
    """Return what `reset` is told, as JSON can carry it."""
    track, spec = env.track, env.car
    return {
        "track": track_of(track) | {"direction": direction.value},
        "car": car_of(spec),
        "laps": env.rules.laps,
        "race_type": leg.race_type.value,
        "tick_s": STEP_S,
        "vector_columns": list(OBJECT_VECTOR_COLUMNS),
        "lookahead_m": list(LOOKAHEAD_M),
        "act_limit_s": SOFT_ACT_S,
        "overtime_s": OVERTIME_S,
        "imperfect": env.imperfections is not None,
    }


def track_of(track: Track) -> dict[str, object]:
    """Return a track in the direction of driving: centre line and borders as closed lines, and widths."""
    return {
        "name": track.name,
        "length": track.length_m,
        "waypoints": track.waypoints.tolist(),
        "left_border": track.left.tolist(),
        "right_border": track.right.tolist(),
        "widths": np.hypot(*(track.left - track.right).T).tolist(),
    }


def car_of(spec: CarSpec) -> dict[str, object]:
    """Return a car's constants, angles in degrees as everywhere at this edge."""
    constants = asdict(spec)
    limit_deg = round(math.degrees(constants.pop("max_steering_rad")), _DIGITS)
    return constants | {"max_steering_deg": limit_deg, "min_steering_deg": -limit_deg}


class AgentSeat:
    """An agent that drives car number `car` of an environment; making one begins its drive by a `reset`.

    An agent whose code fails (it keeps its `fault`) or whose overtime is used up is taken out of the race
    with the next step; until then its car does what it was told last. So it spoils no race but its own.
    """

    def __init__(
        self, agent: Agent, env: TrackVectorEnv, car: int, leg: Course, direction: Direction
    ) -> None:
        self._agent, self._env, self._car = agent, env, car
        self._steps = 0
        self._limit_deg = math.degrees(env.car.max_steering_rad)
        objects = len(env.objects) if env.objects else 0
        shape = {"readings": len(OBJECT_VECTOR_COLUMNS), "points": len(LOOKAHEAD_M), "objects": objects}
        self._width = ObservationBuilder(**shape).width
        try:
            agent.reset(info_of(env, leg, direction), shape)
        except EntrantFault:
            env.withdraw(car)

    def __call__(self, seen: NDArray[np.float32], state: FloatArray, around: Objects | None) -> FloatArray:
        """Return the command [1, 2] of one tick. Raises `SandboxError`."""
        command = self._agent.last_command
        if not (self._agent.fault or self._agent.is_out):
            try:
                command = self._agent.act(self._row(seen[0].astype(np.float64), around))
            except EntrantFault:
                self._env.withdraw(self._car)
        self._steps += 1
        if self._agent.is_out:
            self._env.withdraw(self._car)
        return np.array([self.within_range(*command)])

    def within_range(self, steering_deg: float, speed_mps: float) -> tuple[float, float]:
        """Return a command as the car takes it: clipped to what its steering and motor can do."""
        car, limit = self._env.car, self._limit_deg
        steering_deg = min(max(steering_deg, -limit), limit)
        return steering_deg, min(max(speed_mps, car.min_speed_mps), car.max_speed_mps)

    def _row(self, vector: FloatArray, around: Objects | None) -> FloatArray:
        """Return the row [width] of an observation; the order is that of `observing`."""
        env, car, now = self._env, self._car, self._env.situation
        place = now.location
        offset_m = float(vector[_OFFSET] / OFFSET_SCALE)
        error_rad = math.atan2(vector[_ERROR_SIN], vector[_ERROR_COS])
        track_cos, track_sin = (float(each[0]) for each in env.road.heading(now.entry[car : car + 1]))
        yaw_rad = math.atan2(track_sin, track_cos) + error_rad
        yaw_rad = math.atan2(math.sin(yaw_rad), math.cos(yaw_rad))
        across_m = offset_m - float(place.offset_m[car])
        x = float(now.nose_x[car]) - across_m * float(now.sin[car])
        y = float(now.nose_y[car]) + across_m * float(now.cos[car])
        segment = int(place.segment[car])
        readings = (
            x,
            y,
            math.degrees(yaw_rad),
            float(vector[_SPEED] / SPEED_SCALE),
            math.degrees(vector[_STEERING] / STEERING_SCALE),
            math.degrees(vector[_YAW_RATE] / YAW_RATE_SCALE),
            float(env.progress[car]),
            self._steps * STEP_S,
            float(place.s_m[car]),
            offset_m,
            math.degrees(error_rad),
            float(now.width_m[car]),
        )
        values = (
            *(round(reading, _DIGITS) for reading in readings),
            float(env.hold_steps[car]) * STEP_S,
            self._agent.overtime_left_s,
            float(env.lap_number[car]),
            float(self._steps),
            float(now.all_wheels_on[car]),
            float(now.off_track[car]),
            float(segment),
            float(segment + 1),
            *self.within_range(*self._agent.last_command),
        )
        points = (vector[_POINTS_AT : _POINTS_AT + len(_POINT_SCALES)] / _POINT_SCALES).reshape(2, -1).T
        objects = _objects(around, (x, y, yaw_rad), float(place.s_m[car])) if around else np.empty(0)
        row = np.concatenate([values, vector, points.ravel(), objects])
        assert len(row) == self._width
        return row


def _objects(around: Objects, pose: tuple[float, float, float], s_m: float) -> FloatArray:
    """Return the cells of all objects [k * cells], seen from a nose at a pose."""
    x, y, yaw_rad = pose
    to_x, to_y = around.x[0] - x, around.y[0] - y
    cos, sin = math.cos(yaw_rad), math.sin(yaw_rad)
    length = around.track.length_m
    way = around.s_m[0] - s_m
    way = way - np.rint(way / length) * length
    cells = np.empty((len(around), len(OBJECT_NUMBERS)))
    cells[:, 0], cells[:, 1] = around.x[0], around.y[0]
    cells[:, 2], cells[:, 3] = np.degrees(around.heading_rad[0]), around.speed_mps[0]
    cells[:, 4], cells[:, 5] = way, around.offset_m[0]
    cells[:, 6], cells[:, 7] = to_x * cos + to_y * sin, to_y * cos - to_x * sin
    cells[:, 8], cells[:, 9] = around.size_m[:, 0], around.size_m[:, 1]
    return cells.ravel()
