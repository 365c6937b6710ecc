"""The picture of the ground: what is painted where, on every level."""

from __future__ import annotations

import numpy as np
import pytest

from simulator import tracks
from simulator.sensors.ground import DASH, FIELD, LEVELS, LINE, ROAD, Ground, ground_of, reach_m
from simulator.track import Track


def test_oval_straight_has_line_road_dash_and_field_across(ground: Ground) -> None:
    # The lower straight has its centre line at y = -1.5 and is 1 m wide.
    assert {ground.grey(x, -1.5) for x in np.arange(-1.0, 1.0, 0.01)} >= {DASH, ROAD}
    for side in (-1.0, 1.0):
        assert ground.grey(0.0, -1.5 + side * 0.30) == ROAD
        assert ground.grey(0.0, -1.5 + side * 0.475) == LINE
        assert ground.grey(0.0, -1.5 + side * 0.52) == FIELD
        assert ground.grey(0.0, -1.5 + side * 0.44) == ROAD


def test_dashes_and_gaps_are_equally_long(ground: Ground) -> None:
    greys = [ground.grey(x, -1.5) for x in np.arange(-1.92, 1.92, 0.005)]
    assert np.mean(np.array(greys) > 0.5 * (ROAD + DASH)) == pytest.approx(0.5, abs=0.08)


@pytest.mark.parametrize("level", range(1, LEVELS))
def test_each_level_is_the_mean_of_four_texels_of_the_finer_one(ground: Ground, level: int) -> None:
    coarse, fine = ground.levels[level], ground.levels[level - 1]
    rng = np.random.default_rng(level)
    quarter = 0.25 * coarse.texel_m
    for _ in range(50):
        column = int(rng.integers(2, coarse.columns - 2))
        row = int(rng.integers(2, coarse.rows - 2))
        x, y = coarse.low + (np.array([column, row]) + 0.5) * coarse.texel_m
        inside = fine.low + 2 * fine.texel_m < (x, y)
        if not (inside.all() and (np.array([x, y]) < fine.low + fine.texel_m * fine.columns).all()):
            continue
        if y > fine.low[1] + fine.texel_m * (fine.rows - 2):
            continue
        four = [ground.grey(x + i * quarter, y + j * quarter, level - 1) for i in (-1, 1) for j in (-1, 1)]
        assert abs(ground.grey(x, y, level) - np.mean(four)) <= 0.5


def test_every_level_reaches_as_far_as_cameras_read_it(ground: Ground) -> None:
    for number, level in enumerate(ground.levels):
        assert (level.low <= ground.low - reach_m(number)).all()
        high = level.low + level.texel_m * np.array([level.columns, level.rows])
        assert (high >= ground.high + reach_m(number)).all()


def test_beyond_the_road_there_is_field_on_every_level(ground: Ground) -> None:
    for level in range(LEVELS):
        x, y = ground.low - 0.5 * reach_m(level)
        assert ground.grey(x, y, level) == FIELD


@pytest.mark.parametrize("name", ["needle", "cathedral"])
def test_road_is_painted_where_the_track_says(name: str) -> None:
    track = tracks.load(name)
    ground = ground_of(track)
    s = np.linspace(0.0, track.length_m, 400)
    quarter = 0.25 * track.width_at(s)
    for x, y in track.at(s, quarter):
        assert ground.grey(x, y) == ROAD


def test_huge_track_gets_coarser_texels_and_no_more_memory() -> None:
    rows = tracks.load("oval").rows()
    across = rows[:, 2:] - np.hstack([rows[:, :2]] * 2)
    rows[:, :2] *= 8.0
    rows[:, 2:] = np.hstack([rows[:, :2]] * 2) + across
    big = Ground(Track.from_rows(rows, "big"))
    assert big.levels[0].texel_m > 0.01
    assert len(big.texels) < 30_000_000
