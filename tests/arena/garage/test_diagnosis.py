"""The diagnosis says in numbers and plain words how a training went."""

from __future__ import annotations

import json

from arena.garage import racing, training
from arena.garage.diagnosis import PLACES, SLICES, Diagnosis, diagnose
from arena.garage.patterns import Evidence
from arena.garage.recording import DriveRecorder
from arena.garage.settings import ModelMetadata
from simulator import tracks
from simulator.course import Course, Direction
from simulator.rules import Status
from tests.arena.garage.conftest import PROGRESS_REWARD
from tests.arena.garage.test_patterns import BACKFIRING, STEPS, evidence_of


def diagnosis_of(source: str) -> Diagnosis:
    diagnosis = diagnose(evidence_of(source), budget=STEPS, wall_s=4.0, call_us=2.0)
    assert diagnosis is not None
    return diagnosis


def test_the_learning_curve_rises_from_exploration_to_laps_that_get_quicker() -> None:
    learning = diagnosis_of(PROGRESS_REWARD).learning
    assert len(learning) == SLICES
    assert learning[0].completion < 25.0 < 80.0 < learning[-1].completion
    assert learning[-1].mean_return > learning[0].mean_return
    assert learning[-1].steps == STEPS
    assert learning[-1].lap_ms is not None


def test_every_recorded_step_is_in_every_profile() -> None:
    diagnosis = diagnosis_of(PROGRESS_REWARD)
    for profile in (diagnosis.places, diagnosis.by_side, diagnosis.by_speed, diagnosis.by_steering):
        assert sum(profile.steps) == diagnosis.steps
        assert len(profile.edges) == len(profile.reward) + 1


def test_drives_that_left_the_road_are_counted_where_they_did() -> None:
    evidence = evidence_of(PROGRESS_REWARD)
    off = sum(int(drive.trace["status"][-1]) == Status.OFF_TRACK for drive in evidence.drives)
    assert sum(diagnosis_of(PROGRESS_REWARD).off_places) == off > 0
    assert len(diagnosis_of(PROGRESS_REWARD).off_places) == PLACES


def test_a_reward_by_speed_shows_in_the_profile_of_speed() -> None:
    diagnosis = diagnosis_of(BACKFIRING["crawling"])
    paid = [reward for reward in diagnosis.by_speed.reward if reward is not None]
    assert paid[0] > paid[-1]


def test_the_agreement_tells_progress_from_time() -> None:
    good, crawling = diagnosis_of(PROGRESS_REWARD), diagnosis_of(BACKFIRING["crawling"])
    assert good.progress_agreement is not None
    assert good.progress_agreement > 0.9
    assert crawling.lap_agreement is not None
    assert crawling.lap_agreement > 0.8
    assert "slower laps earned more" in crawling.sentences["agreement"]


def test_a_dear_reward_function_is_told_what_it_costs() -> None:
    evidence = evidence_of(PROGRESS_REWARD)
    dear = diagnose(evidence, budget=500_000, wall_s=80.0, call_us=120.0)
    assert dear is not None
    assert dear.cost.share == 0.75
    assert "closest_waypoints" in dear.cost.sentence
    cheap = diagnose(evidence, budget=500_000, wall_s=10.0, call_us=1.0)
    assert cheap is not None
    assert "closest_waypoints" not in cheap.cost.sentence


def test_it_is_json_and_the_same_for_the_same_training() -> None:
    first, again = diagnosis_of(PROGRESS_REWARD), diagnosis_of(PROGRESS_REWARD)
    assert json.dumps(first.as_json()) == json.dumps(again.as_json())
    assert len(json.dumps(first.as_json())) < 20_000


def test_without_a_completed_drive_there_is_no_diagnosis() -> None:
    evidence = evidence_of(PROGRESS_REWARD)
    empty = Evidence([], evidence.trial, evidence.track, evidence.actions)
    assert diagnose(empty, budget=STEPS, wall_s=1.0, call_us=1.0) is None


def test_of_a_course_driven_both_ways_the_first_leg_is_told() -> None:
    track, recorder = tracks.load("oval"), DriveRecorder()
    course = Course(track, Direction.ALTERNATE)
    trained = training.train(PROGRESS_REWARD, course, steps=16_384, recorder=recorder)
    trial = racing.drive(trained.policy, course, laps=1)
    evidence = Evidence.of(recorder, trial, course, ModelMetadata().actions)
    assert evidence.track == track
    assert 0 < len(evidence.drives) < len(recorder.drives())
    assert diagnose(evidence, budget=16_384, wall_s=1.0, call_us=1.0) is not None
