"""Clocks and measuring wheels: way, progress and crossings, worked out by hand."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from simulator.car import STEP_S, X
from simulator.timing import Timing

LENGTH_M = 20.0
DRIVING, HELD = np.zeros(1, dtype=np.bool_), np.ones(1, dtype=np.bool_)
places = st.floats(0.0, LENGTH_M, exclude_max=True)


def standing(x_m: float = 0.0) -> NDArray[np.float64]:
    state = np.zeros((6, 1))
    state[X] = x_m
    return state


def driven(line_s: float, ways_m: list[float]) -> Timing:
    """Return the timing of a car that stood with its nose on the line and drove these ways, a step each."""
    timing = Timing(LENGTH_M, 1)
    timing.start(np.array([0]), np.array([line_s]), np.array([line_s]))
    s = (line_s + np.concatenate([[0.0], np.cumsum(ways_m)])) % LENGTH_M
    for number, (before, after) in enumerate(pairwise(s)):
        timing.count(standing(number), standing(number + 1), DRIVING, 0.0)
        timing.measure(np.array([before]), np.array([after]), [], [])
    return timing


@given(places, places)
def test_way_is_the_shorter_one_and_turns_its_sign(one: float, other: float) -> None:
    timing = Timing(LENGTH_M, 1)
    there = float(timing.way(np.array(one), np.array(other)))
    back = float(timing.way(np.array(other), np.array(one)))
    assert abs(there) <= 0.5 * LENGTH_M + 1e-9
    assert there == pytest.approx(-back) or abs(there) == pytest.approx(0.5 * LENGTH_M)
    assert math.isclose(math.remainder(one + there - other, LENGTH_M), 0.0, abs_tol=1e-9)


@given(places, st.lists(st.integers(-25, 30).filter(bool), min_size=1, max_size=60))
def test_progress_is_the_way_from_the_cars_own_line(line_s: float, ways_cm: list[int]) -> None:
    ways_m = [0.01 * way for way in ways_cm]
    timing = driven(line_s, ways_m)
    assert timing.travel_m[0] == pytest.approx(sum(ways_m), abs=1e-9)
    assert timing.progress[0] == pytest.approx(min(100.0, 100.0 * sum(ways_m) / LENGTH_M), abs=1e-6)
    falling = [way < 0.0 for way in ways_m]
    assert timing.falling[0] == falling[::-1].index(False) if False in falling else len(ways_m)
    assert timing.elapsed[0] == len(ways_m)


def test_crossing_is_interpolated_inside_its_step() -> None:
    timing = driven(5.0, [0.25] * 80)
    assert timing.lap_complete[0]
    assert timing.crossing_ms[0] == round(80 * STEP_S * 1000)
    quicker = driven(5.0, [0.25] * 79 + [1.0])
    assert quicker.crossing_ms[0] == round(79.25 * STEP_S * 1000)


def test_next_lap_begins_where_the_last_one_ended() -> None:
    timing = driven(5.0, [0.25] * 79 + [1.0])
    timing.count(standing(), standing(1.0), DRIVING, 0.0)
    timing.measure(np.array([5.75]), np.array([6.0]), [0], [])
    assert timing.travel_m[0] == pytest.approx(1.0)
    assert timing.lap_number[0] == 2
    assert not timing.lap_complete[0]


def test_penalty_is_no_standstill_and_a_reset_no_driving_backwards() -> None:
    timing = driven(0.0, [0.1])
    for held, still in ((DRIVING, 1), (DRIVING, 2), (HELD, 0), (DRIVING, 1)):
        timing.count(standing(), standing(), held, 0.0003)
        assert timing.still[0] == still
    timing.measure(np.array([3.0]), np.array([2.0]), [], [0])
    assert timing.falling[0] == timing.still[0] == 0


def test_start_forgets_the_drive_before() -> None:
    timing = driven(5.0, [0.25] * 85)
    timing.hold[0], timing.lap_number[0] = 7, 3
    timing.start(np.array([0]), np.array([19.9]), np.array([0.04]))
    assert (timing.elapsed[0], timing.hold[0], timing.lap_number[0]) == (0, 0, 1)
    assert timing.travel_m[0] == pytest.approx(0.14)
    assert timing.previous_s[0] == 0.04
