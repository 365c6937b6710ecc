"""The shipped circuits: within the promised measures, and drivable both ways."""

from __future__ import annotations

import numpy as np
import pytest
from shapely.geometry import Polygon

from simulator import tracks
from simulator.rules import Status
from tests.simulator.pilots import drive_to_the_end, race_env


def test_there_are_eight_circuits_or_more_and_the_oval_comes_first() -> None:
    assert tracks.names()[0] == "oval"
    assert len(tracks.names()) >= 8
    infos = [tracks.describe(name) for name in tracks.names()]
    assert [info.difficulty for info in infos] == sorted(info.difficulty for info in infos)
    assert min(info.min_radius_m for info in infos) < 0.6
    assert {tracks.load(name).is_ccw for name in tracks.names()} == {True, False}


@pytest.mark.parametrize("name", tracks.names())
def test_circuit_has_the_promised_measures(name: str) -> None:
    track, info = tracks.load(name), tracks.describe(name)
    assert 16.0 <= info.length_m <= 70.0
    widths = np.hypot(*(track.outer - track.inner).T)
    assert widths.min() >= 0.759
    assert widths.max() <= 1.071
    assert info.min_radius_m >= 0.45
    assert track.segment_length_m.min() >= 0.14
    assert track.segment_length_m.max() <= 0.31
    assert info.title
    assert info.description
    road = Polygon(track.outer, [track.inner])
    assert road.is_valid, "borders cross themselves or each other"
    assert road.area == pytest.approx(track.length_m * widths.mean(), rel=0.02)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", tracks.names())
def test_simple_driver_completes_a_clean_lap(name: str, reverse: bool) -> None:
    track = tracks.load(name).reversed() if reverse else tracks.load(name)
    outcome = drive_to_the_end(race_env(track), 1.2)
    assert outcome.status is Status.LAP_COMPLETE
    assert outcome.off_track_count == 0
    assert outcome.lap_time_ms == pytest.approx(1000 * track.length_m / 1.2, rel=0.06)
