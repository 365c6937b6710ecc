"""An action space holds from the file through the params to the race, at both ends of its size."""

from __future__ import annotations

import json

import pytest

from arena.garage.racing import drive
from arena.garage.settings import parse_model_metadata
from arena.garage.training import train
from simulator import tracks

STEPS = 1024


def commands_of(metadata: object, condition: str) -> set[tuple[float, float]]:
    """Train with a reward function that requires `condition`, race, and return the race's commands."""
    source = (
        "def reward_function(params):\n"
        "    steering, speed = params['steering_angle'], params['speed']\n"
        f"    assert {condition}, (steering, speed)\n"
        "    return 1.0\n"
    )
    track = tracks.load("oval")
    training = train(source, track, steps=STEPS, metadata=parse_model_metadata(json.dumps(metadata)))
    trace = drive(training.policy, track, laps=1).trace
    commands = zip(trace["command_steering_deg"], trace["command_speed_mps"], strict=True)
    return {(round(float(steering), 6), round(float(speed), 6)) for steering, speed in commands}


@pytest.mark.parametrize("count", [2, 30])
def test_lists_of_two_and_of_thirty_actions_train_and_race_with_nothing_else(count: int) -> None:
    shares = [place / (count - 1) for place in range(count)]
    actions = {(round(60 * share - 30, 6), round(3.9 * share + 0.1, 6)) for share in shares}
    file = {"action_space": [{"steering_angle": angle, "speed": speed} for angle, speed in sorted(actions)]}
    assert commands_of(file, f"(round(steering, 6), round(speed, 6)) in {actions}") <= actions


def test_a_floor_and_a_ceiling_hold_in_params_and_race() -> None:
    file = {
        "steering_angle": {"low": -12.5, "high": 20},
        "speed": {"low": 1.5, "high": 2.25},
    }
    commands = commands_of(file, "-12.5 <= steering <= 20 and 1.5 <= speed <= 2.25")
    assert all(-12.5 <= steering <= 20 and 1.5 <= speed <= 2.25 for steering, speed in commands)
