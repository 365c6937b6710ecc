"""What the car sees: a vector of 28 named numbers, scaled by hand to about [-1, 1].

Speed and steering angle are the car's true ones, which its commands only lead to after a lag: without them
the car would be partly blind to its own state. The eleven points lie on the centre line ahead of the nose, in
the car's frame.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.road import Road
from simulator.situation import Situation

LOOKAHEAD_M = (0.2, 0.4, 0.6, 0.9, 1.2, 1.6, 2.1, 2.7, 3.4, 4.2, 5.0)

OBSERVATION_COLUMNS = (
    "speed",
    "steering",
    "offset",
    "heading_error_sin",
    "heading_error_cos",
    "yaw_rate",
    *(f"ahead_{distance}_forward" for distance in LOOKAHEAD_M),
    *(f"ahead_{distance}_left" for distance in LOOKAHEAD_M),
)

LIMIT = 12.0
"""No reading gets there: drives end before, on roads of up to 5 m."""

POINTS = len(LOOKAHEAD_M)
SPEED_SCALE = 1.0 / 4.0
STEERING_SCALE = 1.0 / 0.5236
OFFSET_SCALE = 2.0
YAW_RATE_SCALE = 1.0 / 3.0
# Points are divided by their distance; half a metre more keeps the near ones small for a car off the line.
POINT_SCALE = (1.0 / (np.asarray(LOOKAHEAD_M) + 0.5)).astype(np.float32)


def observe(road: Road, now: Situation) -> NDArray[np.float32]:
    """Return the observation [n, 28] of every car; columns as in `OBSERVATION_COLUMNS`."""
    seen = np.empty((len(now.speed_mps), len(OBSERVATION_COLUMNS)), dtype=np.float32)
    track_cos, track_sin = road.heading(now.entry)
    seen[:, 0] = now.speed_mps * SPEED_SCALE
    seen[:, 1] = now.steering_rad * STEERING_SCALE
    seen[:, 2] = now.location.offset_m * OFFSET_SCALE
    seen[:, 3] = now.sin * track_cos - now.cos * track_sin
    seen[:, 4] = now.cos * track_cos + now.sin * track_sin
    seen[:, 5] = now.yaw_rate_radps * YAW_RATE_SCALE
    # Single precision from here: 2 micrometres on a coordinate of 30 m, at half the price.
    x, y = road.ahead(now.entry)
    x -= now.nose_x.astype(np.float32)[:, None]
    y -= now.nose_y.astype(np.float32)[:, None]
    cos, sin = now.cos.astype(np.float32)[:, None], now.sin.astype(np.float32)[:, None]
    forward = x * cos
    forward += y * sin
    np.multiply(forward, POINT_SCALE, seen[:, 6 : 6 + POINTS])
    y *= cos
    x *= sin
    y -= x
    np.multiply(y, POINT_SCALE, seen[:, 6 + POINTS :])
    return seen
