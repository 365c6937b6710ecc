"""The car: a kinematic bicycle with lagging steering and speed, and one grip number used as a soft friction
circle.

`advance` is pure and works on columns: a state is float64 [6, n], its rows are named below. Every operation
is elementwise, so a car's future does not depend on the batch it is in, bit for bit. Vectors [n] are not
worked on in place: with n == 1 NumPy takes three times as long for that.

Three reference points are kept apart by name. The *rear axle* is what the state stores and the physics moves;
the *base* (DeepRacer's base_link) is what is put on a start line; the *nose* is what every position in
params, progress and traces means.

The constants were identified on recorded drives of the real simulator (error after one second of open loop:
0.12 m and 9 degrees, against 0.80 m and 64 degrees of the bicycle without lags; docs/fidelity.md) and on
published lap times, for the grip.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

CAR_VERSION = "1"

X, Y, YAW, SPEED, STEERING, YAW_RATE = range(6)
STATE_ROWS = ("x_m", "y_m", "yaw_rad", "speed_mps", "steering_rad", "yaw_rate_radps")
STEP_S = 1.0 / 15.0


@dataclass(frozen=True, slots=True)
class CarSpec:
    """A car's constants in SI units."""

    name: str
    steering_lag_s: float
    """Time constant of the steering; hidden state for whoever drives."""
    speed_lag_s: float
    """Time constant of the speed."""
    grip_mps2: float
    """Radius of the friction circle: the largest total acceleration."""
    steering_gain: float
    """Curvature asked of the tyres as a share of the kinematic bicycle's."""
    wheelbase_m: float = 0.164
    """From the model description (urdf) of the real car."""
    max_steering_rad: float = math.radians(30.0)
    min_speed_mps: float = 0.1
    max_speed_mps: float = 4.0
    rear_to_base_m: float = 0.0817
    rear_to_nose_m: float = 0.2217
    """base_link + 0.14 m: the point whose x, y a reward function sees."""
    half_track_m: float = 0.080
    """Wheel centres to the car's middle line."""
    substeps: int = 4
    """Substeps of a 1/15 s step (1/60 s each): 1.2 cm from the exact solution after 3 s of random driving."""

    @property
    def base_to_nose_m(self) -> float:
        """Distance (m) from the base, which is put on the start line, to the nose."""
        return self.rear_to_nose_m - self.rear_to_base_m


CLASSIC = CarSpec("classic", steering_lag_s=0.50, speed_lag_s=0.20, grip_mps2=3.4, steering_gain=0.83)
"""The car of the 2022 console and of all public leaderboards."""

V6 = CarSpec("v6", steering_lag_s=0.185, speed_lag_s=0.03, grip_mps2=9.0, steering_gain=0.66)
"""The car of the 2026 simulator application; no public lap times exist for it."""

SPECS = {spec.name: spec for spec in (CLASSIC, V6)}


@dataclass(frozen=True, slots=True)
class _Constants:
    """A spec's numbers as 0-d arrays: NumPy takes 0.2 us longer for each plain number in an expression."""

    steering_decay: FloatArray
    """[substeps, 1]"""
    max_steering: FloatArray
    min_steering: FloatArray
    tyre_curvature: FloatArray
    """Curvature (1/m) asked of the tyres per tangent of the steering angle."""
    max_speed: FloatArray
    min_speed: FloatArray
    half_share: FloatArray
    """Half of the lag's change of speed in a substep, as a share of what is missing."""
    half_grip: FloatArray
    """Half of the largest change of speed in a substep (m/s)."""
    per_grip: FloatArray
    h: FloatArray


@lru_cache(maxsize=64)
def _constants(spec: CarSpec, step_s: float) -> _Constants:
    h = step_s / spec.substeps
    decay = np.exp(-h / spec.steering_lag_s * np.arange(1, spec.substeps + 1))[:, None]
    numbers = (
        spec.max_steering_rad,
        -spec.max_steering_rad,
        spec.steering_gain / spec.wheelbase_m,
        spec.max_speed_mps,
        spec.min_speed_mps,
        # Exact solution of the lag over h, so that the step is stable for any h.
        0.5 * (1.0 - math.exp(-h / spec.speed_lag_s)),
        0.5 * h * spec.grip_mps2,
        1.0 / spec.grip_mps2,
        h,
    )
    return _Constants(decay, *(np.array(number) for number in numbers))


_ONE, _HALF, _PI = np.array(1.0), np.array(0.5), np.array(math.pi)
_RAD_PER_DEG = np.array(math.pi / 180.0)
_PER_TURN, _TURN = np.array(0.5 / math.pi), np.array(2.0 * math.pi)


def advance(
    state: FloatArray,
    steering_deg: FloatArray,
    speed_mps: FloatArray,
    spec: CarSpec,
    step_s: float = STEP_S,
    *,
    grip_share: FloatArray | None = None,
) -> FloatArray:
    """Return the state [6, n] `step_s` later under constant commands [n], clipped to the car's limits.

    Cars with other tyres than the spec's have a `grip_share` [n] of its grip; 1 is the spec's to the bit.
    Steering does not depend on the motion, so its substeps are solved together; those of the speed follow one
    another. The pose is the sum of straight pieces, driven along the heading in the middle of each substep.
    """
    constants = _constants(spec, step_s)
    if grip_share is not None:
        half_grip, per_grip = constants.half_grip * grip_share, constants.per_grip / grip_share
        constants = replace(constants, half_grip=half_grip, per_grip=per_grip)
    after = np.empty_like(state)
    curvature = _commanded_curvatures(state[STEERING], steering_deg, constants, after[STEERING])
    demand = curvature * constants.per_grip
    demand *= demand
    way = np.empty_like(curvature)
    after[SPEED] = _mean_speeds(state[SPEED], speed_mps, demand, constants, way)
    square = way * way
    square *= square
    square *= demand
    square += _ONE
    np.sqrt(square, square)
    curvature *= way
    curvature /= square
    after[YAW_RATE] = curvature[-1]
    way *= constants.h
    curvature *= constants.h
    _move(state, after, way, curvature)
    return after


def _commanded_curvatures(
    steering: FloatArray, steering_deg: FloatArray, constants: _Constants, steering_after: FloatArray
) -> FloatArray:
    """Return the curvature asked of the tyres [substeps, n] (1/m) and store the final steering."""
    target = np.minimum(steering_deg * _RAD_PER_DEG, constants.max_steering)
    target = np.maximum(target, constants.min_steering)
    angles: FloatArray = constants.steering_decay * (steering - target)
    angles += target
    steering_after[:] = angles[-1]
    np.tan(angles, angles)
    angles *= constants.tyre_curvature
    return angles


def _mean_speeds(
    speed: FloatArray, speed_mps: FloatArray, demand: FloatArray, constants: _Constants, mean: FloatArray
) -> FloatArray:
    """Return the speed [n] after all substeps; store the mean speed of each in `mean` [substeps, n].

    `demand` is (curvature / grip)^2: what the friction circle leaves for driving and braking shrinks with the
    lateral demand but never vanishes.
    """
    target = np.maximum(np.minimum(speed_mps, constants.max_speed), constants.min_speed)
    v = speed
    for part, middle in zip(demand, mean, strict=True):
        square = v * v
        limit = constants.half_grip / np.sqrt(square * square * part + _ONE)
        change = np.maximum(np.minimum((target - v) * constants.half_share, limit), -limit)
        np.add(v, change, middle)
        v = middle + change
    return v


def _move(state: FloatArray, after: FloatArray, way: FloatArray, turn: FloatArray) -> None:
    """Add up the pieces of `way` [substeps, n] (m), each turning the car by `turn` (rad)."""
    heading = turn * _HALF
    yaw = state[YAW]
    for half, change in zip(heading, turn, strict=True):
        np.add(yaw, half, half)
        yaw = yaw + change
    pieces = np.empty((len(way), 2, way.shape[1]))
    np.multiply(np.cos(heading), way, pieces[:, X])
    np.multiply(np.sin(heading), way, pieces[:, Y])
    place = state[: Y + 1]
    for piece in pieces:  # one by one: the order of additions in `sum` may depend on the batch size
        place = place + piece
    after[: Y + 1] = place
    after[YAW] = wrapped_angle(yaw)


def wrapped_angle(angle_rad: FloatArray) -> FloatArray:
    """Return the angle in (-pi, pi]."""
    wrapped: FloatArray = angle_rad - np.ceil((angle_rad - _PI) * _PER_TURN) * _TURN
    return wrapped


def nose(state: FloatArray, spec: CarSpec) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return the nose x, y [n] (m) and the heading's cosine and sine [n]."""
    cos, sin = np.cos(state[YAW]), np.sin(state[YAW])
    return state[X] + spec.rear_to_nose_m * cos, state[Y] + spec.rear_to_nose_m * sin, cos, sin


def wheels(state: FloatArray, cos: FloatArray, sin: FloatArray, spec: CarSpec) -> FloatArray:
    """Return the wheel centres [2, 4, n] (m): x and y of rear left, rear right, front left, front right."""
    points = np.empty((2, 4, state.shape[1]))
    x, y = points
    side_x, side_y = sin * spec.half_track_m, cos * spec.half_track_m
    front_x, front_y = state[X] + spec.wheelbase_m * cos, state[Y] + spec.wheelbase_m * sin
    np.subtract(state[X], side_x, x[0])
    np.add(state[X], side_x, x[1])
    np.subtract(front_x, side_x, x[2])
    np.add(front_x, side_x, x[3])
    np.add(state[Y], side_y, y[0])
    np.subtract(state[Y], side_y, y[1])
    np.add(front_y, side_y, y[2])
    np.subtract(front_y, side_y, y[3])
    return points


def standing_state(base_x: FloatArray, base_y: FloatArray, yaw_rad: FloatArray, spec: CarSpec) -> FloatArray:
    """Return the state [6, n] of cars that stand still with their base at the given points."""
    state = np.zeros((6, len(base_x)))
    state[X] = base_x - spec.rear_to_base_m * np.cos(yaw_rad)
    state[Y] = base_y - spec.rear_to_base_m * np.sin(yaw_rad)
    state[YAW] = wrapped_angle(yaw_rad)
    return state
