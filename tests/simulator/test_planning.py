"""Plans made without a solver: within road and grip, and good enough to be driven cleanly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator import tracks
from simulator.car import CLASSIC, SPECS, V6, CarSpec
from simulator.driver import FULL_RANGE, ReferenceDriver
from simulator.planning import _within_bounds, cross_lines, plan_for, planned_lap
from simulator.rules import Rules, Status
from simulator.starts import Starts
from simulator.track import Track
from simulator.vector import TrackVectorEnv

CARS = pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)


def ring(radius_m: float, width_m: float) -> Track:
    angle = np.linspace(0.0, 2.0 * np.pi, 121)
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    rows = np.hstack([circle * r for r in (radius_m, radius_m - width_m / 2, radius_m + width_m / 2)])
    rows[-1] = rows[0]
    return Track.from_rows(rows, "ring")


@CARS
@pytest.mark.parametrize("name", ["oval", "harbour", "switchback", "needle"])
def test_planned_laps_are_driven_cleanly(name: str, spec: CarSpec) -> None:
    track = tracks.load(name).reversed()
    plan = planned_lap(track, spec)
    rules = Rules(laps=2, max_steps=3000)
    env = TrackVectorEnv(track, actions=FULL_RANGE, spec=spec, rules=rules, starts=Starts.LINE)
    driver = ReferenceDriver(plan, spec)
    env.reset(seed=0)
    while not env.outcomes:
        env.step(driver.actions(env.state))
    outcome = env.outcomes[0]
    assert outcome.status is Status.LAP_COMPLETE
    assert outcome.laps[1].lap_time_ms == pytest.approx(1000.0 * plan.lap_s, rel=0.02)
    best = tracks.optimum(name, is_reversed=True, spec=spec)
    assert 1.02 * best.lap_s < plan.lap_s < 1.45 * best.lap_s


@CARS
@pytest.mark.parametrize("name", tracks.names())
def test_plan_keeps_road_grip_and_top_speed(name: str, spec: CarSpec) -> None:
    track = tracks.load(name)
    plan = planned_lap(track, spec)
    place = track.project(plan.line)
    assert (place.distance_m - 0.5 * place.width_m).max() < 0.03
    push = (np.roll(plan.speed_mps, -1) ** 2 - plan.speed_mps**2) / (2.0 * plan.length_m)
    aside = plan.speed_mps**2 * plan.curvature_pm
    assert np.abs(aside).max() <= 0.9301 * spec.grip_mps2
    assert np.hypot(push, 0.5 * (aside + np.roll(aside, -1))).max() < 1.005 * spec.grip_mps2
    assert plan.speed_mps.max() <= spec.max_speed_mps
    assert plan.time_s[-1] == pytest.approx(plan.lap_s)
    chord = np.hypot(*(np.roll(plan.line, -1, axis=0) - plan.line).T)
    assert plan.length_m == pytest.approx(chord, rel=0.02)
    turn = np.rint((plan.heading_rad[-1] - plan.heading_rad[0]) / (2.0 * np.pi))
    assert turn == (1.0 if track.is_ccw else -1.0)


def test_ring_is_driven_on_the_inside_at_the_allowed_share_of_the_grip() -> None:
    plan = planned_lap(ring(3.0, 0.8), CLASSIC, grip_share=0.8)
    assert plan.curvature_pm == pytest.approx(1.0 / 2.6, rel=0.03)
    assert plan.lap_s == pytest.approx(2.0 * np.pi * np.sqrt(2.6 / (0.8 * CLASSIC.grip_mps2)), rel=0.03)


def test_the_longest_track_of_all_is_planned_too() -> None:
    plan = planned_lap(ring(79.0, 2.0))
    assert plan.lap_s == pytest.approx(2.0 * np.pi * 78.0 / CLASSIC.max_speed_mps, rel=0.02)


def test_shipped_tracks_have_their_stored_plan_and_others_get_one_once() -> None:
    assert plan_for(tracks.load("oval")) is tracks.plan("oval")
    back = tracks.load("oval").reversed()
    assert plan_for(back, V6) is tracks.plan("oval", is_reversed=True, spec=V6)
    one, same = (Track.from_rows(tracks.load("oval").rows() * 1.1, "larger") for _ in range(2))
    plan = plan_for(one)
    assert plan is plan_for(same)
    assert plan is not plan_for(one.reversed())
    assert plan.versions["track"] == one.version
    assert plan.to_bytes() == planned_lap(one).to_bytes()


def test_cross_lines_lead_from_right_to_left() -> None:
    track = tracks.load("kidney")
    lines = cross_lines(track, 0.25)
    assert np.diff(lines.s_m) == pytest.approx(lines.s_m[1])
    assert 0.2 < lines.s_m[1] <= 0.25
    assert np.all(track.project(lines.left).offset_m > 0.0)
    assert np.all(track.project(lines.right).offset_m < 0.0)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), size=st.integers(2, 12))
def test_bounded_quadratic_is_at_its_least(seed: int, size: int) -> None:
    """Inside the bounds the slope vanishes, at a bound it points outwards."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(size, size))
    hessian, gradient = root.T @ root + 0.1 * np.eye(size), 3.0 * rng.normal(size=size)
    x = _within_bounds(hessian, gradient)
    slope = hessian @ x + gradient
    assert np.all((x > 0.0) & (x < 1.0))
    assert np.abs(x - np.clip(x - slope, 0.0, 1.0)).max() < 1e-3
