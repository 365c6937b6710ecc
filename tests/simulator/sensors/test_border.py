"""Distances to the road's border: by hand on the oval, against exact intersections everywhere."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator import tracks
from simulator.sensors import border
from simulator.sensors.border import border_of
from simulator.sensors.view import Pose
from simulator.track import Track
from tests.simulator.sensors.views import pose


def on_road(track: Track, n: int, seed: int) -> Pose:
    """Return cars whose noses are on the road, looking anywhere."""
    rng = np.random.default_rng(seed)
    s = rng.uniform(0.0, track.length_m, n)
    nose = track.at(s, rng.uniform(-0.35, 0.35, n) * track.width_at(s))
    heading = rng.uniform(-math.pi, math.pi, n)
    cos, sin = np.cos(heading), np.sin(heading)
    return Pose(nose[:, 0] - border.FORWARD_M * cos, nose[:, 1] - border.FORWARD_M * sin, cos, sin)


def exact(track: Track, cars: Pose, car: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the distances [64] to the nearest border segment, one by one."""
    eye = np.array([axis[car] for axis in cars.ahead(border.FORWARD_M)])
    heading = math.atan2(cars.sin[car], cars.cos[car])
    start = np.vstack([track.outer[:-1], track.inner[:-1]]) - eye
    step = np.vstack([np.diff(track.outer, axis=0), np.diff(track.inner, axis=0)])
    nearest = np.full(border.BEAMS, border.MAX_M)
    for beam, angle in enumerate(border.BEAM_RAD + heading):
        x, y = math.cos(angle), math.sin(angle)
        across = x * step[:, 1] - y * step[:, 0]
        away = (start[:, 0] * step[:, 1] - start[:, 1] * step[:, 0]) / across
        share = (start[:, 0] * y - start[:, 1] * x) / across
        hit = (share >= 0.0) & (share <= 1.0) & (away > 0.0)
        nearest[beam] = min(border.MAX_M, away[hit].min(initial=border.MAX_M))
    return nearest


def test_straight_of_the_oval_is_half_a_metre_wide_to_both_sides(oval: Track) -> None:
    seen = border_of(oval).distances(pose((-0.5, -1.5, 0.0)))[0]
    degrees = np.degrees(border.BEAM_RAD)
    for side in (-90.0, 90.0):
        beam = int(np.abs(degrees - side).argmin())
        assert seen[beam] == pytest.approx(0.5 / abs(math.sin(border.BEAM_RAD[beam])), abs=2e-3)
    assert seen == pytest.approx(seen[::-1], abs=2.0)
    assert seen[31] > 2.0


@pytest.mark.parametrize("name", ["oval", "needle", "switchback"])
def test_distances_equal_exact_intersections(name: str) -> None:
    track = tracks.load(name)
    cars = on_road(track, 60, seed=4)
    seen = border_of(track).distances(cars)
    errors = seen - np.array([exact(track, cars, car) for car in range(60)])
    assert np.quantile(np.abs(errors), [0.5, 0.95, 0.99]) == pytest.approx(0.0, abs=0.02)
    assert np.quantile(np.abs(errors), 0.95) < 2e-3
    assert errors.max() < 0.01
    # The rest graze a border and stop short.
    assert np.mean(errors < -0.3) < 0.004


def test_nose_off_the_road_reads_nothing_but_zero(oval: Track) -> None:
    assert not border_of(oval).distances(pose((0.0, 0.0, 0.3), (50.0, 3.0, 1.0))).any()


@settings(max_examples=10)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 9))
def test_batch_of_n_is_n_scans_of_one_bit_for_bit(seed: int, n: int) -> None:
    track = tracks.load("foundry")
    cars = on_road(track, n, seed)
    together = border_of(track).distances(cars)
    for car in range(n):
        one = slice(car, car + 1)
        alone = Pose(cars.x[one], cars.y[one], cars.cos[one], cars.sin[one])
        assert border_of(track).distances(alone).tobytes() == together[car].tobytes()
