"""What was driven once is driven again: a change of the simulator that changes traces needs a new version."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.simulator import golden

TOLERANCE = 1e-6
"""Last bits differ between kinds of machines; in a drive of a minute they grow to 1e-11 or so."""
AGAIN = (
    "then record anew with `python -m tests.simulator.golden --record` and name the version in CHANGELOG.md"
)


@pytest.fixture(scope="module")
def here() -> dict[str, Any]:
    """What the recorded commands give here, by scene."""
    drives = golden.stored()["drives"]
    return {
        name: golden.described(golden.SCENES[name], golden.read(drive["commands"]))
        for name, drive in drives.items()
    }


def states(drive: dict[str, Any]) -> np.ndarray:
    return np.array([[float(number) for number in state.split()] for state in drive["samples"]])


def test_traces_on_record_are_of_these_versions_and_scenes() -> None:
    stored = golden.stored()
    assert stored["versions"] == golden.versions(), (
        f"tests/simulator/golden/traces.json is of versions {stored['versions']}, the simulator has "
        f"{golden.versions()}: if that is meant, {AGAIN}"
    )
    assert set(stored["drives"]) == set(golden.SCENES)


@pytest.mark.parametrize("name", golden.SCENES)
def test_recorded_commands_give_the_recorded_drive(name: str, here: dict[str, Any]) -> None:
    then, now = golden.stored()["drives"][name], here[name]
    assert now["track"] == then["track"], f"the track has changed: {AGAIN}"
    which = (
        f"{name}: the same commands drive otherwise now, under the same versions. If that is meant, raise "
        f"CAR_VERSION (simulator/car.py) for a change of the car's motion or RULES_VERSION "
        f"(simulator/rules.py) for one of rules, starts or timing, {AGAIN}"
    )
    assert now["outcome"] == then["outcome"], which
    assert states(now).shape == states(then).shape, which
    assert np.abs(states(now) - states(then)).max() < TOLERANCE, which


@pytest.mark.parametrize("name", golden.SCENES)
def test_recorded_commands_give_the_same_bytes_on_the_same_kind_of_machine(
    name: str, here: dict[str, Any]
) -> None:
    stored = golden.stored()
    if stored["machine"] != golden.machine():
        pytest.skip(f"traces were taken on {stored['machine']}; this is {golden.machine()}")
    assert here[name]["sha256"] == stored["drives"][name]["sha256"], (
        f"{name}: last bits have changed. Results are promised bit for bit under one version: keep the order "
        f"of operations as it was, or raise CAR_VERSION (simulator/car.py), {AGAIN}"
    )


def test_scenes_show_what_they_are_named_for() -> None:
    outcomes = {name: drive["outcome"] for name, drive in golden.stored()["drives"].items()}
    assert all(outcome["status"] == "LAP_COMPLETE" for outcome in outcomes.values())
    assert outcomes["time_trial"]["resets"] == outcomes["time_trial_reversed_v6"]["resets"] == 0
    assert outcomes["off_track_and_put_back"]["off_tracks"] == 1
    assert outcomes["obstacles"]["crashes"] > 0
    assert outcomes["bots"]["crashes"] > 0
