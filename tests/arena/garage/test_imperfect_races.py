"""A race with imperfect cars: named in the trial, the same for all, no better than a perfect car."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from arena.garage.racing import REFERENCE, Trial, drive, head_to_head
from simulator.course import Course, Direction
from simulator.imperfections import CALIBRATED, Imperfections
from simulator.track import Track
from tests.arena.garage.test_racing import steering_policy

SLIPPERY = Imperfections(grip=0.5, latency_steps=2, noise=1.0)


def launch(trial: Trial, lap: int = 1) -> NDArray[np.float64]:
    """Return the first speeds of a lap from a standing start: what grip and latency make of them."""
    speeds: NDArray[np.float64] = trial.trace["speed_mps"][trial.trace["lap"] == lap][:8]
    return speeds


def test_a_trial_names_the_imperfections_it_was_driven_with(oval: Track) -> None:
    trial = drive(steering_policy(2.0, 1.0), Course(oval, imperfections=CALIBRATED), laps=1)
    assert json.loads(trial.versions["course"]) == {"imperfections": CALIBRATED.as_json()}
    assert "course" not in drive(steering_policy(2.0, 1.0), oval, laps=1).versions


def test_all_entrants_of_a_race_meet_the_same_and_another_race_is_another(oval: Track) -> None:
    course = Course(oval, imperfections=SLIPPERY)
    races = [
        [drive(steering_policy(2.0, gain), course, laps=1, seed=seed) for gain in (1.0, 0.7)]
        for seed in range(3)
    ]
    for one, other in races:
        assert launch(one) == pytest.approx(launch(other), abs=0.02)
    assert len({tuple(launch(one).round(3).tolist()) for one, _ in races}) == 3
    assert drive(steering_policy(2.0, 1.0), course, laps=1, seed=2) == races[2][0]


def test_each_lap_of_an_alternating_race_has_its_draw_and_all_entrants_have_it(oval: Track) -> None:
    course = Course(oval, Direction.ALTERNATE, imperfections=SLIPPERY)
    one, other = (drive(steering_policy(2.0, gain), course, laps=2, seed=3) for gain in (1.0, 0.7))
    assert [lap.direction for lap in one.laps] == [Direction.FORWARD, Direction.REVERSED]
    for lap in (1, 2):
        assert launch(one, lap) == pytest.approx(launch(other, lap), abs=0.02)


def test_no_draw_is_quicker_than_a_perfect_car(oval: Track) -> None:
    perfect = launch(drive(steering_policy(2.0, 1.0), oval, laps=1))
    for seed in range(3):
        drawn = launch(
            drive(steering_policy(2.0, 1.0), Course(oval, imperfections=CALIBRATED), laps=1, seed=seed)
        )
        # Until the first command arrives a car rolls at its least speed: 1 cm/s and less.
        assert np.all(drawn <= perfect + 0.05)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_reference_drivers_reckon_with_an_imperfect_car(seed: int, oval: Track) -> None:
    heat = head_to_head([REFERENCE, REFERENCE], Course(oval, imperfections=CALIBRATED), laps=2, seed=seed)
    assert [(trial.finished, trial.reset_count) for trial in heat.trials] == [(True, 0)] * 2
