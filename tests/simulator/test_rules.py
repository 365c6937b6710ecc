"""The rules, judged on bare counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from simulator.rules import FAULTS, Facts, Rules, Status, judge


def judged(**changes: Any) -> list[Status]:
    facts: dict[str, Any] = {
        "lap_complete": np.array([False]),
        "off_track": np.array([False]),
        "still_steps": np.array([0]),
        "falling_steps": np.array([0]),
        "steps": np.array([2]),
        "held": np.array([False]),
    }
    facts.update({name: np.atleast_1d(np.asarray(value)) for name, value in changes.items()})
    return [Status(code) for code in judge(Facts(**facts), Rules(max_steps=100)).tolist()]


def test_nothing_of_note_is_in_progress() -> None:
    assert judged() == [Status.IN_PROGRESS]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"lap_complete": True}, Status.LAP_COMPLETE),
        ({"off_track": True}, Status.OFF_TRACK),
        ({"still_steps": 14}, Status.IN_PROGRESS),
        ({"still_steps": 15}, Status.IMMOBILIZED),
        ({"falling_steps": 14}, Status.IN_PROGRESS),
        ({"falling_steps": 15}, Status.REVERSED),
        ({"steps": 99}, Status.IN_PROGRESS),
        ({"steps": 100}, Status.TIME_UP),
    ],
)
def test_each_rule_has_its_count(changes: dict[str, Any], status: Status) -> None:
    assert judged(**changes) == [status]


def test_first_rule_in_the_known_order_counts() -> None:
    everything = {
        "lap_complete": True,
        "crashed": True,
        "off_track": True,
        "still_steps": 15,
        "steps": 100,
        "falling_steps": 15,
    }
    order = [
        Status.LAP_COMPLETE,
        Status.CRASHED,
        Status.OFF_TRACK,
        Status.IMMOBILIZED,
        Status.TIME_UP,
        Status.REVERSED,
    ]
    for name, status in zip(list(everything), order, strict=True):
        assert judged(**everything) == [status]
        del everything[name]


def test_car_that_serves_a_penalty_is_judged_by_the_clock_alone() -> None:
    assert judged(held=True, off_track=True, lap_complete=True) == [Status.PAUSE]
    assert judged(held=True, off_track=True, steps=100) == [Status.TIME_UP]


def test_completed_lap_and_time_up_are_no_faults() -> None:
    assert {Status.OFF_TRACK, Status.REVERSED, Status.IMMOBILIZED, Status.CRASHED} == FAULTS


def test_penalties_are_whole_steps() -> None:
    off = Status.OFF_TRACK
    assert (Rules().penalty_steps_for(off), Rules().penalty_ms_for(off)) == (30, 2000)
    assert Rules(off_track_penalty_s=2.2).penalty_steps_for(off) == 33
    assert Rules(off_track_penalty_s=0.01).penalty_steps_for(off) == 1
    assert Rules(off_track_penalty_s=0.0).penalty_steps_for(off) == 1


def test_each_fault_has_its_price() -> None:
    rules = Rules(off_track_penalty_s=3.0, collision_penalty_s=5.0)
    prices = {Status.CRASHED: 5000, Status.OFF_TRACK: 3000, Status.REVERSED: 3000}
    assert {status: rules.penalty_ms_for(status) for status in prices} == prices
    # Standing still costs no more than the step in which it is found out.
    assert rules.penalty_steps_for(Status.IMMOBILIZED) == 1


@pytest.mark.parametrize(
    "bad", [{"max_steps": 1}, {"laps": 0}, {"max_resets": -1}, {"off_track_penalty_s": -0.5}]
)
def test_rules_without_a_drive_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected max_steps"):
        Rules(**bad)


def test_time_trial_scales_with_its_laps() -> None:
    rules = Rules.time_trial(3)
    assert (rules.laps, rules.max_steps, rules.off_track_penalty_s) == (3, 5400, 2.0)
    assert rules.max_resets > 0
