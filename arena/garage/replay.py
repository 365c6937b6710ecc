"""How well a car model foretells logged drives: open-loop errors after one second.

From each row of a drive the model starts at the logged pose and is then led by the logged commands alone, for
15 steps. What a log does not show (speed and steering of the car itself) follows from the commands since the
drive began. A plain kinematic bicycle, which obeys at once and never slides, is put to the same test.

Three things decide the figures, more than the model does (all three measured on logs of the real simulator):

- the rows of `prepare`, `pause` and `park` are no starts: their action does not act;
- time. Logs of the old simulators (`classic`) carry noise in their time stamps: a step is 1/15 s whatever
  they say. Those of `v6` are late by one row: the action of row k acts as long as row k - 1 lasted;
- the point. Errors are the rear axle's, which the physics moves; at the nose, 0.22 m ahead, an error of the
  heading counts once more. Both are reported.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.car import SPEED, STEERING, STEP_S, YAW, CarSpec, X, Y, advance, wrapped_angle
from simulator.logs import STANDING, DriveLog, LogError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Model = Callable[[FloatArray, IntArray], FloatArray]
"""(state [6, m], row of the log whose command holds [m]) -> state one row later."""

HORIZON_STEPS = 15
"""One second."""
FARTHEST_STEP_M = 1.0
"""A car drives at most 0.27 m in a step; one that is farther off was put there."""
LONGEST_STEP_S = 1.0
# Specs whose logs pair a pose with the duration of the row before.
LATE_CLOCK = frozenset({"v6"})


@dataclass(frozen=True, slots=True)
class ReplayErrors:
    """Root mean squares over all starts; positions at the rear axle unless named otherwise."""

    spec: str
    rows: int
    episodes: int
    starts: int
    position_rms_m: float
    yaw_rms_deg: float
    bicycle_position_rms_m: float
    bicycle_yaw_rms_deg: float
    nose_position_rms_m: float
    bicycle_nose_position_rms_m: float

    def as_json(self) -> dict[str, object]:
        """Return everything by name, to a tenth of a millimetre and degree."""
        rounded = {name: round(value, 4) for name, value in asdict(self).items() if isinstance(value, float)}
        return asdict(self) | rounded


@dataclass(frozen=True, slots=True)
class Foretold:
    """How far off a model is one second after each start [m] of a log."""

    drive: IntArray
    """The number of the drive that each start belongs to; starts of a drive follow one another."""
    position_m: FloatArray
    """Of the rear axle."""
    nose_m: FloatArray
    yaw_rad: FloatArray

    @property
    def rms(self) -> tuple[float, float, float]:
        """Return the root mean squares of rear axle (m), nose (m) and heading (degrees)."""
        return _rms(self.position_m), _rms(self.nose_m), float(np.degrees(_rms(self.yaw_rad)))


def replay(log: DriveLog, spec: CarSpec) -> ReplayErrors:
    """Compare `spec` and a kinematic bicycle with a log.

    Raises `LogError` when no drive in it lasts for longer than a second.
    """
    ours, bicycle = foretold(log, spec), foretold(log, spec, bicycle=True)
    position_m, nose_m, yaw_deg = ours.rms
    bicycle_position_m, bicycle_nose_m, bicycle_yaw_deg = bicycle.rms
    return ReplayErrors(
        spec=spec.name,
        rows=len(log),
        episodes=len(np.unique(log.episode)),
        starts=len(ours.drive),
        position_rms_m=position_m,
        yaw_rms_deg=yaw_deg,
        bicycle_position_rms_m=bicycle_position_m,
        bicycle_yaw_rms_deg=bicycle_yaw_deg,
        nose_position_rms_m=nose_m,
        bicycle_nose_position_rms_m=bicycle_nose_m,
    )


def foretold(log: DriveLog, spec: CarSpec, *, late_steps: int = 0, bicycle: bool = False) -> Foretold:
    """Lead the model from every start of a log through the second after it.

    `late_steps` lets commands act that many steps late. Raises `LogError` when there is no start.
    """
    begins, ends = drives(log)
    starts = np.flatnonzero(_is_start(begins, ends, len(log)))
    if not len(starts):
        raise LogError(
            f"expected a drive of at least {HORIZON_STEPS + 1} steps in a row (a second), found none in "
            f"{len(log):,} rows: the log is too short, or rows are missing in between"
        )
    durations = step_durations(log, spec)
    drive = np.maximum(np.searchsorted(begins, np.arange(len(log)), side="right") - 1, 0)
    acting = np.maximum(np.arange(len(log)) - late_steps, begins[drive])
    car = _car_model(log, spec, durations, acting)
    hidden = _hidden_states(log, car, begins, ends)
    model = _bicycle_model(log, spec, durations) if bicycle else car
    return Foretold(drive[starts], *_errors(log, spec, model, starts, hidden))


def _is_start(begins: IntArray, ends: IntArray, rows: int) -> NDArray[np.bool_]:
    """Say of each row whether its drive lasts for another second."""
    found = np.zeros(rows, dtype=np.bool_)
    for begin, end in zip(begins, ends, strict=True):
        found[begin : max(begin, end - HORIZON_STEPS)] = True
    return found


def drives(log: DriveLog) -> tuple[IntArray, IntArray]:
    """Return first and one-past-last rows of the drives whose hidden states are known.

    A drive begins where the car stands: with an episode, or after a pause. It goes on over the finish line
    where the next lap is flying, and ends where rows are missing or the car is put elsewhere.
    """
    moving = ~np.isin(log.status, list(STANDING))
    same = np.diff(log.episode) == 0.0
    next_step = same & (np.diff(log.steps) == 1.0)
    flying = (log.status[:-1] == "lap_complete") & (np.diff(log.episode) == 1.0) & (log.steps[1:] == 1.0)
    near = np.hypot(np.diff(log.x_m), np.diff(log.y_m)) < FARTHEST_STEP_M
    joined = moving[:-1] & moving[1:] & near & (next_step | flying)
    from_rest = np.append(log.steps[0] <= 2.0, (same & ~moving[:-1]) | (log.steps[1:] <= 2.0))
    begins = np.flatnonzero(moving & ~np.append(False, joined))
    ends = np.flatnonzero(moving & ~np.append(joined, False)) + 1
    known = from_rest[begins]
    return begins[known], ends[known]


def step_durations(log: DriveLog, spec: CarSpec) -> FloatArray:
    """Return for how long (s) the action of each row [n] acts, in whole milliseconds; see the module."""
    constant = np.full(len(log), STEP_S)
    if spec.name not in LATE_CLOCK:
        return constant
    before = np.append(0.0, np.round(np.diff(log.t_s), 3))
    usable = (before > 0.0) & (before <= LONGEST_STEP_S) & np.append(False, np.diff(log.episode) == 0.0)
    return np.where(usable, before, constant)


def _car_model(log: DriveLog, spec: CarSpec, durations: FloatArray, acting: IntArray) -> Model:
    """Our car; in the step of row k the command of row `acting[k]` holds."""

    def after(state: FloatArray, rows: IntArray) -> FloatArray:
        result = np.empty_like(state)
        lasting = durations[rows]
        for step_s in np.unique(lasting):
            cars = lasting == step_s
            of = acting[rows[cars]]
            result[:, cars] = advance(
                state[:, cars], log.steering_deg[of], log.speed_mps[of], spec, float(step_s)
            )
        return result

    return after


def _bicycle_model(log: DriveLog, spec: CarSpec, durations: FloatArray) -> Model:
    """The bicycle of the textbooks: commands hold at once, the wheels do not slide."""

    def after(state: FloatArray, rows: IntArray) -> FloatArray:
        way = log.speed_mps[rows] * durations[rows]
        turn = way * np.tan(np.radians(log.steering_deg[rows])) / spec.wheelbase_m
        heading = state[YAW] + 0.5 * turn
        result = state.copy()
        result[X] += way * np.cos(heading)
        result[Y] += way * np.sin(heading)
        result[YAW] += turn
        return result

    return after


def _hidden_states(log: DriveLog, model: Model, begins: IntArray, ends: IntArray) -> FloatArray:
    """Return speed and steering [2, n] that follow from the commands since each drive began."""
    hidden = np.zeros((2, len(log)))
    state, rows, last = np.zeros((6, len(begins))), begins, ends
    while len(rows):
        hidden[:, rows] = state[[SPEED, STEERING]]
        state = model(state, rows)
        going = rows + 1 < last
        state, rows, last = state[:, going], rows[going] + 1, last[going]
    return hidden


def _errors(
    log: DriveLog, spec: CarSpec, model: Model, starts: IntArray, hidden: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the errors [m] after a second: rear axle (m), nose (m), heading (rad)."""
    state = np.zeros((6, len(starts)))
    state[[X, Y]], state[YAW] = _rear_axle(log, spec, starts), log.yaw_rad[starts]
    state[[SPEED, STEERING]] = hidden[:, starts]
    for step in range(HORIZON_STEPS):
        state = model(state, starts + step)
    end = starts + HORIZON_STEPS
    rear = state[[X, Y]] - _rear_axle(log, spec, end)
    ahead = spec.rear_to_nose_m * np.stack([np.cos(state[YAW]), np.sin(state[YAW])])
    nose = state[[X, Y]] + ahead - np.stack([log.x_m[end], log.y_m[end]])
    turned = wrapped_angle(state[YAW] - log.yaw_rad[end])
    return np.hypot(*rear), np.hypot(*nose), turned


def _rear_axle(log: DriveLog, spec: CarSpec, rows: IntArray) -> FloatArray:
    """Return the rear axle [2, m] (m) of the logged noses."""
    yaw = log.yaw_rad[rows]
    back = spec.rear_to_nose_m * np.stack([np.cos(yaw), np.sin(yaw)])
    return np.stack([log.x_m[rows], log.y_m[rows]]) - back


def _rms(errors: FloatArray) -> float:
    return float(np.sqrt(np.mean(errors**2)))
