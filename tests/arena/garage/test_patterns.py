"""Rewards that backfire are recognised by what their cars do, and good ones are left in peace."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import starter_kits
from arena.garage import lines, patterns, racing, settings, training
from arena.garage.hyperparameters import parse_hyperparameters
from arena.garage.patterns import Evidence, Pattern
from arena.garage.recording import DriveRecorder
from simulator import tracks
from simulator.course import Course

STEPS = 16 * 8192

SLOW_RANGE = """{"action_space_type": "continuous", "version": "5", "action_space": {
    "steering_angle": {"low": -30, "high": 30}, "speed": {"low": 0.1, "high": 2.0}}}"""

LEFT_OR_RIGHT = """{"action_space_type": "discrete", "version": "5", "action_space": [
    {"steering_angle": -30, "speed": 1.2}, {"steering_angle": 30, "speed": 1.2}]}"""

BACKFIRING = {
    "constant": "def reward_function(params):\n    return 1.0\n",
    "rare": """
def reward_function(params):
    return 100.0 if params["progress"] >= 100 else 0.0
""",
    "costly_life": """
def reward_function(params):
    return params["speed"] - 10.0
""",
    "jackpot": """
def reward_function(params):
    if params["is_offtrack"]:
        return 0.0
    bonus = 10000.0 if params["progress"] >= 100 else 0.0
    return 1.0 - params["distance_from_center"] / params["track_width"] + bonus
""",
    "crawling": """
def reward_function(params):
    return -5.0 if params["is_offtrack"] else 5.0 - params["speed"]
""",
    "zigzag": """
last = 0.0

def reward_function(params):
    global last
    way = 0.0 if params["steps"] <= 2 else params["progress"] - last
    last = params["progress"]
    return -10.0 if params["is_offtrack"] else abs(params["steering_angle"]) / 30 + way
""",
    "one_place": """
def reward_function(params):
    if params["is_offtrack"]:
        return -1.0
    x, y = params["waypoints"][10]
    return 1.0 if math.hypot(params["x"] - x, params["y"] - y) < 1.0 else 0.0

import math
""",
    "circling": """
def reward_function(params):
    return 1.0 if params["steering_angle"] > 20 and not params["is_offtrack"] else 0.0
""",
}


@lru_cache
def evidence_of(
    source: str,
    metadata: str | None = None,
    hyperparameters: str | None = None,
    track_name: str = "oval",
    steps: int = STEPS,
) -> Evidence:
    """What a small training and its race leave behind."""
    track, recorder = tracks.load(track_name), DriveRecorder()
    model_metadata = settings.parse_model_metadata(metadata)
    trained = training.train(
        source,
        track,
        metadata=model_metadata,
        hyperparameters=parse_hyperparameters(hyperparameters),
        steps=steps,
        recorder=recorder,
    )
    trial = racing.drive(trained.policy, track, laps=2)
    studied = lines.study(source, Course.of(track), recorder.sample, seed=trained.seed)
    return Evidence(recorder.drives(), trial, track, model_metadata.actions, studied)


@pytest.mark.parametrize("pattern", ["constant", "rare", "costly_life", "jackpot", "crawling", "one_place"])
def test_a_reward_that_backfires_is_recognised_by_its_pattern(pattern: str) -> None:
    found = patterns.find(evidence_of(BACKFIRING[pattern]))
    assert Pattern(pattern) in {finding.pattern for finding in found}


def test_a_car_that_knows_only_left_and_right_zigzags() -> None:
    found = patterns.find(evidence_of(BACKFIRING["zigzag"], LEFT_OR_RIGHT))
    assert Pattern.ZIGZAG in {finding.pattern for finding in found}


def test_a_car_that_turns_round_is_recognised() -> None:
    found = patterns.find(evidence_of(BACKFIRING["circling"], SLOW_RANGE, None, "harbour", 24 * 8192))
    assert Pattern.CIRCLING in {finding.pattern for finding in found}


def test_a_reward_that_pays_slow_laps_more_is_told_so() -> None:
    found = {finding.pattern: finding for finding in patterns.find(evidence_of(BACKFIRING["crawling"]))}
    assert found[Pattern.PAYS_FOR_TIME].figures["agreement"] > 0.8
    assert "slow" in found[Pattern.PAYS_FOR_TIME].sentence.lower()


@pytest.mark.parametrize("name", [name for name in starter_kits.ORDER if name != "centre_line"])
def test_no_false_alarm_on_a_kit(name: str) -> None:
    kit = starter_kits.load(name)
    evidence = evidence_of(kit.reward_function, kit.model_metadata, kit.hyperparameters)
    assert evidence.lines is not None
    assert patterns.find(evidence) == ()


def test_the_centre_line_kit_is_told_what_it_does() -> None:
    """It drives at its slowest speed and, having three steering angles, from one to the other."""
    kit = starter_kits.load("centre_line")
    evidence = evidence_of(kit.reward_function, kit.model_metadata, kit.hyperparameters)
    found = {finding.pattern for finding in patterns.find(evidence)}
    assert Pattern.CRAWLING in found
    assert found <= {Pattern.CRAWLING, Pattern.PAYS_FOR_TIME, Pattern.ZIGZAG}


def test_nothing_is_said_where_little_was_recorded() -> None:
    evidence = evidence_of(BACKFIRING["constant"])
    few = Evidence(
        evidence.drives[: patterns.FEWEST_DRIVES - 1], evidence.trial, evidence.track, evidence.actions
    )
    assert patterns.find(few) == ()


@given(st.lists(st.floats(-10, 10), min_size=3, max_size=40))
def test_rank_agreement_is_one_with_any_growing_function_of_itself(values: list[float]) -> None:
    column = np.round(np.array(values), 6)
    agreement = patterns.rank_agreement(column, 3.0 * column + 1.0)
    if np.ptp(column) == 0.0:
        assert agreement is None
    else:
        assert agreement == pytest.approx(1.0)
        assert patterns.rank_agreement(column, -column) == pytest.approx(-1.0)
