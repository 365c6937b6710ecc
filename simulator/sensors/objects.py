"""The next two objects as numbers, for learners: `object_vector` is the vector and, behind it, these columns.

All columns fade to 0 with the way to the object, over `RANGE_M`; 0 means that nothing is there. An object
counts as next until the car has passed it with its tail.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.objects import Objects
from simulator.sensors.lookahead import OBSERVATION_COLUMNS, OFFSET_SCALE
from simulator.situation import Situation

NEXT_OBJECTS = 2
RANGE_M = 5.0
PASSED_M = 0.6

READINGS = ("near", "offset", "forward", "left")
OBJECT_COLUMNS = tuple(f"object_{place}_{name}" for place in (1, 2) for name in READINGS)
"""near: 1 at the car, 0 at 5 m and beyond; offset: across the track, from the nose; forward, left: in the
car's frame; the last three times `near`."""
OBJECT_VECTOR_COLUMNS = (*OBSERVATION_COLUMNS, *OBJECT_COLUMNS)


def observe_objects(objects: Objects | None, now: Situation) -> NDArray[np.float32]:
    """Return the readings [n, 8] of the next two objects; columns as in `OBJECT_COLUMNS`."""
    seen = np.zeros((len(now.nose_x), len(OBJECT_COLUMNS)), dtype=np.float32)
    if objects is None or not len(objects):
        return seen
    length = objects.track.length_m
    way = objects.s_m - now.location.s_m[:, None] + PASSED_M
    way = way - np.floor(way / length) * length - PASSED_M
    order = np.argsort(way, axis=1, kind="stable")  # absent ones, with a NaN, come last
    rows = np.arange(len(way))
    own = rows if len(objects.x) > 1 else 0
    for place in range(min(NEXT_OBJECTS, len(objects))):
        which = order[:, place]
        near = np.minimum(np.maximum(1.0 - way[rows, which] / RANGE_M, 0.0), 1.0)
        to_x, to_y = objects.x[own, which] - now.nose_x, objects.y[own, which] - now.nose_y
        first = place * len(READINGS)
        seen[:, first] = near
        seen[:, first + 1] = near * (objects.offset_m[own, which] - now.location.offset_m) * OFFSET_SCALE
        seen[:, first + 2] = near * (to_x * now.cos + to_y * now.sin)
        seen[:, first + 3] = near * (to_y * now.cos - to_x * now.sin) * OFFSET_SCALE
    if not objects.shared:
        np.nan_to_num(seen, copy=False)
    return seen
