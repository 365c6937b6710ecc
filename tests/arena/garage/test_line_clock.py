"""Lines are counted and timed as Python runs them, whatever the shape of the function."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from arena.garage.line_clock import LineClock, room_for

FloatArray = NDArray[np.float64]


def table_of(source: str, calls: list[dict[str, Any]]) -> FloatArray:
    """The table of a file's `reward_function` after some calls."""
    source = textwrap.dedent(source).lstrip("\n")
    code = compile(source, "reward_function.py", "exec")
    names: dict[str, Any] = {}
    clock = LineClock(code, room_for(source))
    clock.load(lambda: exec(code, names))
    for params in calls:
        clock.call(names["reward_function"], params)
    return clock.table()


def runs_of(source: str, calls: list[dict[str, Any]]) -> dict[int, int]:
    """How often each line ran that could."""
    runs = table_of(source, calls)[:, 0].tolist()
    return {line: int(count) for line, count in enumerate(runs) if line and count >= 0.0}


def test_lines_of_a_branch_that_is_never_taken_run_never() -> None:
    source = """
        TABLE = [1, 2]

        def reward_function(params):
            reward = 1.0
            if params["speed"] > 100:
                bonus = 2.0
                reward += bonus
            return reward
    """
    assert runs_of(source, [{"speed": 1.0}] * 5) == {4: 5, 5: 5, 6: 0, 7: 0, 8: 5}


def test_lines_of_functions_methods_and_lambdas_that_nobody_calls_are_known() -> None:
    source = """
        class Car:
            wheels = 4

            def pay(self):
                return 1.0

            def unused(self):
                inner = [x for x in (1, 2)]
                return inner

        cheap = lambda value: value + 1

        def reward_function(params):
            return Car().pay()
    """
    assert runs_of(source, [{}] * 3) == {5: 3, 8: 0, 9: 0, 11: 0, 14: 3}


def test_what_only_loading_calls_is_not_judged() -> None:
    source = """
        def planned():
            points = []
            for x in range(3):
                points.append(x)
            return points

        LINE = planned()

        def reward_function(params):
            return LINE[0]
    """
    assert runs_of(source, [{}]) == {10: 1}


def test_one_line_functions_have_that_line() -> None:
    assert runs_of("def reward_function(params): return 1.0\n", [{}, {}]) == {1: 2}


def test_a_call_that_fails_counts_up_to_its_failure() -> None:
    source = "def reward_function(params):\n    speed = params['sped']\n    return speed\n"
    clock_source = compile(source, "reward_function.py", "exec")
    names: dict[str, Any] = {}
    exec(clock_source, names)
    clock = LineClock(clock_source, room_for(source))
    with pytest.raises(KeyError):
        clock.call(names["reward_function"], {})
    assert clock.table()[:4, 0].tolist() == [1, -1, 1, 0]


def test_time_goes_to_the_line_that_took_it_and_comes_back_from_a_function() -> None:
    source = """
        def search(points):
            best = min(points, key=lambda point: point * point)
            return best

        def reward_function(params):
            cheap = 1.0
            dear = search(params["points"])
            other = 2.0
            return cheap + dear + other
    """
    seconds = table_of(source, [{"points": list(range(400))}] * 20)[:, 1]
    assert seconds[0] == pytest.approx(seconds[1:].sum())
    assert seconds[2] > 0.8 * seconds[0]


def test_a_loop_is_counted_each_time_round() -> None:
    source = """
        def reward_function(params):
            total = 0.0
            for value in params["values"]:
                total += value
            return total
    """
    assert runs_of(source, [{"values": [1.0] * 10}] * 2)[4] == 20


def test_there_is_room_for_every_line_however_lines_end() -> None:
    for source in ("a = 1", "a = 1\r\nb = 2\r\n", "a = 1\rb = 2", "a = 1\n\n"):
        assert room_for(source) >= len(source.splitlines())
