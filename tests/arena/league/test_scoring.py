"""From laps to an official time, from ranks to points."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.league.scoring import best_average_ms, count_back, official_time_ms, points_of_rank
from arena.league.states import Timing

LAPS = st.lists(st.integers(1_000, 100_000), max_size=12)


@pytest.mark.parametrize(
    ("timing", "laps", "average_laps", "expected"),
    [
        (Timing.BEST_LAP, [9_000, 8_000, 8_500], None, 8_000),
        (Timing.BEST_LAP, [9_000], None, 9_000),
        (Timing.BEST_LAP, [], None, None),
        (Timing.AVERAGE, [9_000, 8_000, 8_500], 2, 8_250),
        (Timing.AVERAGE, [9_000, 8_000, 8_001], 2, 8_001),
        (Timing.AVERAGE, [9_000], 2, None),
        (Timing.TOTAL, [9_000, 8_000, 8_500], None, 25_500),
        (Timing.TOTAL, [9_000, 8_000], None, None),
    ],
)
def test_each_timing_method_by_hand(
    timing: Timing, laps: list[int], average_laps: int | None, expected: int | None
) -> None:
    assert official_time_ms(timing, laps, laps=3, average_laps=average_laps) == expected


@given(LAPS)
def test_an_average_over_one_lap_is_the_best_lap(laps: list[int]) -> None:
    assert best_average_ms(laps, 1) == official_time_ms(Timing.BEST_LAP, laps, laps=3)


@given(LAPS, st.integers(1, 6))
def test_the_best_average_lies_between_the_best_and_the_worst_lap(laps: list[int], window: int) -> None:
    average = best_average_ms(laps, window)
    assert (average is None) == (len(laps) < window)
    assert average is None or min(laps) <= average <= max(laps)


@given(LAPS, st.data())
def test_a_faster_lap_never_worsens_the_official_time(laps: list[int], data: st.DataObject) -> None:
    for timing in Timing:
        before = official_time_ms(timing, laps, laps=3, average_laps=2)
        if before is None:
            continue
        index = data.draw(st.integers(0, len(laps) - 1))
        faster = [ms - 500 * (i == index) for i, ms in enumerate(laps)]
        after = official_time_ms(timing, faster, laps=3, average_laps=2)
        assert after is not None
        assert after <= before


def test_points_go_by_rank_and_end_with_the_table() -> None:
    assert [points_of_rank(rank, (25, 18)) for rank in (1, 2, 3, None)] == [25, 18, 0, 0]


def test_more_firsts_win_a_tie_on_points() -> None:
    assert count_back([1, 5], 5) > count_back([2, 2], 5)
