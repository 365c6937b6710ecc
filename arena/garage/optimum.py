"""The fastest lap that physics allows: a flying lap by direct collocation, solved by IPOPT through CasADi.

The road is cut by cross-lines between its borders every `NODE_SPACING_M`. Unknown on each: where the rear
axle crosses it, heading, curvature asked of the tyres and speed; between two: the length of the path, the
acceleration and the commanded curvature. The car obeys the friction circle, the steering lag, full lock and
top speed of its `CarSpec`; the lap closes on itself, so that it may start anywhere.

Two problems share the equations. `fastest_lap` is the bound: a hard circle, and the car's centre may exceed
the border by half a track width, when one rear wheel is still on the road. `drivable_lap` is what a driver
can follow: a share of the grip, the soft circle of `simulator.car` and its speed lag, within the borders.

Needs CasADi (`pip install "apex-arena[optimum]"`), which is imported only to solve: results are stored.
`python -m arena.garage.optimum [SPEC ...]` solves the shipped tracks anew, both ways round.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator import tracks
from simulator.car import CLASSIC, SPECS, CarSpec
from simulator.optimum import Optimum, versions_of
from simulator.planning import CrossLines, cross_lines
from simulator.track import Track

__all__ = ["OptimumError", "SolverMissingError", "drivable_lap", "fastest_lap"]

FloatArray = NDArray[np.float64]

NODE_SPACING_M = 0.27
"""Half of it shortens lap times by 0.1 % in the median, by 0.26 % at most."""
FIRST_SPEED_MPS = 1.5
SMOOTHNESS = 1e-5
"""Weight of the commands' changes in the objective: where time is indifferent, the smooth lap is chosen."""
SOLVER_OPTIONS = {
    "print_time": False,
    "ipopt": {"print_level": 0, "sb": "yes", "max_iter": 2000, "max_cpu_time": 60.0, "tol": 1e-7},
}
UNKNOWN = ("share", "heading", "curvature", "speed", "length", "acceleration", "command")
DRIVER_GRIP_SHARE = 0.93
DRIVER_OVER_BORDER_M = 0.02
"""Leaves the reference driver 6 cm until no wheel is on the road; it keeps its line to 1 or 2."""


class OptimumError(RuntimeError):
    """The solver found no lap."""


class SolverMissingError(OptimumError):
    """CasADi is not installed."""

    def __init__(self) -> None:
        super().__init__(
            'computing an optimum lap needs CasADi: install it with  pip install "apex-arena[optimum]"  '
            "(the shipped tracks come with their optimum)"
        )


@dataclass(frozen=True, slots=True)
class _Problem:
    """What is asked of the solver: whose car, how far over the border, which circle."""

    track: Track
    spec: CarSpec
    grip_mps2: float
    over_border_m: float
    is_soft: bool

    @property
    def max_curvature_pm(self) -> float:
        """Return the curvature (1/m) asked of the tyres at full lock."""
        spec = self.spec
        return spec.steering_gain * math.tan(spec.max_steering_rad) / spec.wheelbase_m


def fastest_lap(track: Track, spec: CarSpec = CLASSIC) -> Optimum:
    """Return the minimum-time flying lap; raise `OptimumError` if there is none, or no solver."""
    return _solve(_Problem(track, spec, spec.grip_mps2, spec.half_track_m, is_soft=False), None)


def drivable_lap(track: Track, spec: CarSpec = CLASSIC) -> Optimum:
    """Return the fastest lap of a careful car that keeps nearly within the borders: the driver's plan."""
    grip = DRIVER_GRIP_SHARE * spec.grip_mps2
    hard = _solve(_Problem(track, spec, grip, DRIVER_OVER_BORDER_M, is_soft=False), None)
    return _solve(_Problem(track, spec, grip, DRIVER_OVER_BORDER_M, is_soft=True), hard)


def _solve(problem: _Problem, start: Optimum | None) -> Optimum:
    """Solve, from the middle of the road or from an easier problem's lap."""
    casadi = _casadi()
    lines = cross_lines(problem.track, NODE_SPACING_M)
    n = len(lines.s_m)
    x = {name: casadi.SX.sym(name, n) for name in UNKNOWN}
    equations, limits, dt, curvature = _equations(casadi, problem, lines, x)
    changes = casadi.diff(casadi.vertcat(x["command"], x["command"][0]))
    unknown = casadi.vertcat(*x.values())
    task = {
        "x": unknown,
        "f": casadi.sum1(dt) + SMOOTHNESS * casadi.sumsqr(changes),
        "g": casadi.vertcat(equations, limits),
    }
    low, high = _bounds(problem, lines)
    least = np.concatenate([np.zeros(equations.numel()), np.full(limits.numel(), -np.inf)])
    solver = casadi.nlpsol("lap", "ipopt", task, SOLVER_OPTIONS)
    solution = solver(x0=_first_guess(problem, lines, start), lbx=low, ubx=high, lbg=least, ubg=0.0)
    _demand_success(problem, solver.stats())
    values = dict(zip(UNKNOWN, solution["x"].full().reshape(len(UNKNOWN), n), strict=True))
    times, curvature = casadi.Function("lap", [unknown], [dt, curvature])(solution["x"])
    return _result(problem, lines, values, float(times.full().sum()), curvature.full().ravel())


def _casadi() -> Any:
    try:
        import casadi
    except ImportError:
        raise SolverMissingError from None
    return casadi


def _demand_success(problem: _Problem, stats: dict[str, Any]) -> None:
    if not stats["success"]:
        raise OptimumError(
            f"no optimum lap found on {problem.track.name!r}: the solver stopped with "
            f"{stats['return_status']}. Is the road wider than {2 * problem.spec.half_track_m:.2f} m "
            f"everywhere, and no bend tighter than full lock ({1 / problem.max_curvature_pm:.2f} m)?"
        )


def _equations(
    casadi: Any, problem: _Problem, lines: CrossLines, x: dict[str, Any]
) -> tuple[Any, Any, Any, Any]:
    """Return what must be 0, what must not be positive, the times between the lines and the curvatures."""
    after = {name: casadi.vertcat(part[1:], part[0]) for name, part in x.items()}
    turns = np.zeros(len(lines.s_m))
    turns[-1] = 2.0 * np.pi * _turns(lines)
    heading, heading_after = x["heading"], after["heading"] + turns
    grip, speed, length = problem.grip_mps2, x["speed"], x["length"]
    demand = speed**2 * x["curvature"] / grip
    squeeze = casadi.sqrt(1.0 + demand**2) if problem.is_soft else 1.0
    curvature = x["curvature"] / squeeze
    curvature_after = casadi.vertcat(curvature[1:], curvature[0]) if problem.is_soft else after["curvature"]
    middle = (heading + heading_after) / 2 + length / 8 * (curvature - curvature_after)
    dt = 2 * length / (speed + after["speed"])
    decay = casadi.exp(-dt / problem.spec.steering_lag_s)
    equations = [
        heading_after - heading - length * (curvature + curvature_after) / 2,
        after["speed"] ** 2 - speed**2 - 2 * x["acceleration"] * length,
        after["curvature"] - x["command"] - (x["curvature"] - x["command"]) * decay,
    ]
    for axis, turn in enumerate((casadi.cos, casadi.sin)):
        here = lines.right[:, axis] + x["share"] * (lines.left - lines.right)[:, axis]
        way = length / 6 * (turn(heading) + 4 * turn(middle) + turn(heading_after))
        equations.append(casadi.vertcat(here[1:], here[0]) - here - way)
    return casadi.vertcat(*equations), _limits(casadi, problem, x, after), dt, curvature


def _limits(casadi: Any, problem: _Problem, x: dict[str, Any], after: dict[str, Any]) -> Any:
    """Return the friction circle at both ends of each piece and, for a driver, the lag of the speed."""
    grip, push = problem.grip_mps2, (x["acceleration"] / problem.grip_mps2) ** 2
    limits = []
    for end in (x, after):
        demand = (end["speed"] ** 2 * end["curvature"] / grip) ** 2
        limits.append(push * (1.0 + demand) - 1.0 if problem.is_soft else push + demand - 1.0)
    if problem.is_soft:
        room = (problem.spec.max_speed_mps - after["speed"]) / problem.spec.speed_lag_s
        limits.append(x["acceleration"] - room)
    return casadi.vertcat(*limits)


def _turns(lines: CrossLines) -> float:
    """Return how often the circuit turns round: 1 counter-clockwise, -1 clockwise."""
    return float(np.rint((_headings(lines)[-1] - _headings(lines)[0]) / (2.0 * np.pi)))


def _headings(lines: CrossLines) -> FloatArray:
    """Return the headings [n + 1] of the middle line, unwrapped over one lap."""
    middle = (lines.left + lines.right) / 2
    step = np.roll(middle, -1, axis=0) - np.roll(middle, 1, axis=0)
    heading = np.arctan2(step[:, 1], step[:, 0])
    return np.unwrap(np.append(heading, heading[0]))


def _bounds(problem: _Problem, lines: CrossLines) -> tuple[FloatArray, FloatArray]:
    spec, n, lock = problem.spec, len(lines.s_m), problem.max_curvature_pm
    over = problem.over_border_m / lines.width_m
    low: dict[str, Any] = {"share": -over, "curvature": -lock, "speed": 0.3, "length": 0.01, "command": -lock}
    high: dict[str, Any] = {
        "share": 1.0 + over,
        "curvature": lock,
        "speed": spec.max_speed_mps,
        "length": 5.0 * NODE_SPACING_M,
        "command": lock,
    }
    free = np.full(n, np.inf)
    return (
        np.concatenate([np.broadcast_to(low.get(name, -free), n) for name in UNKNOWN]),
        np.concatenate([np.broadcast_to(high.get(name, free), n) for name in UNKNOWN]),
    )


def _first_guess(problem: _Problem, lines: CrossLines, start: Optimum | None) -> FloatArray:
    """Return the middle of the road at a gentle speed, or an easier problem's lap."""
    n = len(lines.s_m)
    heading = _headings(lines)
    if start is not None:
        across = lines.left - lines.right
        share = np.sum((start.line - lines.right) * across, axis=1) / lines.width_m**2
        length, heading = start.length_m, np.append(start.heading_rad, 0.0)
        curvature, speed = start.curvature_pm, 0.9 * start.speed_mps
    else:
        middle = (lines.left + lines.right) / 2
        length = np.hypot(*(np.roll(middle, -1, axis=0) - middle).T)
        share, speed = np.full(n, 0.5), np.full(n, FIRST_SPEED_MPS)
        curvature = np.diff(heading) / length
    lock = problem.max_curvature_pm
    curvature = np.clip(curvature, -lock, lock)
    return np.concatenate([share, heading[:n], curvature, speed, length, np.zeros(n), curvature])


def _result(
    problem: _Problem,
    lines: CrossLines,
    values: dict[str, FloatArray],
    lap_s: float,
    curvature: FloatArray,
) -> Optimum:
    return Optimum(
        lap_s=lap_s,
        line=lines.right + values["share"][:, None] * (lines.left - lines.right),
        s_m=lines.s_m,
        speed_mps=values["speed"],
        heading_rad=values["heading"],
        curvature_pm=curvature,
        length_m=values["length"],
        versions=versions_of(problem.track, problem.spec),
    )


def store_shipped(spec: CarSpec) -> None:
    """Solve every shipped track both ways for a car and write the results beside the tracks."""
    for name in tracks.names():
        for track in (tracks.load(name), tracks.load(name).reversed()):
            fastest, plan = fastest_lap(track, spec), drivable_lap(track, spec)
            for kind, lap in (("optimum", fastest), ("plan", plan)):
                lap.save(tracks.planned_path(name, kind, track.is_reversed, spec.name))
            way = "reversed" if track.is_reversed else ""
            print(f"{spec.name:<9}{name:<14}{way:<10}{fastest.lap_s:.3f} {plan.lap_s:.3f}")


if __name__ == "__main__":
    for name in sys.argv[1:] or SPECS:
        store_shipped(SPECS[name])
