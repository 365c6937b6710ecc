"""The solver of optimum laps: agrees with what is stored, with laws, and with people's records."""

from __future__ import annotations

import builtins
import csv
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arena.garage.optimum import OptimumError, SolverMissingError, drivable_lap, fastest_lap
from simulator import tracks
from simulator.car import CLASSIC
from simulator.driver import FULL_RANGE, ReferenceDriver
from simulator.rules import Rules
from simulator.starts import Starts
from simulator.track import Track
from simulator.vector import TrackVectorEnv

FOLDER = Path(os.environ.get("ARENA_REFERENCE") or Path(__file__).parents[4] / "shared" / "reference")


@pytest.fixture
def solver() -> None:
    pytest.importorskip("casadi", reason='needs CasADi: pip install "apex-arena[optimum]"')


def ring(radius_m: float, width_m: float = 0.8) -> Track:
    angle = np.linspace(0.0, 2.0 * np.pi, 121)
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    rows = np.hstack([circle * r for r in (radius_m, radius_m - width_m / 2, radius_m + width_m / 2)])
    rows[-1] = rows[0]
    return Track.from_rows(rows, "ring")


@pytest.mark.usefixtures("solver")
def test_stored_laps_can_be_computed_again() -> None:
    track, stored, plan = tracks.load("harbour"), tracks.optimum("harbour"), tracks.plan("harbour")
    assert fastest_lap(track).lap_s == pytest.approx(stored.lap_s, rel=1e-4)
    assert fastest_lap(track).line == pytest.approx(stored.line, abs=0.01)
    assert drivable_lap(track).lap_s == pytest.approx(plan.lap_s, rel=1e-3)


@pytest.mark.usefixtures("solver")
def test_ring_is_driven_on_the_inside_at_the_limit_of_grip() -> None:
    """On a circle time is 2 pi sqrt(R / a): the inner border less what the car may hang over it."""
    lap = fastest_lap(ring(3.0))
    radius = 3.0 - 0.4 - CLASSIC.half_track_m
    assert lap.lap_s == pytest.approx(2.0 * np.pi * np.sqrt(radius / CLASSIC.grip_mps2), rel=1e-3)
    assert lap.curvature_pm == pytest.approx(1.0 / radius, rel=0.01)


@pytest.mark.usefixtures("solver")
def test_start_line_does_not_matter() -> None:
    rows = tracks.load("kidney").rows()
    turned = np.vstack([rows[40:-1], rows[:41]])
    lap = fastest_lap(Track.from_rows(turned, "kidney"))
    assert lap.lap_s == pytest.approx(tracks.optimum("kidney").lap_s, rel=1e-3)


@pytest.mark.usefixtures("solver")
def test_more_grip_is_never_slower() -> None:
    track = tracks.load("sawmill")
    laps = [fastest_lap(track, replace(CLASSIC, grip_mps2=grip)).lap_s for grip in (3.0, 3.4, 4.0)]
    assert laps == sorted(laps, reverse=True)
    # d ln T / d ln a is -0.35 on real tracks; a lap limited by grip alone would give -0.5.
    slope = np.log(laps[2] / laps[0]) / np.log(4.0 / 3.0)
    assert -0.5 < slope < -0.15


@pytest.mark.usefixtures("solver")
def test_road_tighter_than_full_lock_is_an_error_with_a_hint() -> None:
    clumsy = replace(CLASSIC, steering_gain=0.05)
    with pytest.raises(OptimumError, match="no bend tighter than full lock"):
        fastest_lap(tracks.load("oval"), clumsy)


def test_without_the_solver_one_is_told_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **named: Any) -> Any:
        if name == "casadi":
            raise ImportError(name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SolverMissingError, match=r"pip install .*apex-arena\[optimum\]"):
        fastest_lap(tracks.load("oval"))


@pytest.mark.reference
@pytest.mark.skipif(not (FOLDER / "records.csv").is_file(), reason=f"no reference data in {FOLDER}")
@pytest.mark.usefixtures("solver")
@pytest.mark.parametrize("name", ["Albert", "caecer_loop", "arctic_pro"])
def test_nobody_beat_the_optimum_but_the_best_came_close(name: str) -> None:
    with (FOLDER / "records.csv").open(newline="") as file:
        record_s = {row["track"]: float(row["record_lap_s"]) for row in csv.DictReader(file)}[name]
    ratio = fastest_lap(Track.load(FOLDER / "tracks" / f"{name}.npy")).lap_s / record_s
    assert 0.88 <= ratio <= 1.00


@pytest.mark.reference
@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no reference data in {FOLDER}")
@pytest.mark.usefixtures("solver")
@pytest.mark.parametrize("name", ["Monaco", "thunder_hill_open"])
def test_reference_driver_laps_real_tracks_cleanly(name: str) -> None:
    track = Track.load(FOLDER / "tracks" / f"{name}.npy")
    env = TrackVectorEnv(track, actions=FULL_RANGE, rules=Rules.time_trial(2), starts=Starts.LINE)
    driver = ReferenceDriver(drivable_lap(track))
    env.reset(seed=0)
    while not env.outcomes:
        env.step(driver.actions(env.state))
    assert env.outcomes[0].reset_count == 0
    assert env.outcomes[0].laps[1].lap_time_ms <= 1100.0 * fastest_lap(track).lap_s
