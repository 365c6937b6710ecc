"""A dozen named states for `arena check`: what a reward function will meet sooner or later, as params rows.

The states are real ones: cars are put there and read by the same code as in a drive.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.car import CLASSIC, SPEED, standing_state
from simulator.params import COLUMNS
from simulator.road import Road, road_of
from simulator.situation import assess, write_params
from simulator.track import Track


@dataclass(frozen=True, slots=True)
class CannedState:
    """A named params row, in the order of `params.COLUMNS`."""

    name: str
    row: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Pose:
    """Where a car is put: share of the lap, offset as a share of the width (left +), heading error."""

    name: str
    lap: float
    offset: float = 0.0
    turned_deg: float = 0.0
    steering_deg: float = 0.0
    speed_mps: float = 2.0
    steps: int = 150
    progress: float | None = None


POSES = (
    _Pose("start", 0.0, steps=2, speed_mps=1.0),
    _Pose("on the centre line", 0.25),
    _Pose("left of the centre line", 0.4, offset=0.25, steering_deg=-10.0),
    _Pose("right of the centre line", 0.4, offset=-0.25, steering_deg=10.0),
    _Pose("two wheels over the left border", 0.55, offset=0.5, steering_deg=-30.0),
    _Pose("two wheels over the right border", 0.55, offset=-0.5, steering_deg=30.0),
    _Pose("off the track on the left", 0.7, offset=0.8, steering_deg=-30.0, speed_mps=4.0),
    _Pose("off the track on the right", 0.7, offset=-0.8, steering_deg=30.0, speed_mps=4.0),
    _Pose("across the track", 0.8, turned_deg=90.0, steering_deg=-30.0, speed_mps=0.5),
    _Pose("facing the wrong way", 0.8, turned_deg=180.0),
    _Pose("rolled back behind the start", 0.98, turned_deg=180.0, steps=20, progress=-2.0),
    _Pose("full speed before the finish", 0.985, speed_mps=4.0, steps=300),
    _Pose("last step of a lap", 0.001, speed_mps=4.0, steps=305, progress=100.0),
)


def canned_states(track: Track) -> tuple[CannedState, ...]:
    """Return the states on a track."""
    road = road_of(track)
    return tuple(CannedState(pose.name, _row(road, track, pose)) for pose in POSES)


def _row(road: Road, track: Track, pose: _Pose) -> tuple[float, ...]:
    s = np.array([pose.lap * track.length_m])
    heading = track.heading_at(s) + np.radians(pose.turned_deg)
    nose = track.at(s, pose.offset * track.width_at(s))
    # A start has its base, not its nose, on the line.
    back = 0.0 if pose.name == "start" else CLASSIC.base_to_nose_m
    state = standing_state(
        nose[:, 0] - back * np.cos(heading), nose[:, 1] - back * np.sin(heading), heading, CLASSIC
    )
    state[SPEED] = 0.0 if pose.name == "start" else pose.speed_mps
    now = assess(road, CLASSIC, state, track.project(nose).segment)
    progress = (
        100.0 * now.location.s_m / track.length_m if pose.progress is None else np.array([pose.progress])
    )
    rows = np.zeros((1, len(COLUMNS)))
    write_params(
        rows, now, np.array([[pose.steering_deg, pose.speed_mps]]), progress, np.array([pose.steps - 2])
    )
    return tuple(rows[0].tolist())
