"""Planned laps as data: stored for every shipped track, of its present version, and within physics."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from simulator import tracks
from simulator.car import CLASSIC, SPECS, V6, CarSpec
from simulator.optimum import Optimum, OptimumFileError, percent_of_the_possible, too_fast
from simulator.track import Track, TrackError

WAYS = [(name, is_reversed) for name in tracks.names() for is_reversed in (False, True)]
CARS = pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)


def track_of(name: str, is_reversed: bool) -> Track:
    track = tracks.load(name)
    return track.reversed() if is_reversed else track


@CARS
@pytest.mark.parametrize(("name", "is_reversed"), WAYS)
def test_stored_laps_belong_to_the_present_track_and_car(name: str, is_reversed: bool, spec: CarSpec) -> None:
    track, (other,) = track_of(name, is_reversed), [one for one in SPECS.values() if one is not spec]
    lap = tracks.optimum(name, is_reversed=is_reversed, spec=spec)
    plan = tracks.plan(name, is_reversed=is_reversed, spec=spec)
    for stored in (lap, plan):
        assert stored.is_of(track, spec), (
            "run  python -m arena.garage.optimum  after a change of track or car"
        )
        assert not stored.is_of(track, other)
        assert not stored.is_of(track.reversed(), spec)
    assert tracks.optimum_of(track, spec) is lap
    assert tracks.plan_of(track, spec) is plan


@CARS
@pytest.mark.parametrize(("name", "is_reversed"), WAYS)
def test_optimum_keeps_the_road_the_grip_and_the_top_speed(
    name: str, is_reversed: bool, spec: CarSpec
) -> None:
    track, lap = track_of(name, is_reversed), tracks.optimum(name, is_reversed=is_reversed, spec=spec)
    after = np.roll(lap.speed_mps, -1)
    push = (after**2 - lap.speed_mps**2) / (2.0 * lap.length_m)
    for speed, curvature in ((lap.speed_mps, lap.curvature_pm), (after, np.roll(lap.curvature_pm, -1))):
        assert np.hypot(push, speed**2 * curvature).max() <= spec.grip_mps2 * 1.0001
    assert lap.speed_mps.max() <= spec.max_speed_mps + 1e-6
    place = track.project(lap.line)
    assert (place.distance_m - 0.5 * place.width_m).max() <= spec.half_track_m + 0.02  # ends of cross-lines
    chord = np.hypot(*(np.roll(lap.line, -1, axis=0) - lap.line).T)
    assert np.all(lap.length_m >= chord - 1e-6)
    assert lap.length_m == pytest.approx(chord, rel=0.05)


@CARS
@pytest.mark.parametrize(("name", "is_reversed"), WAYS)
def test_time_runs_along_the_lap_and_the_plan_is_slower(name: str, is_reversed: bool, spec: CarSpec) -> None:
    lap = tracks.optimum(name, is_reversed=is_reversed, spec=spec)
    plan = tracks.plan(name, is_reversed=is_reversed, spec=spec)
    assert np.all(np.diff(lap.time_s) > 0.0)
    assert lap.time_s[-1] == pytest.approx(lap.lap_s, abs=1e-6)
    assert lap.lap_s * 1.015 < plan.lap_s < lap.lap_s * 1.10


@CARS
@pytest.mark.parametrize("name", tracks.names())
def test_other_way_round_takes_nearly_as_long(name: str, spec: CarSpec) -> None:
    """Only the lag of the steering tells the two ways apart; the friction circle does not."""
    there, back = tracks.optimum(name, spec=spec), tracks.optimum(name, is_reversed=True, spec=spec)
    assert back.lap_s == pytest.approx(there.lap_s, rel=0.001)


@pytest.mark.parametrize("name", tracks.names())
def test_better_tyres_make_the_lap_shorter(name: str) -> None:
    assert tracks.optimum(name, spec=V6).lap_s < 0.85 * tracks.optimum(name, spec=CLASSIC).lap_s


def test_lap_survives_its_file_and_equal_laps_are_equal_bytes(tmp_path: Path) -> None:
    lap = tracks.optimum("oval")
    lap.save(tmp_path / "lap.npz")
    again = Optimum.load(tmp_path / "lap.npz")
    assert again.to_bytes() == lap.to_bytes()
    assert again.lap_s == lap.lap_s
    assert again.versions == lap.versions


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 but no archive", b"\x93NUMPY"])
def test_other_files_are_refused(data: bytes) -> None:
    with pytest.raises(OptimumFileError, match="archive of a planned lap"):
        Optimum.from_bytes(data)


def test_cut_file_is_refused() -> None:
    data = tracks.optimum("oval").to_bytes()
    for size in range(0, len(data) - 1, 997):
        with pytest.raises(OptimumFileError):
            Optimum.from_bytes(data[:size])


def test_unknown_circuits_and_cars_are_refused_by_name() -> None:
    for ask in (tracks.optimum, tracks.plan):
        with pytest.raises(TrackError, match="expected the name of a circuit"):
            ask("monza")
        with pytest.raises(TrackError, match="one of the cars classic, v6"):
            ask("oval", spec=replace(V6, name="v7"))
    assert tracks.optimum_of(tracks.load("oval"), replace(V6, name="v7")) is None


def test_track_of_ones_own_has_no_stored_optimum() -> None:
    rows = tracks.load("oval").rows().copy()
    assert tracks.optimum_of(Track.from_rows(rows * 1.01, "oval")) is None


def test_lap_half_a_percent_faster_than_the_optimum_is_suspicious() -> None:
    optimum = replace(tracks.optimum("oval"), lap_s=10.0)
    assert not too_fast(10_000, optimum)
    assert not too_fast(9_950, optimum)
    assert too_fast(9_949, optimum)
    assert percent_of_the_possible(12_500, optimum) == 80.0
