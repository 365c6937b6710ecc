"""How imperfect is the real simulator's car? Grip, latency and noise out of its logs.

`python -m benchmarks.imperfections [LOG ... --spec classic|v6] [--json]`. Without a log it takes those beside
the repository, which are no part of it. The constants of `simulator.imperfections` were read off here.

- grip: for each drive of three seconds or more, the share of the spec's grip that foretells it best (open
  loop, one second). Only the half of the drives whose errors depend most on the grip are counted: the others
  hardly ever come near the limit. Do the halves of one drive agree? If not, the spread is the method's.
- latency: the share of drives that are foretold best with commands 0, 1 and 2 steps late.
- noise: second differences of headings, speeds and places (median absolute deviation, over the square root of
  6, which white noise would show).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from arena.garage.replay import Foretold, drives, foretold, step_durations
from simulator.car import SPECS, CarSpec, wrapped_angle
from simulator.logs import DriveLog, read_log

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

BESIDE = Path(__file__).parents[2] / "shared" / "reference" / "traces"
SHARES = np.arange(0.5, 2.01, 0.1)
LATE_STEPS = (0, 1, 2)
LEAST_STARTS = 45
"""Drives of less than three seconds say too little."""
FARTHEST_M = 0.5
"""Errors count no more than this: a single crash is not to decide."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What a log shows; shares are of the spec's grip."""

    spec: str
    drives: int
    grip_drives: int
    grip_p5: float
    grip_median: float
    grip_p95: float
    grip_halves_correlation: float
    late_shares: tuple[float, ...]
    """Share of the drives that are foretold best by 0, 1, 2 steps of latency."""
    step_p1_s: float
    step_p99_s: float
    yaw_noise_deg: float
    speed_noise_mps: float
    along_noise_m: float
    across_noise_m: float


def examine(log: DriveLog, spec: CarSpec) -> Findings:
    """Find out about one log."""
    errors = [foretold(log, replace(spec, grip_mps2=spec.grip_mps2 * share)) for share in SHARES.tolist()]
    late = [foretold(log, spec, late_steps=steps) for steps in LATE_STEPS]
    counted = np.bincount(errors[0].drive)
    long = np.flatnonzero(counted >= LEAST_STARTS)
    if len(long) < 3:
        raise SystemExit(f"expected three drives of three seconds or more, found {len(long)}")
    best, depends = _best_grips(errors, long, lambda starts: starts)
    telling = depends >= np.median(depends)
    halves = [_best_grips(errors, long, half)[0][telling] for half in (_first_half, _second_half)]
    costs = np.array([_costs(late, errors[0].drive == drive) for drive in long.tolist()])
    low, middle, high = np.quantile(best[telling], [0.05, 0.5, 0.95]).round(3).tolist()
    by_latency = np.bincount(costs.argmin(axis=1), minlength=len(LATE_STEPS)) / len(long)
    first_s, last_s = _durations(log)
    yaw_deg, speed_mps, along_m, across_m = _noise(log, spec)
    return Findings(
        spec=spec.name,
        drives=len(long),
        grip_drives=int(telling.sum()),
        grip_p5=low,
        grip_median=middle,
        grip_p95=high,
        grip_halves_correlation=round(_correlation(*halves), 2),
        late_shares=tuple(by_latency.round(3).tolist()),
        step_p1_s=first_s,
        step_p99_s=last_s,
        yaw_noise_deg=yaw_deg,
        speed_noise_mps=speed_mps,
        along_noise_m=along_m,
        across_noise_m=across_m,
    )


def _correlation(one: FloatArray, other: FloatArray) -> float:
    together = np.mean((one - one.mean()) * (other - other.mean()))
    return float(together / (one.std() * other.std()))


def _costs(errors: list[Foretold], starts: BoolArray) -> FloatArray:
    """Return the mean square error [models] of each model over some starts."""
    positions = [np.minimum(model.position_m[starts], FARTHEST_M) for model in errors]
    return np.array([np.mean(position**2) for position in positions])


def _best_grips(
    errors: list[Foretold], long: NDArray[np.int64], part: Callable[[BoolArray], BoolArray]
) -> tuple[FloatArray, FloatArray]:
    """Return the best share of the grip of each drive, and how much its error depends on the share."""
    best, depends = np.empty(len(long)), np.empty(len(long))
    for place, drive in enumerate(long.tolist()):
        cost = _costs(errors, part(errors[0].drive == drive))
        at = min(max(int(cost.argmin()), 1), len(SHARES) - 2)
        before, here, after = cost[at - 1 : at + 2]
        bend = before - 2.0 * here + after
        depends[place] = bend
        lowest = 0.5 * (before - after) / bend if bend > 0.0 else 0.0
        best[place] = SHARES[at] + (SHARES[1] - SHARES[0]) * np.clip(lowest, -1.0, 1.0)
    return best, depends


def _first_half(starts: BoolArray) -> BoolArray:
    return np.asarray(starts & (np.cumsum(starts) <= 0.5 * starts.sum() - 7))


def _second_half(starts: BoolArray) -> BoolArray:
    # 15 starts in between belong to neither: theirs is the same second.
    return np.asarray(starts & (np.cumsum(starts) > 0.5 * starts.sum() + 8))


def _joined(log: DriveLog) -> BoolArray:
    """Say of each row whether the next one is of the same drive."""
    joined = np.zeros(len(log), dtype=np.bool_)
    for begin, end in zip(*drives(log), strict=True):
        joined[begin : end - 1] = True
    return joined[:-1]


def _durations(log: DriveLog) -> tuple[float, float]:
    lasting = np.diff(log.t_s)[_joined(log)]
    first, last = np.quantile(lasting, [0.01, 0.99]).tolist()
    return round(first, 3), round(last, 3)


def _noise(log: DriveLog, spec: CarSpec) -> tuple[float, float, float, float]:
    """Return the noise of heading (deg), speed (m/s), and place along and across the heading (m)."""
    joined = _joined(log)
    two, three = joined[:-1] & joined[1:], joined[:-2] & joined[1:-1] & joined[2:]
    turns = np.diff(wrapped_angle(np.diff(log.yaw_rad)))[two]
    speeds = np.hypot(np.diff(log.x_m), np.diff(log.y_m)) / step_durations(log, spec)[:-1]
    x, y = np.diff(log.x_m, n=2)[two], np.diff(log.y_m, n=2)[two]
    cos, sin = np.cos(log.yaw_rad[1:-1])[two], np.sin(log.yaw_rad[1:-1])[two]
    of_one = (np.degrees(turns), np.diff(speeds, n=2)[three], x * cos + y * sin, y * cos - x * sin)
    yaw, speed, along, across = (round(_spread(values) / 6.0**0.5, 4) for values in of_one)
    return yaw, speed, along, across


def _spread(values: FloatArray) -> float:
    """Return the standard deviation that a normal distribution of this median deviation has."""
    return 1.4826 * float(np.median(np.abs(values - np.median(values))))


def main() -> None:
    """Print what each log shows, or JSON for a program."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("logs", nargs="*", type=Path, metavar="LOG")
    parser.add_argument("--spec", choices=list(SPECS), default="classic")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a list")
    arguments = parser.parse_args()
    wanted = [(path, arguments.spec) for path in arguments.logs]
    wanted = wanted or [(BESIDE / f"{name}.csv.gz", name) for name in SPECS]
    for path, name in wanted:
        if not path.is_file():
            print(f"no log to examine: {path} is not there")
            continue
        findings = asdict(examine(read_log(path), SPECS[name]))
        if arguments.json:
            print(json.dumps(findings))
        else:
            print("\n".join([f"{path.name}", *(f"  {key:<24}{value}" for key, value in findings.items())]))


if __name__ == "__main__":
    main()
