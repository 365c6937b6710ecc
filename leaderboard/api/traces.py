"""A recorded drive for browsers: columns of rounded numbers, packed once, kept by everybody for ever.

A trial never changes, so its trace is immutable: the answer carries an ETag of its content and may be
cached for ever. This is what makes a race with a thousand spectators cost a file download each.
"""

from __future__ import annotations

import gzip
import json
import math
from functools import lru_cache
from typing import Any

import numpy as np
from flask import Response, request
from numpy.typing import NDArray

from arena.league.artifacts import ArtifactStore
from simulator.trace import Trace

# Digits after the point: millimetres, milliradians; more cannot be seen.
DIGITS = {
    "t_s": 4, "x_m": 3, "y_m": 3, "yaw_rad": 3, "speed_mps": 2, "steering_rad": 3, "command_steering_deg": 1,
    "command_speed_mps": 2, "progress": 2, "lap": 0, "status": 0,
}  # fmt: skip
FOR_EVER = "public, max-age=31536000, immutable"


def answer(store: ArtifactStore, trace_key: str, facts: dict[str, Any]) -> Response:
    """Return the drive with its facts as JSON, gzipped where the client takes that; or 304."""
    packed = _packed(store, trace_key, json.dumps(facts))
    response = Response(content_type="application/json")
    response.set_etag(trace_key[:32])
    response.headers["Cache-Control"] = FOR_EVER
    response.headers["Vary"] = "Accept-Encoding"
    response.make_conditional(request)
    if response.status_code == 304:
        return response
    if request.accept_encodings["gzip"] > 0:
        response.headers["Content-Encoding"] = "gzip"
        response.set_data(packed)
    else:
        response.set_data(gzip.decompress(packed))
    return response


# A classroom that opens one race asks for the same few drives at the same moment.
@lru_cache(maxsize=64)
def _packed(store: ArtifactStore, trace_key: str, facts: str) -> bytes:
    trace = Trace.from_bytes(store.get(trace_key))
    document = {**json.loads(facts), "columns": columns(trace)}
    if len(trace.object_sizes):
        document["objects"] = [_object(trace, number) for number in range(len(trace.object_sizes))]
    return gzip.compress(json.dumps(document, separators=(",", ":")).encode(), mtime=0)


def columns(trace: Trace) -> dict[str, list[float]]:
    """Return the columns of a trace, rounded; laps and states as whole numbers."""
    rounded = {}
    for name, digits in DIGITS.items():
        values = trace[name]
        rounded[name] = values.round(digits).tolist() if digits else values.astype(int).tolist()
    return rounded


def _object(trace: Trace, number: int) -> dict[str, Any]:
    """Return one object of a drive; one that never moves has one place instead of one per row."""
    poses = trace.objects[:, number]
    if (poses == poses[:1]).all():
        poses = poses[:1]
    x, y, yaw = (_rounded(poses[:, column]) for column in range(3))
    length_m, width_m = trace.object_sizes[number].round(3).tolist()
    return {
        "length_m": length_m,
        "width_m": width_m,
        "x_m": x,
        "y_m": y,
        "yaw_rad": [angle or 0.0 for angle in yaw],
    }


def _rounded(values: NDArray[np.float64]) -> list[float | None]:
    """Return numbers to the millimetre, None (JSON has no NaN) while the object is not there."""
    return [None if math.isnan(value) else round(value, 3) for value in values.tolist()]
