"""A dozen named states for `arena check`: what a reward function will meet sooner or later, as params rows.

The states are real ones: cars are put there and read by the same code as in a drive. Where a race has objects
there are states beside one of them, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from simulator.car import CLASSIC, SPEED, standing_state
from simulator.encounters import Encounters
from simulator.objects import Objects
from simulator.params import row_width
from simulator.road import Road, road_of
from simulator.situation import Situation, assess, write_params
from simulator.track import Track


@dataclass(frozen=True, slots=True)
class CannedState:
    """A named params row, in the order of `params.COLUMNS`, with cells for each object if any moves."""

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
"""On any track."""

AT_OBJECTS = (
    ("behind an object", -0.8, 1.0),
    ("beside an object", 0.0, -1.0),
    ("in an object", -0.1, 1.0),
    ("past an object", 0.6, -1.0),
)
"""Way (m) from an object to the nose, and the side: 1 is the object's own, -1 the other lane's middle."""


def canned_states(track: Track, objects: Objects | None = None) -> tuple[CannedState, ...]:
    """Return the states on a track, with what is around one car there [1, k] if anything is."""
    road = road_of(track)
    if objects is not None:  # whose fault a crash is depends on where the car is: here it is put elsewhere
        objects = replace(objects, behind=np.zeros_like(objects.behind))
    poses = POSES if objects is None else (*POSES, *_meetings(objects))
    return tuple(CannedState(pose.name, _row(road, pose, objects)) for pose in poses)


def _meetings(objects: Objects) -> Iterator[_Pose]:
    """Yield the poses at the first object of the lap."""
    track, place = objects.track, int(objects.s_m[0].argmin())
    s_m, offset_m = float(objects.s_m[0, place]), float(objects.offset_m[0, place])
    offset = offset_m / float(track.width_at(np.array([s_m]))[0])
    for name, way_m, side in AT_OBJECTS:
        yield _Pose(name, (s_m + way_m) / track.length_m % 1.0, offset=side * offset)


def _row(road: Road, pose: _Pose, objects: Objects | None) -> tuple[float, ...]:
    now = _situation(road, pose)
    share = 100.0 * now.location.s_m / road.track.length_m
    progress = share if pose.progress is None else np.array([pose.progress])
    moving = 0 if objects is None or objects.shared else len(objects)
    rows = np.zeros((1, row_width(moving)))
    write_params(
        rows, now, np.array([[pose.steering_deg, pose.speed_mps]]), progress, np.array([pose.steps - 2])
    )
    if objects is not None:
        encounters = Encounters(CLASSIC, 1, len(objects))
        encounters.look(objects, now, np.zeros(1, dtype=np.bool_))
        encounters.write_params(objects, now, rows)
    return tuple(rows[0].tolist())


def _situation(road: Road, pose: _Pose) -> Situation:
    track = road.track
    s = np.array([pose.lap * track.length_m])
    heading = track.heading_at(s) + np.radians(pose.turned_deg)
    nose = track.at(s, pose.offset * track.width_at(s))
    # A start has its base, not its nose, on the line.
    back = 0.0 if pose.name == "start" else CLASSIC.base_to_nose_m
    state = standing_state(
        nose[:, 0] - back * np.cos(heading), nose[:, 1] - back * np.sin(heading), heading, CLASSIC
    )
    state[SPEED] = 0.0 if pose.name == "start" else pose.speed_mps
    return assess(road, CLASSIC, state, track.project(nose).segment)
