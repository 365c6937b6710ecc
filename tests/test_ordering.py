"""Reward design shows: better reward functions make quicker official laps."""

from __future__ import annotations

import math

import pytest

from arena.garage.hyperparameters import Hyperparameters
from benchmarks.ordering import REWARDS, TRACKS, is_ordered, lap_of
from simulator import tracks

STEPS = 40_960
HASTY = Hyperparameters(lr=0.005, discount_factor=0.95)
"""A small budget, spent in haste and raced for one lap; `python -m benchmarks.ordering` has the full one."""


def test_laps_are_ordered_when_each_is_quicker_than_the_next() -> None:
    assert is_ordered([6.0, 7.5, math.inf])
    assert not is_ordered([6.0, 6.0, 7.5])
    assert not is_ordered([6.0, math.inf, math.inf])


@pytest.mark.parametrize("name", TRACKS)
def test_the_laps_of_five_reward_functions_come_in_the_order_of_their_worth(name: str) -> None:
    track = tracks.load(name)
    laps_s = [lap_of(source, track, STEPS, laps=1, hyperparameters=HASTY) for source in REWARDS.values()]
    assert len(laps_s) == 5
    assert is_ordered(laps_s), laps_s
