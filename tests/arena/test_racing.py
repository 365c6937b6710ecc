"""Races on the command line: courses of every kind, cars against each other, and what cannot be raced on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simulator.trace import Trace
from tests.arena.garage.test_racing import steering_policy
from tests.arena.test_cli import KIT, arena, document


@pytest.fixture
def garage(tmp_path: Path) -> Path:
    """A folder with two cars that lap the oval, one quicker than the other."""
    steering_policy(1.5, 1.0).save(tmp_path / "quick")
    steering_policy(1.2, 1.0).save(tmp_path / "slow")
    return tmp_path


def test_a_policy_remembers_the_course_that_it_was_trained_on(tmp_path: Path) -> None:
    course = ["--direction", "alternate", "--obstacles", "0.3,inner;0.7,-1", "--obstacle-kind", "parked_car"]
    train: list[str | Path] = ["train", KIT / "reward_function.py", "--track", "oval", "--steps", "2000"]
    train += ["--out", "car", *course, "--deepracer-logs", "model", "--json"]
    result = document(arena(*train, cwd=tmp_path))
    expected = {
        "direction": "alternate",
        "obstacles": [[0.3, 1, "parked_car"], [0.7, -1, "parked_car"]],
    }
    assert result["course"] == expected
    assert json.loads((tmp_path / "car" / "training.json").read_text())["course"] == expected
    race = ["race", "car", "--track", "oval", "--laps", "2"]
    there = arena(*race, *course, "--deepracer-logs", "model", "--json", cwd=tmp_path)
    assert json.loads(document(there)["versions"]["course"]) == expected
    assert document(there)["race_type"] == "object_avoidance"
    assert "note" not in there.stderr
    assert len(list(tmp_path.glob("model/evaluation-*"))) == 1
    elsewhere = arena(*race, cwd=tmp_path)
    assert "it races on an empty road" in " ".join(elsewhere.stderr.split())


def test_cars_race_each_other_and_reference_drivers(garage: Path) -> None:
    race = ["race", "quick", "slow", "--track", "oval", "--laps", "1", "--cars", "3"]
    result = document(arena(*race, "--json", cwd=garage))
    assert [car["car"] for car in result["cars"]] == ["quick", "slow", "reference driver"]
    came_in = sorted(result["cars"], key=lambda car: car["place"])
    assert [car["car"] for car in came_in] == result["order"]
    assert [car["place"] for car in came_in] == [1, 2, 3]
    gaps = [car["gap_ms"] for car in came_in]
    assert gaps == sorted(gaps)
    assert gaps[0] == 0
    traces = [Trace.load(garage / car["trace"]) for car in result["cars"][:2]]
    assert [trace.objects.shape[1] for trace in traces] == [2, 2]
    shown = arena(*race, cwd=garage)
    assert shown.returncode == 0
    assert "oval, 3 cars" in shown.stdout
    assert "reference" in shown.stdout


@pytest.mark.parametrize(
    ("options", "race_type"),
    [(["--bots", "4", "--bot-lane-change"], "head_to_bots"), (["--imperfect"], "time_trial")],
    ids=["bots", "imperfect"],
)
def test_bots_and_imperfections_are_drawn_from_the_races_seed(
    garage: Path, options: list[str], race_type: str
) -> None:
    race = ["race", "quick", "--track", "oval", "--laps", "1", *options, "--json"]
    one, other = (document(arena(*race, "--seed", seed, cwd=garage)) for seed in ("1", "2"))
    assert one["total_time_ms"] != other["total_time_ms"]
    assert one["race_type"] == race_type
    assert (one["percent_of_the_possible"] is None) == (race_type != "time_trial")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--obstacles", "0.5,inner;0.501,inner"], "on top of each other; move one by"),
        (["--obstacles", "0.5;0.7,1"], "expected obstacles as fraction,lane"),
        (["--obstacles", "0.5,1", "--obstacle-count", "3"], "choose one"),
        (["--obstacle-seed", "3"], "--obstacle-count N"),
        (["--obstacle-count", "19"], "do not fit on oval"),
        (["--bot-speed", "1"], "--bots N"),
        (["--bots", "3", "--obstacle-count", "2"], "ask for one of the two"),
        (["--bots", "3", "--cars", "2"], "ask for bots"),
        (["slow", "--deepracer-logs", "model"], "race it alone"),
        (["."], "There is no policy in ."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_raced_on_is_wrong_usage_with_a_way_out(
    garage: Path, options: list[str], words: str
) -> None:
    refused = arena("race", "quick", *options, "--track", "oval", cwd=garage)
    assert refused.returncode == 2
    assert words in " ".join(refused.stderr.split())


def test_a_function_for_object_avoidance_is_checked_among_objects(tmp_path: Path) -> None:
    source = "def reward_function(params):\n    return float(params['objects_distance'][0])\n"
    (tmp_path / "reward.py").write_text(source)
    alone = arena("check", "reward.py", "--json", cwd=tmp_path)
    assert (alone.returncode, document(alone)["line"]) == (1, 2)
    for objects in (["--obstacle-count", "3"], ["--bots", "2"], ["--cars", "2"]):
        among = arena("check", "reward.py", *objects, "--json", cwd=tmp_path)
        assert among.returncode == 0
        assert any("object" in row["state"] for row in document(among)["rewards"])
