"""The loop's tables against the exact geometry of the track."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from shapely.geometry import Polygon

from simulator import tracks
from simulator.road import Road
from simulator.surface import BAND_M
from simulator.track import Track


def scattered(track: Track, n: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y [n] of points on and beside the road."""
    rng = np.random.default_rng(7)
    points = track.at(rng.uniform(0.0, track.length_m, n), rng.uniform(-0.7, 0.7, n))
    return points[:, 0].copy(), points[:, 1].copy()


@pytest.mark.parametrize("name", tracks.names())
def test_surface_agrees_with_the_polygon_between_the_borders(name: str) -> None:
    track = tracks.load(name)
    x, y = scattered(track)
    distance = Road(track).surface.signed_distance(x, y)
    inside = shapely.contains_xy(Polygon(track.outer, [track.inner]), x, y)
    wrong = (distance > 0.0) != inside
    # The field may err by a millimetre at a border's corner, nowhere else.
    assert np.abs(distance[wrong]).max(initial=0.0) < 0.001
    assert wrong.mean() < 0.001


@pytest.mark.parametrize("name", tracks.names())
def test_road_holds_exactly_the_points_of_positive_distance(name: str) -> None:
    track = tracks.load(name)
    surface = Road(track).surface
    x, y = scattered(track)
    on_border = np.vstack([track.outer, track.inner])
    x = np.concatenate([x, on_border[:, 0], [-1e6, 1e6]])
    y = np.concatenate([y, on_border[:, 1], [0.0, 1e6]])
    on_road = surface.holds(np.stack([x, y])[:, None])
    assert np.array_equal(on_road[0], surface.signed_distance(x, y) > 0.0)


def test_distance_to_a_straight_border_is_exact(oval: Track) -> None:
    surface = Road(oval).surface
    x, y = np.array([0.0, 0.5, 1.0, 0.0, 0.0]), np.array([-1.05, -0.93, -2.0, -1.5, 40.0])
    assert surface.signed_distance(x, y) == pytest.approx([0.05, -0.07, 0.0, BAND_M, -BAND_M], abs=1e-9)


@pytest.mark.parametrize("name", tracks.names())
def test_windowed_search_finds_what_the_exhaustive_search_finds(name: str) -> None:
    track = tracks.load(name)
    x, y = scattered(track)
    exact = track.project(np.column_stack([x, y]))
    place = Road(track).locate(x, y, exact.segment)
    assert place.offset_m == pytest.approx(exact.offset_m, abs=1e-6)
    near = np.abs(exact.offset_m) < 0.4
    assert place.s_m[near] == pytest.approx(exact.s_m[near], abs=0.002)
    assert np.all(place.s_m >= 0.0)
    assert np.all(place.s_m < track.length_m)


@pytest.mark.parametrize("name", tracks.names())
def test_width_and_side_follow_the_definition_by_border_points(name: str) -> None:
    track = tracks.load(name)
    road = Road(track)
    x, y = scattered(track)
    exact = track.project(np.column_stack([x, y]))
    entry = road.entry(exact.s_m)
    assert road.width(exact.s_m, entry) == pytest.approx(exact.width_m, abs=0.006)
    inner, outer = track.border_at(exact.s_m)
    to_inner, to_outer = (
        np.hypot(x - inner[:, 0], y - inner[:, 1]),
        np.hypot(x - outer[:, 0], y - outer[:, 1]),
    )
    is_left = (to_inner < to_outer) != (not track.is_ccw)
    wrong = is_left != road.is_left(exact.offset_m, entry)
    assert np.abs(to_inner - to_outer)[wrong].max(initial=0.0) < 0.002


def test_search_does_not_jump_to_a_neighbouring_part_of_the_track() -> None:
    track = tracks.load("paperclip")
    # A point on the lane beside: the two middle straights run 1.3 m apart.
    here = track.project([[2.0, 0.0]])
    there = track.project([[2.0, 1.3]])
    assert abs(here.s_m[0] - there.s_m[0]) > 5.0
    place = Road(track).locate(np.array([2.0]), np.array([1.3]), here.segment)
    assert place.s_m[0] == pytest.approx(here.s_m[0], abs=0.1)
    assert place.distance_m[0] == pytest.approx(1.3, abs=0.01)
