"""The world against the real thing: track files from elsewhere and logs of the real simulator.

They are not part of the repository. ARENA_REFERENCE names a folder with tracks/*.npy (DeepRacer routes) and
traces/classic.csv.gz (a simtrace of reinvent_base); without it, `shared/reference` beside the checkout.
"""

from __future__ import annotations

import csv
import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from simulator.car import CLASSIC, YAW, X, Y
from simulator.road import Road
from simulator.situation import assess
from simulator.track import Track, TrackError
from tests.simulator.pilots import race_env, straight

BESIDE = Path(__file__).parents[3] / "shared" / "reference"
FOLDER = Path(os.environ.get("ARENA_REFERENCE") or BESIDE)
pytestmark = [
    pytest.mark.reference,
    pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no reference data: {FOLDER} is not there"),
]
FILES = sorted(FOLDER.glob("tracks/*.npy"))


def is_closed(path: Path) -> bool:
    rows = np.load(path, allow_pickle=False)
    return bool(np.array_equal(rows[0], rows[-1]))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_track_file_from_elsewhere(path: Path, tmp_path: Path) -> None:
    if not is_closed(path):
        with pytest.raises(TrackError, match="closed circuit"):
            Track.load(path)
        return
    track = Track.load(path)
    track.save(tmp_path / "copy.npy")
    assert Track.load(tmp_path / "copy.npy").version == track.version
    s = np.linspace(0.0, track.length_m, 700, endpoint=False)
    assert track.project(track.at(s)).s_m == pytest.approx(s, abs=1e-9)
    points = track.at(s, 0.2)
    exact = track.project(points)
    place = Road(track).locate(points[:, 0], points[:, 1], exact.segment)
    gap = np.abs(place.s_m - exact.s_m)
    assert np.minimum(gap, track.length_m - gap).max() < 0.05
    for way in (track, track.reversed()):
        env = race_env(way)
        env.step(straight(env))
        assert env.params_rows[0, 0] == 1.0, "the car starts on the road"


def logged() -> tuple[Track, list[dict[str, str]]]:
    track = Track.load(Path(FOLDER, "tracks", "reinvent_base.npy"))
    with gzip.open(Path(FOLDER, "traces", "classic.csv.gz"), "rt") as file:
        rows = [row for row in csv.DictReader(file) if abs(float(row["track_len"]) - track.length_m) < 0.01]
    return track, rows


def column(rows: list[dict[str, str]], name: str) -> NDArray[np.float64]:
    return np.array([float(row[name]) for row in rows])


def test_progress_and_waypoints_of_real_logs() -> None:
    track, rows = logged()
    place = track.project(np.column_stack([column(rows, "X"), column(rows, "Y")]))
    # Each episode has its own start line; the difference to it is the same in all its rows.
    behind = (100.0 * place.s_m / track.length_m - column(rows, "progress")) % 100.0
    begins = np.flatnonzero(column(rows, "steps") == 1.0)
    spread = [np.ptp(episode) for episode in np.split(behind, begins[1:])]
    assert np.quantile(spread, 0.9) < 1e-6
    to_behind = place.s_m - track.vertex_s_m[place.segment]
    to_ahead = track.vertex_s_m[place.segment + 1] - place.s_m
    nearer = np.where(to_behind < to_ahead, place.segment, place.segment + 1)
    assert np.array_equal(nearer, column(rows, "closest_waypoint"))


def test_wheels_and_off_track_of_real_logs() -> None:
    track, rows = logged()
    nose_x, nose_y, yaw = column(rows, "X"), column(rows, "Y"), np.radians(column(rows, "yaw"))
    state = np.zeros((6, len(rows)))
    state[X] = nose_x - CLASSIC.rear_to_nose_m * np.cos(yaw)
    state[Y] = nose_y - CLASSIC.rear_to_nose_m * np.sin(yaw)
    state[YAW] = yaw
    now = assess(Road(track), CLASSIC, state, track.project(np.column_stack([nose_x, nose_y])).segment)
    all_wheels_on = np.array([row["all_wheels_on_track"] == "True" for row in rows])
    off_track = np.array([row["episode_status"] == "off_track" for row in rows])
    assert np.mean(now.all_wheels_on == all_wheels_on) > 0.999
    assert np.mean(now.off_track == off_track) > 0.999
