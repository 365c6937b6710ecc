"""Drivers for tests: a pure pursuit of the centre line that allows for the lag of the steering."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.actions import Continuous
from simulator.car import STEERING, YAW, X, Y, standing_state
from simulator.laps import Outcome
from simulator.rules import Rules
from simulator.situation import assess
from simulator.starts import Starts
from simulator.track import Track
from simulator.vector import TrackVectorEnv

FULL_RANGE = Continuous((-30.0, 30.0), (0.1, 4.0))


def pursuit(env: TrackVectorEnv, speed_mps: float = 1.0, ahead_m: float = 0.45) -> NDArray[np.float64]:
    """Return the actions [n, 2] that steer each car to the centre line ahead."""
    target = env.track.at(env.location.s_m + ahead_m)
    state = env.state
    to_x, to_y = target[:, 0] - state[X], target[:, 1] - state[Y]
    cos, sin = np.cos(state[YAW]), np.sin(state[YAW])
    forward, left = to_x * cos + to_y * sin, to_y * cos - to_x * sin
    curvature = 2.0 * left / (forward**2 + left**2)
    wanted = np.arctan(curvature * env.car.wheelbase_m / env.car.steering_gain)
    steering = np.degrees(wanted + 4.0 * (wanted - state[STEERING]))
    speed = np.full(env.num_envs, (speed_mps - 0.1) / 3.9 * 2.0 - 1.0)
    return np.column_stack([np.clip(steering / 30.0, -1.0, 1.0), speed])


def straight(env: TrackVectorEnv, speed_mps: float = 1.0, steering_deg: float = 0.0) -> NDArray[np.float64]:
    """Return the actions [n, 2] of drivers who hold the wheel."""
    return np.tile([steering_deg / 30.0, (speed_mps - 0.1) / 3.9 * 2.0 - 1.0], (env.num_envs, 1))


def race_env(track: Track, rules: Rules | None = None) -> TrackVectorEnv:
    """Return one car on the start line, already reset."""
    env = TrackVectorEnv(track, actions=FULL_RANGE, rules=rules or Rules(max_steps=4000), starts=Starts.LINE)
    env.reset(seed=0)
    return env


def drive_to_the_end(env: TrackVectorEnv, speed_mps: float = 1.0) -> Outcome:
    """Pursue the centre line until the drive of the first car ends."""
    while 0 not in env.outcomes:
        env.step(pursuit(env, speed_mps))
    return env.outcomes[0]


def put(env: TrackVectorEnv, s_m: float, offset_m: float = 0.0, turned_deg: float = 0.0) -> None:
    """Lift the only car of a race and set it down standing, nose at `s_m`; the way counts as driven."""
    heading = env.track.heading_at(s_m) + np.radians(turned_deg)
    nose = env.track.at(s_m, offset_m)
    base = nose - env.car.base_to_nose_m * np.column_stack([np.cos(heading), np.sin(heading)])
    before = env.location.s_m
    env._state = standing_state(base[:, 0], base[:, 1], heading, env.car)
    env._now = assess(env.road, env.car, env._state, env.track.project(nose).segment)
    env.objects = env._traffic.around(env._now, env._all, env._timing.elapsed)
    timing = env._timing
    timing.travel_m = timing.travel_m + timing.way(before, env.location.s_m)
