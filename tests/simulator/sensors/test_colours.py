"""Domain randomisation: what the tables of greys keep and what they change."""

from __future__ import annotations

import numpy as np

from simulator.sensors import colours
from simulator.sensors.ground import FIELD, LINE, ROAD, SKY

SEEDS = np.arange(300, dtype=np.uint64)
FIRST = np.ones(300, dtype=np.uint64)


def test_lines_stay_brighter_than_the_road_and_fields_go_both_ways() -> None:
    tables = colours.tables(SEEDS, FIRST).astype(int)
    assert (tables[:, LINE] > tables[:, ROAD] + 40).all()
    assert (tables[:, FIELD] > tables[:, ROAD]).any()
    assert (tables[:, FIELD] < tables[:, ROAD]).any()
    assert tables[:, SKY].std() > 20.0


def test_tables_follow_from_seed_and_episode_alone() -> None:
    tables = colours.tables(SEEDS, FIRST)
    assert np.array_equal(colours.tables(SEEDS[7:8], FIRST[7:8])[0], tables[7])
    assert not np.array_equal(colours.tables(SEEDS, FIRST + np.uint64(1)), tables)
    assert len(np.unique(tables, axis=0)) == 300


def test_pictures_pass_through_their_own_table() -> None:
    frames = np.arange(2 * 8 * 6, dtype=np.uint8).reshape(2, 8, 6)
    tables = np.stack([np.arange(256)[::-1], np.full(256, 9)]).astype(np.uint8)
    expected = np.stack([255 - frames[0], np.full((8, 6), 9)])
    colours.recolour(frames, tables)
    assert np.array_equal(frames, expected)
