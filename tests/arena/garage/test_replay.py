"""Open-loop errors: none against our own drives, known ones for the bicycle, within the bar on real logs."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from arena.garage.replay import HORIZON_STEPS, drives, foretold, replay
from benchmarks.imperfections import examine
from simulator import tracks
from simulator.actions import Continuous
from simulator.car import CLASSIC, SPECS, CarSpec
from simulator.imperfections import Imperfections
from simulator.logs import DriveLog, LogError, read_log
from simulator.rules import Rules
from simulator.simtrace import LoggedDrive, Scene, episodes, write_iteration
from simulator.starts import Starts
from simulator.trace import Trace
from simulator.vector import TrackVectorEnv
from tests.simulator.pilots import pursuit

OVAL = tracks.load("oval")
FULL_RANGE = Continuous((-30.0, 30.0), (0.1, 4.0))
TRACES = Path(
    os.environ.get("ARENA_REFERENCE") or Path(__file__).parents[4] / "shared" / "reference", "traces"
)


def driven(
    spec: CarSpec, seed: int, steps: int = 150, imperfections: Imperfections | None = None
) -> LoggedDrive:
    """Drive about at random, wherever the track is; being off it costs a second's pause."""
    rules = Rules.time_trial(1, off_track_penalty_s=1.0)
    env = TrackVectorEnv(
        OVAL, actions=FULL_RANGE, spec=spec, rules=rules, starts=Starts.LINE, imperfections=imperfections
    )
    env.reset(seed=seed)
    draw = np.random.default_rng(seed)
    rows: list[NDArray[np.float64]] = []
    for step in range(steps):
        if step % 5 == 0:
            action = draw.uniform(-1.0, [1.0, 0.0], (1, 2))
        env.step(action)
        rows.append(env.trace_rows())
    return LoggedDrive(Trace(np.concatenate(rows)), np.zeros(steps))


def logged(
    spec: CarSpec, folder: Path, seeds: range = range(4), imperfections: Imperfections | None = None
) -> DriveLog:
    rides = [driven(spec, seed, imperfections=imperfections) for seed in seeds]
    laps = list(episodes(rides, Scene(OVAL, FULL_RANGE, spec)))
    write_iteration(folder / "0-iteration.csv", laps)
    return read_log(folder / "0-iteration.csv")


@pytest.mark.parametrize("name", SPECS)
def test_own_drives_are_foretold_exactly(name: str, tmp_path: Path) -> None:
    log = logged(SPECS[name], tmp_path)
    errors = replay(log, SPECS[name])
    assert "pause" in log.status, "the drives are to contain penalties"
    assert errors.starts > 100
    # v6 takes the time from the log, in whole milliseconds.
    assert errors.position_rms_m < (1e-9 if name == "classic" else 0.01)
    assert errors.yaw_rms_deg < (1e-9 if name == "classic" else 0.5)
    assert errors.bicycle_position_rms_m > 20 * errors.position_rms_m
    assert errors.bicycle_yaw_rms_deg > 10.0


def test_another_car_is_noticed(tmp_path: Path) -> None:
    log = logged(SPECS["classic"], tmp_path)
    assert replay(log, SPECS["v6"]).position_rms_m > 0.1


def test_late_commands_are_noticed(tmp_path: Path) -> None:
    late = Imperfections(grip=0.0, latency_steps=1, noise=0.0)
    log = logged(CLASSIC, tmp_path, range(8), late)
    errors = [foretold(log, CLASSIC, late_steps=steps) for steps in range(2)]
    # Some seeds draw a latency of one step and some none.
    drives_of = [np.unique(error.drive[error.position_m < 0.02]) for error in errors]
    assert all(len(found) for found in drives_of)
    assert len(np.union1d(*drives_of)) == len(np.unique(errors[0].drive))


def test_less_grip_is_found_in_logs(tmp_path: Path) -> None:
    weak = replace(CLASSIC, grip_mps2=0.8 * CLASSIC.grip_mps2)
    rides = []
    for seed in range(4):
        env = TrackVectorEnv(OVAL, actions=FULL_RANGE, spec=weak, rules=Rules.time_trial(9), starts="line")
        env.reset(seed=0)
        rows = []
        for step in range(120):
            env.step(pursuit(env, 1.2 + 0.1 * seed + 0.4 * (step % 20 < 10)))
            rows.append(env.trace_rows())
        rides.append(LoggedDrive(Trace(np.concatenate(rows)), np.zeros(120)))
    write_iteration(tmp_path / "0-iteration.csv", list(episodes(rides, Scene(OVAL, FULL_RANGE, weak))))
    found = examine(read_log(tmp_path / "0-iteration.csv"), CLASSIC)
    assert found.grip_median == pytest.approx(0.8, abs=0.02), "between the shares that are tried"
    assert found.grip_p95 - found.grip_p5 < 0.05
    assert found.late_shares[0] == 1.0
    assert found.yaw_noise_deg < 3.0


def test_steps_after_a_gap_and_before_an_end_are_no_starts() -> None:
    n = 60
    zeros = np.zeros(n)
    steps = np.arange(1.0, n + 1)
    status = np.array(["prepare"] + ["in_progress"] * (n - 1))
    log = DriveLog(zeros, steps, zeros, zeros, zeros, zeros, zeros + 1.0, steps / 15, status)
    assert [part.tolist() for part in drives(log)] == [[1], [n]]
    # Without rows 30 to 32 the state of the car behind them is not known.
    gap = log.where((steps < 30) | (steps > 32))
    assert [part.tolist() for part in drives(gap)] == [[1], [29]]
    held = replace(log, status=np.where((steps >= 20) & (steps < 25), "pause", status))
    assert [part.tolist() for part in drives(held)] == [[1, 24], [19, n]]
    put = replace(log, x_m=np.where(steps < 40, 0.0, 3.0))
    assert [part.tolist() for part in drives(put)] == [[1], [39]]


def test_log_without_a_second_of_driving_is_refused() -> None:
    few = np.zeros(HORIZON_STEPS)
    steps = np.arange(2.0, HORIZON_STEPS + 2)
    log = DriveLog(few, steps, few, few, few, few, few, few, np.array(["in_progress"] * HORIZON_STEPS))
    with pytest.raises(LogError, match="at least 16 steps in a row"):
        replay(log, SPECS["classic"])


@pytest.mark.reference
@pytest.mark.skipif(not TRACES.is_dir(), reason=f"no reference data: {TRACES} is not there")
@pytest.mark.parametrize(("name", "position_m", "yaw_deg"), [("classic", 0.14, 10.0), ("v6", 0.13, 7.0)])
def test_the_car_holds_the_bar_on_real_logs(name: str, position_m: float, yaw_deg: float) -> None:
    log = read_log(TRACES / f"{name}.csv.gz")
    number = np.cumsum(log.steps == 1.0) - 1
    # Every third episode took no part in the fit; the bar holds for whichever third that was.
    for third in range(3):
        errors = replay(log.where(number % 3 == third), SPECS[name])
        assert errors.position_rms_m <= position_m
        assert errors.yaw_rms_deg <= yaw_deg
    everything = replay(log, SPECS[name])
    assert everything.bicycle_position_rms_m >= 5.0 * everything.position_rms_m
    assert everything.bicycle_yaw_rms_deg >= 5.0 * everything.yaw_rms_deg
    other = SPECS["v6" if name == "classic" else "classic"]
    assert replay(log, other).position_rms_m > 1.5 * everything.position_rms_m
