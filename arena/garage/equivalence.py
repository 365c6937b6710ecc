"""Whether an exported policy drives as the policy itself does: the same actions, and the same laps.

Single precision and another library round differently, so actions are compared within a tolerance. A lap
adds up three hundred of them, and its time must be the same to the millisecond.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from arena.garage import racing
from arena.garage.drivers import Network
from simulator.actions import ActionSpace
from simulator.car import CarSpec
from simulator.course import Course
from simulator.sensors.rows import picture_shape, senses_of

MAX_ACTION_DIFFERENCE: Final = 1e-5
LAPS: Final = 3
_RANDOM_OBSERVATIONS: Final = 500
_RANDOM_LIMIT: Final = 2.0  # readings are scaled to about [-1, 1]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two networks did with the same."""

    observations: int
    """How many both have answered, random ones and those of a drive."""
    max_action_difference: float
    """Of actions in [-1, 1], or of the numbers of discrete ones."""
    lap_times_ms: tuple[int, ...]
    exported_lap_times_ms: tuple[int, ...]
    total_time_ms: int
    exported_total_time_ms: int

    @property
    def same(self) -> bool:
        """Whether the export may take the policy's place."""
        laps = self.lap_times_ms == self.exported_lap_times_ms
        total = self.total_time_ms == self.exported_total_time_ms
        return self.max_action_difference <= MAX_ACTION_DIFFERENCE and laps and total


@dataclass(slots=True)
class _Witness:
    """A network whose observations are kept."""

    network: Network
    seen: list[NDArray[np.floating]] = field(default_factory=list)

    @property
    def columns(self) -> tuple[str, ...]:
        return self.network.columns

    @property
    def actions(self) -> ActionSpace:
        return self.network.actions

    def act(self, observation: NDArray[np.floating]) -> NDArray[Any]:
        self.seen.append(observation.copy())
        return self.network.act(observation)


def compare(policy: Network, exported: Network, course: Course, spec: CarSpec) -> Comparison:
    """Let both drive the course and answer the same observations."""
    witness = _Witness(policy)
    own = racing.drive(witness, course, laps=LAPS, spec=spec)
    other = racing.drive(exported, course, laps=LAPS, spec=spec)
    observations = np.concatenate([_drawn(policy.columns), *witness.seen])
    difference = np.abs(policy.act(observations) - exported.act(observations))
    return Comparison(
        len(observations),
        float(difference.max()),
        tuple(lap.lap_time_ms for lap in own.laps),
        tuple(lap.lap_time_ms for lap in other.laps),
        own.total_time_ms,
        other.total_time_ms,
    )


def _drawn(columns: tuple[str, ...]) -> NDArray[np.float32]:
    """Return random rows [n, columns]: readings, and pixels where there are any."""
    chance = np.random.default_rng(0)
    rows = chance.uniform(-_RANDOM_LIMIT, _RANDOM_LIMIT, (_RANDOM_OBSERVATIONS, len(columns)))
    pixels = math.prod(picture_shape(senses_of(columns)) or (0,))
    if pixels:
        rows[:, -pixels:] = chance.integers(0, 256, (_RANDOM_OBSERVATIONS, pixels))
    return rows.astype(np.float32)
