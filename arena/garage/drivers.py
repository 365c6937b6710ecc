"""Who sits at the wheel in a race: a trained policy, or the reference driver.

A seat turns what its car sees into a command. Policies see by their own columns only; the reference driver
follows a planned lap, sees nobody and is told where it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from arena.garage.policy import Policy
from simulator.car import CarSpec
from simulator.driver import FULL_RANGE, ReferenceDriver
from simulator.planning import plan_for
from simulator.sensors import OBSERVATION_COLUMNS
from simulator.track import Track

REFERENCE: Final = "reference"

Entrant = Policy | Literal["reference"]
Seat = Callable[[NDArray[np.float32], NDArray[np.float64]], NDArray[np.float64]]
"""(observation [1, columns], state [6, 1]) -> command [1, 2] (steering deg, speed m/s)."""


def sense_of(entrants: Sequence[Entrant]) -> str:
    """Return the sense that has all columns which these entrants want to see."""
    wanted = [entrant.columns for entrant in entrants if entrant != REFERENCE]
    return "vector" if all(columns == OBSERVATION_COLUMNS for columns in wanted) else "object_vector"


def seats_of(entrants: Sequence[Entrant], track: Track, spec: CarSpec) -> list[Seat]:
    """Return a seat for each entrant on a track, in the direction of driving."""
    reference = None
    if REFERENCE in entrants:
        reference = _reference_seat(ReferenceDriver(plan_for(track, spec), spec))
    return [
        reference if reference and entrant == REFERENCE else _policy_seat(entrant)  # type: ignore[arg-type]
        for entrant in entrants
    ]


def _policy_seat(policy: Policy) -> Seat:
    # The columns of the objects stand behind those of the plain vector.
    count = len(policy.columns)
    return lambda seen, _: policy.actions.to_command(policy.act(seen[:, :count]))


def _reference_seat(driver: ReferenceDriver) -> Seat:
    return lambda _, state: FULL_RANGE.to_command(driver.actions(state))
