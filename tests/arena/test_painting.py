"""Tracks as PNG: everything in its place, by its colour."""

from __future__ import annotations

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from arena.painting import MAX_HEIGHT_PX, SURFACE, WIDTH_PX, png
from simulator import tracks
from simulator.track import Track

Picture = NDArray[np.int64]


def painted(data: bytes) -> Picture:
    """The picture as [height, width, 3]."""
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture.convert("RGB"), dtype=np.int64)


def count(picture: Picture, colour: str) -> int:
    wanted = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    return int(np.count_nonzero(np.abs(picture - wanted).max(axis=2) <= 3))


@pytest.mark.parametrize("name", ["oval", "paperclip"])
def test_road_covers_its_share_of_the_picture(name: str) -> None:
    track = tracks.load(name)
    picture = painted(png(track))
    assert picture.shape[1] == WIDTH_PX
    width_m = np.ptp(track.outer[:, 0])
    pixels_per_m = (WIDTH_PX - 80) / width_m
    area = track.length_m * tracks.describe(name).width_m * pixels_per_m**2
    assert count(picture, SURFACE) == pytest.approx(area, rel=0.12)  # less lines and arrow


def test_lap_is_red_where_it_is_slow_and_blue_where_it_is_fast() -> None:
    track, lap = tracks.load("grand_tour"), tracks.optimum("grand_tour")
    without, with_lap = painted(png(track)), painted(png(track, lap))
    assert count(without, "#2166ac") == 0
    assert count(with_lap, "#2166ac") > 2000
    assert len(with_lap) > len(without)  # room for the scale


def test_tall_tracks_stay_within_the_page() -> None:
    """A narrow, tall track would otherwise make a picture of unlimited height."""
    track = Track.from_rows(tracks.load("oval").rows() * [0.9, 4, 0.9, 4, 0.9, 4], "tall")
    height, width = painted(png(track)).shape[:2]
    assert width == WIDTH_PX
    assert height <= MAX_HEIGHT_PX


def test_equal_tracks_are_equal_pictures_and_names_may_hold_any_letter() -> None:
    assert png(tracks.load("oval")) == png(tracks.load("oval"))
    assert png(Track.from_rows(tracks.load("oval").rows(), "Nürburg 赛道")).startswith(b"\x89PNG")
