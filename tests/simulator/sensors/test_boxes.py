"""Boxes as arrays."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.sensors.boxes import BOX_COLUMNS, CAR, Boxes


def test_boxes_for_all_cars_and_for_each_car() -> None:
    shared = Boxes.at([[1.0, 2.0], [3.0, 4.0]], [0.1, 0.2], CAR)
    assert shared.rows.shape == (1, 2, len(BOX_COLUMNS))
    assert shared.of(5)[1].tolist() == [3.0, 4.0, 0.2, *CAR, 150.0]
    assert shared.for_cars(np.array([3, 1])) is shared
    own = Boxes.at(np.arange(12.0).reshape(3, 2, 2))
    assert own.of(2)[0, :2].tolist() == [8.0, 9.0]
    assert own.for_cars(np.array([2, 0])).of(1)[0, :2].tolist() == [0.0, 1.0]


def test_nan_rows_are_left_out() -> None:
    assert len(Boxes.at([[1.0, 2.0], [np.nan, np.nan]]).of(0)) == 1


def test_wrong_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected boxes \[k, b, 7\], got shape \(2, 7\)"):
        Boxes(np.zeros((2, 7)))
