"""Writes drives as the logs of the real simulator are written, for the tools that people have.

An episode is one lap: the first one of a drive begins with the row of `prepare` (steps 1, the car stands), a
flying lap with the step after the line. A completed lap's last row is the first one behind the line, so lap
times taken from a log are up to a step (1/15 s) longer than ours, which are interpolated, and the first lap's
another one, for `prepare`; both are so on the real thing.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulator.actions import ActionSpace, Discrete
from simulator.car import CLASSIC, STEP_S, YAW, CarSpec, X, Y
from simulator.logs import FIELDS
from simulator.road import road_of
from simulator.rules import Status
from simulator.situation import assess
from simulator.trace import Trace
from simulator.track import Track

FloatArray = NDArray[np.float64]

WRITTEN_FIELDS = FIELDS[:18]
"""Without the last one, the machine's clock: a drive is driven in simulated time. The crashes are those of
the lap so far."""


@dataclass(frozen=True, slots=True)
class LoggedDrive:
    """A drive of one or more laps with what its steps were paid [steps], on a leg of the course."""

    trace: Trace
    rewards: FloatArray
    leg: int = 0


@dataclass(frozen=True, slots=True)
class Scene:
    """What the rows of a log need to know besides the drive."""

    track: Track
    actions: ActionSpace
    spec: CarSpec = CLASSIC


@dataclass(frozen=True, slots=True)
class Episode:
    """One lap of a drive, ready to be written."""

    rows: tuple[tuple[object, ...], ...]
    """Without the episode's number, in the order of `WRITTEN_FIELDS`."""
    begin_s: float
    """On the clock of the log."""
    end_s: float
    status: Status
    progress: float
    reward: float


def episodes(drives: Sequence[LoggedDrive], *scenes: Scene) -> Iterator[Episode]:
    """Yield the laps of the drives one after the other, on one clock; there is a scene for each leg."""
    clock_s = 0.0
    for drive in drives:
        columns = _columns(drive, scenes[drive.leg])
        laps = drive.trace["lap"]
        borders = [0, *(np.flatnonzero(np.diff(laps)) + 1).tolist(), len(laps)]
        for begin, end in pairwise(borders):
            yield _episode(drive, columns, (begin, end), clock_s)
        clock_s += (len(laps) + 1) * STEP_S


def write_iteration(path: Path, laps: Sequence[Episode], first_number: int = 0) -> None:
    """Write an `N-iteration.csv` with episodes numbered from `first_number` on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(iteration_bytes(laps, first_number))


def iteration_bytes(laps: Sequence[Episode], first_number: int = 0) -> bytes:
    """Return an `N-iteration.csv` with episodes numbered from `first_number` on."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(WRITTEN_FIELDS)
    for number, lap in enumerate(laps, start=first_number):
        writer.writerows((number, *row) for row in lap.rows)
    return text.getvalue().encode()


def _episode(
    drive: LoggedDrive, columns: Sequence[Sequence[object]], lap: tuple[int, int], clock_s: float
) -> Episode:
    begin, end = lap
    trace = drive.trace
    # The first row of the drive is step 2, one step after the row of `prepare`.
    at_s = clock_s + trace["t_s"] + STEP_S
    first = 2.0 if begin == 0 else 1.0
    crashes = np.cumsum(trace["status"][begin:end] == Status.CRASHED)
    rows = [
        (
            first + row - begin,
            *(column[row] for column in columns[:7]),
            row == end - 1,
            *(column[row] for column in columns[7:11]),
            float(at_s[row]),
            *(column[row] for column in columns[11:]),
            int(crashes[row - begin]),
        )
        for row in range(begin, end)
    ]
    if begin == 0:
        _, x, y, yaw, steer, throttle, action, *_ = rows[0]
        still = (1.0, x, y, yaw, steer, throttle, action, 0.0, False)
        rows.insert(0, (*still, *rows[0][9:13], clock_s, Status.PREPARE.name.lower(), 0.0, 0))
    return Episode(
        rows=tuple(rows),
        begin_s=clock_s if begin == 0 else float(at_s[begin - 1]),
        end_s=float(at_s[end - 1]),
        status=Status(int(trace["status"][end - 1])),
        progress=float(trace["progress"][end - 1]),
        reward=float(drive.rewards[begin:end].sum()),
    )


def _columns(drive: LoggedDrive, scene: Scene) -> list[Sequence[object]]:
    """Return the columns of `WRITTEN_FIELDS` but for episode, steps, done and tstamp."""
    trace, track = drive.trace, scene.track
    points = np.column_stack([trace["x_m"], trace["y_m"]])
    state = np.zeros((6, len(trace)))
    state[X] = trace["x_m"] - scene.spec.rear_to_nose_m * np.cos(trace["yaw_rad"])
    state[Y] = trace["y_m"] - scene.spec.rear_to_nose_m * np.sin(trace["yaw_rad"])
    state[YAW] = trace["yaw_rad"]
    now = assess(road_of(track), scene.spec, state, track.project(points).segment)
    behind = now.location.segment
    to_behind = now.location.s_m - track.vertex_s_m[behind]
    to_ahead = track.vertex_s_m[behind + 1] - now.location.s_m
    nearer = np.where(to_behind < to_ahead, behind, behind + 1)
    return [
        trace["x_m"].tolist(),
        trace["y_m"].tolist(),
        np.degrees(trace["yaw_rad"]).tolist(),
        trace["command_steering_deg"].tolist(),
        trace["command_speed_mps"].tolist(),
        _actions(trace, scene.actions),
        drive.rewards.tolist(),
        now.all_wheels_on.tolist(),
        trace["progress"].tolist(),
        nearer.tolist(),
        [track.length_m] * len(trace),
        [Status(int(code)).name.lower() for code in trace["status"]],
        _pauses_s(trace["status"]),
    ]


def _actions(trace: Trace, actions: ActionSpace) -> list[object]:
    """Return the action of each row: its number, or "[steering speed]" where there are no numbers."""
    commands = zip(trace["command_steering_deg"].tolist(), trace["command_speed_mps"].tolist(), strict=True)
    if isinstance(actions, Discrete):
        numbers = {command: number for number, command in reversed(list(enumerate(actions.actions)))}
        return [numbers[command] for command in commands]
    return [f"[{steering_deg} {speed_mps}]" for steering_deg, speed_mps in commands]


def _pauses_s(status: FloatArray) -> list[float]:
    """Return how much longer (s) the car is held, for each row."""
    left, pauses = 0, []
    for code in status[::-1].tolist():
        pauses.append(round(left * STEP_S, 3))
        left = left + 1 if code == Status.PAUSE else 0
    return pauses[::-1]
