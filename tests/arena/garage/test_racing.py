"""A race is driven by weights alone; every drive ends, and the same input gives the same bytes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from arena.garage.drivers import Entrant
from arena.garage.policy import Policy
from arena.garage.racing import REFERENCE, drive, head_to_head
from simulator import tracks
from simulator.actions import Continuous, Discrete
from simulator.car import CLASSIC, V6
from simulator.course import Bots, Course, CourseError, Direction, RaceType
from simulator.rules import Rules, Status
from simulator.sensors import OBSERVATION_COLUMNS
from simulator.track import Track

COUNT = len(OBSERVATION_COLUMNS)


def steering_policy(speed_mps: float = 1.5, gain: float = 2.0) -> Policy:
    """A policy by hand: steer to where the centre line is a metre ahead, at one speed."""
    weight = np.zeros((2, COUNT))
    weight[0, OBSERVATION_COLUMNS.index("ahead_0.9_left")] = gain
    bias = np.array([0.0, (speed_mps - 2.05) / 1.95])
    return Policy(((weight, bias),), Continuous((-30.0, 30.0), (0.1, 4.0)))


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


def test_laps_among_objects_have_no_share_of_the_possible_but_can_be_suspicious(oval: Track) -> None:
    trial = drive(steering_policy(1.2, 1.0), Course(oval, bots=Bots()), laps=1)
    assert trial.percent_of_the_possible is None
    impossible = replace(trial, laps=(trial.laps[0]._replace(lap_time_ms=5_600),))
    assert impossible.suspicious_laps == (1,)


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
    assert trial.total_time_ms > 2 * rules.penalty_ms_for(Status.OFF_TRACK)


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


BOTS = Bots(5, 0.3, lane_change=True)


def test_a_race_among_bots_has_them_in_its_trace(oval: Track) -> None:
    course = Course(oval, bots=BOTS)
    trial = drive(steering_policy(1.2, 1.0), course, laps=1, seed=4)
    assert trial.race_type is RaceType.HEAD_TO_BOTS
    assert trial.trace.objects.shape == (len(trial.trace), 5, 3)
    way = np.hypot(*np.diff(trial.trace.objects[:, 0, :2], axis=0).T)
    assert np.median(way) == pytest.approx(0.3 / 15, rel=0.25)
    assert trial.crash_count > 0  # this one sees nobody
    assert trial == drive(steering_policy(1.2, 1.0), course, laps=1, seed=4)
    assert trial.trace != drive(steering_policy(1.2, 1.0), course, laps=1, seed=5).trace


def test_the_reference_driver_wins_and_the_gaps_say_by_how_much(oval: Track) -> None:
    rules = Rules(max_steps=2 * 400, laps=2, max_resets=3)
    entrants: list[Entrant] = [steering_policy(1.2, 1.0), REFERENCE, straight_policy()]
    heat = head_to_head(entrants, oval, laps=2, rules=rules)
    assert heat.order == (1, 0, 2)
    slow, reference, straight = heat.trials
    assert reference.finished
    assert slow.finished
    assert straight.completed_laps == 0
    assert heat.gaps_ms == (slow.total_time_ms - reference.total_time_ms, 0, None)
    assert (reference.off_track_count, reference.race_type) == (0, RaceType.HEAD_TO_HEAD)
    assert slow.trace.objects.shape == (len(slow.trace), 2, 3)
    assert slow.versions["course"] == '{"cars":3}'


def test_a_car_alone_meets_reference_drivers_where_the_course_has_several(oval: Track) -> None:
    policy = steering_policy(1.2, 1.0)
    trial = drive(policy, Course(oval, cars=3), laps=1)
    assert trial == head_to_head([policy, REFERENCE, REFERENCE], oval, laps=1).trials[0]
    rivals = trial.trace.objects
    assert rivals.shape == (len(trial.trace), 2, 3)
    assert np.isnan(rivals[-1]).all(axis=1).any()  # who is in stands aside
    assert not np.isnan(rivals[0]).any()


def test_who_is_named_first_starts_in_front(oval: Track) -> None:
    policy = steering_policy(1.2, 1.0)
    heat = head_to_head([policy, policy], oval, laps=1)
    assert heat.order == (0, 1)
    # The second place on the grid is 0.75 m further back.
    assert heat.gaps_ms[1] == pytest.approx(1000 * 0.75 / 1.2, rel=0.1)


def test_an_alternating_heat_goes_on_without_those_who_have_failed(oval: Track) -> None:
    course = Course(oval, Direction.ALTERNATE)
    rules = Rules(max_steps=2 * 400, laps=2, max_resets=1)
    heat = head_to_head([straight_policy(), steering_policy(1.5, 1.0)], course, laps=2, rules=rules)
    failed, finished = heat.trials
    assert (failed.completed_laps, finished.completed_laps, heat.order) == (0, 2, (1, 0))
    assert [lap.direction for lap in finished.laps] == [Direction.FORWARD, Direction.REVERSED]
    alone = finished.trace["lap"] == 2
    assert np.isnan(finished.trace.objects[alone]).all()
    assert not np.isnan(finished.trace.objects[0]).any()


def test_the_number_of_entrants_must_fit_the_course(oval: Track) -> None:
    policy = steering_policy()
    with pytest.raises(ValueError, match="expected 2 to 8 entrants"):
        head_to_head([policy], oval)
    with pytest.raises(ValueError, match="expected 3 entrants to race each other, got 2"):
        head_to_head([policy, policy], Course(oval, cars=3))
    with pytest.raises(CourseError, match="1 to 8 cars"):
        head_to_head([policy] * 9, oval)
