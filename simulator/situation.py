"""What holds of every car at one moment: the one reading of a state that rules, params and sensors share.

Keeping it in one place makes sure that a reward function is told about the same off-track the rules see.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator import params
from simulator.car import SPEED, STEERING, STEP_S, YAW, YAW_RATE, CarSpec, nose, wheels
from simulator.road import IntArray, Location, Road

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

# 0-d arrays, which NumPy reads faster than plain numbers.
_ONE, _FIRST_STEP = np.array(1.0), np.array(float(params.FIRST_CALL_STEPS))
_DEG_PER_RAD, _STEP_S = np.array(180.0 / math.pi), np.array(STEP_S)


@dataclass(slots=True)
class Situation:
    """Cars [n] on the road: nose, heading, place, and what their wheels stand on."""

    nose_x: FloatArray
    nose_y: FloatArray
    yaw_rad: FloatArray
    cos: FloatArray
    sin: FloatArray
    location: Location
    entry: IntArray
    """The road's table entry at the place."""
    width_m: FloatArray
    is_left: BoolArray
    all_wheels_on: BoolArray
    off_track: BoolArray
    """No wheel centre is on the road."""
    speed_mps: FloatArray
    steering_rad: FloatArray
    yaw_rate_radps: FloatArray

    def pick(self, cars: IntArray | slice) -> Situation:
        """Return the situation of some cars."""
        place = self.location
        return Situation(
            self.nose_x[cars],
            self.nose_y[cars],
            self.yaw_rad[cars],
            self.cos[cars],
            self.sin[cars],
            Location(place.segment[cars], place.s_m[cars], place.offset_m[cars], place.distance_m[cars]),
            self.entry[cars],
            self.width_m[cars],
            self.is_left[cars],
            self.all_wheels_on[cars],
            self.off_track[cars],
            self.speed_mps[cars],
            self.steering_rad[cars],
            self.yaw_rate_radps[cars],
        )


def assess(road: Road, car: CarSpec, state: FloatArray, segment: IntArray) -> Situation:
    """Read the state [6, n] of cars that were last seen on the segments [n]."""
    x, y, cos, sin = nose(state, car)
    location = road.locate(x, y, segment)
    entry = road.entry(location.s_m)
    width = road.width(location.s_m, entry)
    on_road = road.surface.holds(wheels(state, cos, sin, car))
    all_on = np.logical_and.reduce(on_road)
    off = ~np.logical_or.reduce(on_road)
    # A nose further than a full width from its own centre line has left its part of the road with all wheels;
    # where the circuit comes close to itself they may stand on another part of it.
    off |= location.distance_m > width
    return Situation(
        x,
        y,
        state[YAW],
        cos,
        sin,
        location,
        entry,
        width,
        road.is_left(location.offset_m, entry),
        all_on,
        off,
        state[SPEED],
        state[STEERING],
        state[YAW_RATE],
    )


def write_params(
    rows: FloatArray, now: Situation, commands: FloatArray, progress: FloatArray, elapsed_steps: IntArray
) -> None:
    """Fill the params rows [n, columns] for commands [n, 2] (steering deg, speed m/s) about to act on `now`.

    `elapsed_steps` [n] are the steps driven since the start: none in the first call, which has `steps` 2.
    """
    place = now.location
    columns = rows.T
    columns[params.ALL_WHEELS_ON_TRACK] = now.all_wheels_on
    columns[params.X] = now.nose_x
    columns[params.Y] = now.nose_y
    np.multiply(now.yaw_rad, _DEG_PER_RAD, columns[params.HEADING])
    columns[params.DISTANCE_FROM_CENTER] = place.distance_m
    columns[params.PROJECTION_DISTANCE] = place.s_m
    columns[params.PROGRESS] = progress
    np.add(elapsed_steps, _FIRST_STEP, columns[params.STEPS])
    columns[params.SPEED] = commands[:, 1]
    columns[params.STEERING_ANGLE] = commands[:, 0]
    columns[params.TRACK_WIDTH] = now.width_m
    columns[params.WAYPOINT_BEHIND] = place.segment
    np.add(place.segment, _ONE, columns[params.WAYPOINT_AHEAD])
    columns[params.IS_LEFT_OF_CENTER] = now.is_left
    columns[params.IS_OFFTRACK] = now.off_track
    columns[params.IS_CRASHED] = 0.0
    np.multiply(elapsed_steps, _STEP_S, columns[params.SIM_TIME])
