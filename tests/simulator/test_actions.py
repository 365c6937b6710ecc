"""Actions become commands."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium import spaces

from simulator.actions import DEFAULT_ACTIONS, Continuous, Discrete


def test_discrete_action_is_a_position_in_the_list() -> None:
    actions = Discrete(((-30.0, 1.0), (0.0, 3.0), (45.0, 2.0)))
    assert actions.gym_space == spaces.Discrete(3)
    commands = actions.to_command(np.array([2, 0, 1]))
    assert commands.tolist() == [[45.0, 2.0], [-30.0, 1.0], [0.0, 3.0]]
    assert commands.dtype == np.float64


def test_action_outside_of_the_list_is_refused() -> None:
    actions = Discrete(((0.0, 1.0), (0.0, 2.0)))
    with pytest.raises(ValueError, match="from 0 to 1, got 0 to 2"):
        actions.to_command(np.array([0, 2]))
    with pytest.raises(ValueError, match="from 0 to 1, got -1"):
        actions.to_command(np.array([-1, 0]))
    with pytest.raises(TypeError):
        actions.to_command(np.array([0.5, 0.5]))


def test_continuous_action_spans_the_ranges_and_is_cut_to_them() -> None:
    actions = Continuous((-20.0, 30.0), (1.0, 3.0))
    assert actions.gym_space == spaces.Box(-1.0, 1.0, (2,), np.float32)
    commands = actions.to_command(np.array([[-1.0, -1.0], [1.0, 1.0], [0.0, 0.0], [-9.0, np.inf]]))
    assert commands.tolist() == [[-20.0, 1.0], [30.0, 3.0], [5.0, 2.0], [-20.0, 3.0]]


def test_action_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="got NaN"):
        DEFAULT_ACTIONS.to_command(np.array([[0.0, np.nan]]))


@pytest.mark.parametrize("bad", [(), ((1.0, 2.0, 3.0),), ((np.nan, 1.0),)])
def test_discrete_list_must_hold_pairs_of_numbers(bad: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(ValueError, match="expected one or more actions"):
        Discrete(bad)


@pytest.mark.parametrize("bad", [(1.0, 1.0), (2.0, 1.0), (np.nan, 1.0), (0.0, np.inf)])
def test_continuous_ranges_must_be_ranges(bad: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="low < high"):
        Continuous(bad, (1.0, 2.0))
