"""Track files from elsewhere: every closed one must load, project and come back the same.

They are not part of the repository; ARENA_REFERENCE_TRACKS names a folder with such files.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from simulator.road import Road
from simulator.track import Track, TrackError
from tests.simulator.pilots import race_env, straight

FOLDER = os.environ.get("ARENA_REFERENCE_TRACKS")
pytestmark = [
    pytest.mark.reference,
    pytest.mark.skipif(FOLDER is None, reason="ARENA_REFERENCE_TRACKS names no folder of track files"),
]
FILES = sorted(Path(FOLDER).glob("*.npy")) if FOLDER else []


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
