"""The study of a function's lines tells what never ran and what was dear, and costs nothing when it fails."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest

from arena.garage import lines, training
from arena.garage.debrief import debrief
from arena.garage.lines import Lines
from arena.garage.patterns import CALLS_TO_JUDGE, Evidence, idle_term
from arena.garage.racing import drive
from arena.garage.recording import KEPT_CALLS, KEPT_LAPS, CallSample, DriveRecorder
from arena.garage.sandbox import states_of
from simulator import params, tracks
from simulator.course import Course

COURSE = Course.of(tracks.load("oval"))
STATES = np.array([state.row for state in states_of(COURSE.legs()[0])])

IDLE = """def reward_function(params):
    reward = params["speed"]
    if params["steering_angle"] > 90:
        reward += 50.0
    if params["progress"] >= 100:
        reward += 10.0
    if params["is_crashed"]:
        reward -= 5.0
    for _ in range(30):
        reward += 0.0 * sum(range(100))
    return reward
"""


def sample_of(rows: np.ndarray, times: int = 40) -> CallSample:
    """A sample whose only car made the same calls again and again."""
    sample = CallSample()
    for row in np.tile(rows, (times, 1)):
        sample.note(row[None], np.array([0]))
    return sample


def studied(source: str = IDLE, times: int = 40) -> Lines:
    found = lines.study(source, COURSE, sample_of(STATES, times), seed=1)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def found() -> Lines:
    return studied()


def test_lines_that_never_ran_are_named_with_their_text(found: Lines) -> None:
    assert [(one.first, one.last) for one in found.never if one.pays] == [(4, 4)]
    assert "ine 4 (reward += 50.0)" in found.reach
    assert f"{found.calls:,} calls" in found.reach


def test_the_dearest_lines_are_named_with_how_often_they_run(found: Lines) -> None:
    assert found.dearest[0].line == 10
    assert found.dearest[0].share > 0.5
    assert "(it runs 30 times a call)" in found.cost
    assert sum(one.share for one in found.used) == pytest.approx(1.0, abs=0.01)


def test_it_is_plain_json(found: Lines) -> None:
    assert json.loads(json.dumps(asdict(found)))["calls"] == 40 * len(STATES)


def test_a_few_calls_say_nothing_about_what_never_runs() -> None:
    few = Lines.of(np.array([[5.0, 1.0], [-1.0, 0.0], [0.0, 0.0]]), "def f(x):\n    return 1\n", 0)
    assert few is not None
    assert few.never == ()
    assert "too few" in few.reach


@pytest.mark.parametrize(
    "source",
    [
        "import nothing_like_it\ndef reward_function(params):\n    return 1.0\n",
        "import os\ndef reward_function(params):\n    os._exit(3)\n",
        "def reward_function(params):\n    return (\n",
        """import numpy
from arena.garage import line_clock
line_clock.LineClock.table = lambda self: numpy.full((self._last + 1, 2), numpy.nan)
def reward_function(params):
    return 1.0
""",
        """import numpy
from arena.garage import line_clock
line_clock.LineClock.table = lambda self: numpy.full((self._last + 1, 2), 1e6)
def reward_function(params):
    return 1.0
""",
    ],
)
def test_a_function_that_cannot_be_studied_costs_this_part_only(source: str) -> None:
    assert lines.study(source, COURSE, sample_of(STATES, 1), seed=1) is None


def test_without_calls_there_is_nothing_to_study() -> None:
    assert lines.study(IDLE, COURSE, CallSample(), seed=1) is None


def test_a_call_that_fails_in_the_study_is_passed_over() -> None:
    source = (
        "def reward_function(params):\n    if params['speed'] >= 0:\n        raise ValueError\n    return 1\n"
    )
    found = studied(source, times=20)
    assert [(one.first, one.last) for one in found.never] == [(4, 4)]


def test_the_sample_keeps_first_and_last_calls_and_the_laps_of_others() -> None:
    sample, rows = CallSample(), np.zeros((3, len(params.COLUMNS)))
    for step in range(3 * KEPT_CALLS):
        rows[:, params.STEPS] = step
        rows[1, params.PROGRESS] = 100.0 if step % 10 == 0 else 50.0
        sample.note(rows, np.arange(3))
    kept, cars = sample.calls()
    assert int(cars.sum()) == KEPT_LAPS
    own = kept[cars == 0, params.STEPS]
    assert own.tolist() == [*range(KEPT_CALLS), *range(2 * KEPT_CALLS, 3 * KEPT_CALLS)]
    again = CallSample()
    again.go_on_from(sample.arrays())
    assert (again.calls()[0] == kept).all()


def test_a_term_that_is_never_paid_is_found_and_penalties_are_not(trained: Evidence, found: Lines) -> None:
    finding = idle_term(trained.with_lines(found))
    assert finding is not None
    assert "line 4 (reward += 50.0)" in finding.sentence
    assert "line 8" not in finding.sentence


def test_after_few_calls_no_term_is_called_idle(trained: Evidence) -> None:
    few = studied(times=CALLS_TO_JUDGE // len(STATES) - 1)
    assert few.never
    assert idle_term(trained.with_lines(few)) is None
    assert idle_term(trained) is None


@pytest.fixture(scope="module")
def recorder() -> DriveRecorder:
    return DriveRecorder()


@pytest.fixture(scope="module")
def result(recorder: DriveRecorder) -> training.Training:
    return training.train(IDLE, COURSE, steps=16_384, recorder=recorder)


@pytest.fixture(scope="module")
def trained(recorder: DriveRecorder, result: training.Training) -> Evidence:
    return Evidence.of(recorder, drive(result.policy, COURSE, laps=1), COURSE, result.policy.actions)


def test_a_training_with_a_recorder_ends_in_a_debrief_that_knows_its_lines(
    recorder: DriveRecorder, result: training.Training, trained: Evidence
) -> None:
    diagnosis = debrief(IDLE, COURSE, result, trained.trial, recorder)
    assert diagnosis is not None
    assert diagnosis.lines is not None
    assert diagnosis.lines.calls - diagnosis.lines.laps == 16_384 // 64
    assert 4 in {stretch.first for stretch in diagnosis.lines.never}
    assert diagnosis.sentences["reach"] == diagnosis.lines.reach
    assert json.dumps(diagnosis.as_json())
