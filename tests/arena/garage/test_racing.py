"""A race is driven by weights alone; every drive ends, and the same input gives the same bytes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from arena.garage.policy import Policy
from arena.garage.racing import drive
from simulator import tracks
from simulator.actions import Continuous, Discrete
from simulator.car import CLASSIC, V6
from simulator.course import Course, Direction
from simulator.rules import Rules
from simulator.sensors import OBSERVATION_COLUMNS
from simulator.track import Track

COUNT = len(OBSERVATION_COLUMNS)


def steering_policy(speed_mps: float = 1.5, gain: float = 2.0) -> Policy:
    """A policy by hand: steer to where the centre line is a metre ahead, at one speed."""
    weight = np.zeros((2, COUNT))
    weight[0, OBSERVATION_COLUMNS.index("ahead_0.9_left")] = gain
    bias = np.array([0.0, (speed_mps - 2.0) / 2.0])
    return Policy(((weight, bias),), Continuous((-30.0, 30.0), (0.0, 4.0)))


def straight_policy() -> Policy:
    """Drives straight on and never turns."""
    return Policy(((np.zeros((2, COUNT)), np.zeros(2)),), Discrete(((0.0, 2.0), (10.0, 2.0))))


def test_a_trial_of_three_laps_adds_up(oval: Track) -> None:
    trial = drive(steering_policy(2.0, gain=1.0), oval)
    assert (trial.finished, trial.ended_by, trial.completed_laps) == (True, "finished", 3)
    assert [lap.number for lap in trial.laps] == [1, 2, 3]
    assert trial.total_time_ms == sum(lap.lap_time_ms for lap in trial.laps)
    assert trial.best_lap_ms == min(lap.lap_time_ms for lap in trial.laps)
    assert trial.laps[0].lap_time_ms > trial.laps[1].lap_time_ms  # a standing start
    assert (trial.off_track_count, trial.reset_count) == (0, 0)
    assert oval.length_m / 2.5 < trial.laps[1].lap_time_ms / 1000 < oval.length_m / 1.5


def test_the_same_input_gives_the_same_bytes(oval: Track) -> None:
    first, second = drive(steering_policy(), oval), drive(steering_policy(), oval)
    assert first.trace.to_bytes() == second.trace.to_bytes()
    assert first == second


def test_a_race_names_the_car_that_it_is_driven_with(oval: Track) -> None:
    classic, v6 = (drive(steering_policy(2.0, 1.0), oval, laps=1, spec=spec) for spec in (CLASSIC, V6))
    assert (classic.versions["spec"], v6.versions["spec"]) == ("classic", "v6")
    assert v6.laps[0].lap_time_ms < classic.laps[0].lap_time_ms  # it is at speed at once
    assert v6.trace != classic.trace


def test_a_trial_is_measured_against_the_fastest_possible_lap(oval: Track) -> None:
    trial = drive(steering_policy(2.0, gain=1.0), oval, laps=2)
    optimum = tracks.optimum("oval")
    assert trial.optima == {Direction.FORWARD: optimum}
    assert trial.best_lap_ms is not None
    assert trial.percent_of_the_possible == pytest.approx(1e5 * optimum.lap_s / trial.best_lap_ms, abs=0.01)
    assert trial.suspicious_laps == ()
    impossible = replace(trial, laps=(trial.laps[0], trial.laps[1]._replace(lap_time_ms=5_600)))
    assert impossible.suspicious_laps == (2,)
    assert impossible.as_json()["suspicious_laps"] == [2]


def test_another_track_or_car_has_no_optimum_to_be_measured_against(oval: Track) -> None:
    wider = Track.from_rows(oval.rows() * 1.1, "oval")
    for trial in (
        drive(steering_policy(2.0, 1.0), wider, laps=1),
        drive(steering_policy(2.0, 1.0), oval, laps=1, spec=replace(CLASSIC, name="unheard of")),
    ):
        assert (trial.percent_of_the_possible, trial.suspicious_laps) == (None, ())


def test_alternate_laps_each_begin_from_a_standing_start(oval: Track) -> None:
    course = Course(oval, Direction.ALTERNATE)
    trial = drive(steering_policy(2.0, 1.0), course)
    ways = [Direction.FORWARD, Direction.REVERSED, Direction.FORWARD]
    assert [(lap.number, lap.direction) for lap in trial.laps] == list(zip((1, 2, 3), ways, strict=True))
    assert trial.finished
    assert trial.total_time_ms == sum(lap.lap_time_ms for lap in trial.laps)
    forward, back, again = trial.laps
    assert (
        forward.lap_time_ms == again.lap_time_ms == drive(steering_policy(2.0, 1.0), oval, laps=1).best_lap_ms
    )
    reversed_ = drive(steering_policy(2.0, 1.0), Course(oval, Direction.REVERSED), laps=1)
    assert (back.lap_time_ms, Direction.REVERSED) == (reversed_.best_lap_ms, reversed_.laps[0].direction)
    assert trial.optima == {way: tracks.optimum("oval", is_reversed=way is not ways[0]) for way in ways[:2]}
    assert trial.versions == {**reversed_.versions, "course": course.text}
    assert np.diff(trial.trace["t_s"]) == pytest.approx(1 / 15)
    assert sorted(set(trial.trace["lap"])) == [1.0, 2.0, 3.0]
    starts = [np.flatnonzero(trial.trace["lap"] == lap)[0] for lap in (1, 2, 3)]
    assert trial.trace["speed_mps"][starts].tolist() == [0.0, 0.0, 0.0]
    assert trial.as_json()["lap_directions"] == ["forward", "reversed", "forward"]


def test_an_alternate_race_has_one_account_of_resets(oval: Track) -> None:
    rules = replace(Rules.time_trial(4), max_resets=3, max_steps=4 * 300)
    trial = drive(straight_policy(), Course(oval, Direction.ALTERNATE), laps=4, rules=rules)
    assert (trial.finished, trial.ended_by, trial.reset_count) == (False, "off_track", 3)
    assert (trial.completed_laps, trial.off_track_count) == (0, 4)


def test_the_trace_tells_the_drive(oval: Track) -> None:
    trial = drive(steering_policy(), oval, laps=1)
    assert trial.trace["speed_mps"][0] == 0.0
    assert abs(len(trial.trace) / 15 - trial.total_time_ms / 1000) < 0.3
    assert trial.trace["progress"].max() == pytest.approx(100.0, abs=3.0)
    np.testing.assert_allclose(trial.trace["command_speed_mps"], 1.5, atol=1e-6)


def test_a_car_that_leaves_the_track_is_put_back_and_pays(oval: Track) -> None:
    rules = Rules.time_trial(1, max_resets=2)
    trial = drive(straight_policy(), oval, laps=1, rules=rules)
    assert (trial.finished, trial.ended_by) == (False, "off_track")
    assert (trial.reset_count, trial.off_track_count) == (2, 3)
    assert (trial.completed_laps, trial.best_lap_ms, trial.laps) == (0, None, ())
    assert trial.total_time_ms > 2 * rules.penalty_ms


def test_a_crawling_car_ends_when_its_time_is_up(oval: Track) -> None:
    rules = Rules(max_steps=150, laps=3, max_resets=10)
    trial = drive(steering_policy(speed_mps=0.2), oval, rules=rules)
    assert (trial.finished, trial.ended_by) == (False, "time_up")
    assert trial.total_time_ms == round(148 / 15 * 1000)


def test_rules_must_fit_the_laps(oval: Track) -> None:
    with pytest.raises(ValueError, match="rules for 2 laps"):
        drive(steering_policy(), oval, laps=2, rules=Rules.time_trial(3))


def test_the_summary_is_json(oval: Track) -> None:
    summary = drive(steering_policy(), oval, laps=1).as_json()
    assert summary["lap_times_ms"] == [summary["best_lap_ms"]]
    assert set(summary["versions"]) == {"car", "spec", "rules", "track"}  # type: ignore[call-overload]
