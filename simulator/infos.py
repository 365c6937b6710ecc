"""What gymnasium is told of drives that ended: the infos of its SAME_STEP autoreset, arrays with masks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.laps import Outcome
from simulator.sensors.suite import Observation, picked


def final_infos(
    ended: NDArray[np.bool_],
    final_observation: Observation,
    status: NDArray[np.int64],
    progress: NDArray[np.float64],
    outcomes: Mapping[int, Outcome],
) -> dict[str, Any]:
    """Return the infos of a step; all but `outcomes` (car -> outcome) have one entry per car [n]."""
    final = np.full(len(ended), None, dtype=object)
    for car in ended.nonzero()[0].tolist():
        final[car] = picked(final_observation, car)
    lap_time_ms = np.zeros(len(ended), dtype=np.int64)
    for car, outcome in outcomes.items():
        if outcome.laps:
            lap_time_ms[car] = outcome.laps[-1].lap_time_ms
    final_info = {
        "status": status,
        "_status": ended,
        "progress": progress,
        "_progress": ended,
        "lap_time_ms": lap_time_ms,
        "_lap_time_ms": lap_time_ms > 0,
    }
    return {"final_obs": final, "_final_obs": ended, "final_info": final_info, "_final_info": ended}
