"""Track geometry: laws that hold on every circuit, and numbers that can be checked in the head."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import tracks
from simulator.track import Track, TrackError

NAMES = st.sampled_from(tracks.names())
SHARES = st.floats(0.0, 1.0, exclude_max=True)


def test_oval_measures_what_it_was_drawn_with(oval: Track) -> None:
    assert oval.length_m == pytest.approx(2 * 4.6 + 2 * np.pi * 1.5, rel=0.002)
    assert oval.is_ccw
    assert not oval.is_reversed
    assert oval.at(0.0)[0] == pytest.approx([0.0, -1.5], abs=1e-6)
    assert oval.heading_at(1.0)[0] == pytest.approx(0.0, abs=1e-6)
    assert oval.heading_at(oval.length_m / 2)[0] == pytest.approx(np.pi, abs=1e-3)
    assert oval.width_at([0.0, 9.0]) == pytest.approx([1.0, 1.0], abs=0.005)
    assert oval.curvature_at([0.5, oval.length_m / 4]) == pytest.approx([0.0, 1 / 1.5], rel=0.02, abs=1e-6)


def test_projection_of_points_beside_the_first_straight(oval: Track) -> None:
    places = oval.project([[1.0, -1.2], [1.0, -1.9], [-1.0, -1.5]])
    assert places.s_m == pytest.approx([1.0, 1.0, oval.length_m - 1.0])
    assert places.offset_m == pytest.approx([0.3, -0.4, 0.0], abs=1e-6)
    assert places.distance_m == pytest.approx([0.3, 0.4, 0.0], abs=1e-6)


@given(name=NAMES, share=SHARES)
def test_point_on_the_centre_line_projects_on_itself(name: str, share: float) -> None:
    track = tracks.load(name)
    place = track.project(track.at(share * track.length_m))
    gap = abs(float(place.s_m[0]) - share * track.length_m)
    assert min(gap, track.length_m - gap) < 1e-9
    assert place.distance_m[0] < 1e-9


@given(name=NAMES, share=SHARES, offset=st.floats(-0.3, 0.3))
def test_point_beside_the_centre_line_keeps_its_side_and_distance(
    name: str, share: float, offset: float
) -> None:
    track = tracks.load(name)
    place = track.project(track.at(share * track.length_m, offset))
    assert place.offset_m[0] == pytest.approx(offset, abs=0.005)


@given(name=NAMES, share=SHARES)
def test_segment_lies_behind_the_projected_point(name: str, share: float) -> None:
    track = tracks.load(name)
    place = track.project(track.at(share * track.length_m))
    behind = track.vertex_s_m[place.segment[0]]
    assert behind - 1e-9 <= place.s_m[0] <= behind + track.segment_length_m[place.segment[0]] + 1e-9


@pytest.mark.parametrize("name", tracks.names())
def test_arc_length_grows_along_the_line(name: str) -> None:
    track = tracks.load(name)
    s = np.linspace(0.0, track.length_m, 1500, endpoint=False)
    assert np.all(np.diff(track.project(track.at(s)).s_m) > 0.0)


@pytest.mark.parametrize("name", tracks.names())
def test_reversed_track_is_the_same_road_the_other_way(name: str) -> None:
    track = tracks.load(name)
    back = track.reversed()
    assert back.is_reversed
    assert back.is_ccw is not track.is_ccw
    assert back.length_m == pytest.approx(track.length_m)
    assert np.array_equal(back.waypoints, track.waypoints[::-1])
    assert np.array_equal(back.inner, track.inner[::-1])
    assert np.array_equal(back.waypoints[0], track.waypoints[0])
    point = track.at(3.0, 0.2)
    assert back.project(point).offset_m == pytest.approx(-track.project(point).offset_m)
    assert back.version != track.version
    assert back.reversed().version == track.version


def test_left_border_lies_on_the_left_in_both_directions(oval: Track) -> None:
    for track in (oval, oval.reversed()):
        assert np.all(track.project(track.left[:-1]).offset_m > 0.4)
        assert np.all(track.project(track.right[:-1]).offset_m < -0.4)


def test_track_cannot_be_changed(oval: Track) -> None:
    with pytest.raises(ValueError, match="read-only"):
        oval.waypoints[0] = 0.0


def test_saved_track_comes_back_the_same(oval: Track, tmp_path: Path) -> None:
    oval.save(tmp_path / "copy.npy")
    copy = tracks.load(tmp_path / "copy.npy")
    assert copy.version == oval.version
    assert copy.name == "copy"


def test_unknown_name_is_answered_with_the_names_there_are() -> None:
    with pytest.raises(TrackError, match=r"oval.*got 'nowhere'"):
        tracks.load("nowhere")
    with pytest.raises(TrackError, match="got 'nowhere'"):
        tracks.describe("nowhere")


def test_every_place_up_to_the_end_of_the_lap_is_on_a_segment() -> None:
    track = tracks.load("oval")
    last = len(track.segment_length_m) - 1
    assert track.segment_at(0.0) == 0
    assert track.segment_at(track.length_m) == last
    inside = track.vertex_s_m[:-1] + 0.5 * track.segment_length_m
    assert track.segment_at(inside).tolist() == list(range(last + 1))
