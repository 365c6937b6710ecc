"""What people own, on the command line: logs for the community's tools, functions that begin at step 1."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

from arena import options
from tests.arena.test_cli import KIT, arena, document

BEGINS_AT_1 = """
memory = {}

def reward_function(params):
    if params["steps"] == 1:
        memory["progress"] = params["progress"]
    gained = params["progress"] - memory["progress"]
    memory["progress"] = params["progress"]
    return float(gained)
"""


def test_training_and_races_write_logs_into_one_model_folder(tmp_path: Path) -> None:
    reward = KIT / "reward_function.py"
    train: list[str | Path] = ["train", reward, "--track", "oval", "--steps", "4000", "--out", "car"]
    train += ["--deepracer-logs", "model"]
    result = document(arena(*train, "--json", cwd=tmp_path))
    assert result["logged_episodes"] > 0
    assert (tmp_path / "model" / "training-simtrace" / "0-iteration.csv").is_file()
    race = ["race", "car", "--track", "oval", "--laps", "1", "--deepracer-logs", "model", "--json"]
    document(arena(*race, cwd=tmp_path))
    assert len(list(tmp_path.glob("model/evaluation-*/evaluation-simtrace/0-iteration.csv"))) == 1
    again = arena(*train, cwd=tmp_path)
    assert again.returncode == 2
    assert "already holds the logs of a training" in " ".join(again.stderr.split())


def test_first_step_wakes_functions_that_begin_at_1(tmp_path: Path) -> None:
    (tmp_path / "reward.py").write_text(BEGINS_AT_1, encoding="utf-8")
    train = ["train", "reward.py", "--track", "oval", "--steps", "2000", "--out", "car", "--json"]
    as_there = arena(*train, cwd=tmp_path)
    assert (as_there.returncode, document(as_there)["verdict"]) == (1, "runtime")
    shimmed = arena(*train, "--first-step", "1", cwd=tmp_path)
    assert document(shimmed)["steps"] > 0


def test_strict_check_adds_the_official_verdict(tmp_path: Path) -> None:
    (tmp_path / "reward.py").write_text("import time\n\n\ndef reward_function(params):\n    return 1\n")
    usual = arena("check", "reward.py", "--json", cwd=tmp_path)
    assert (usual.returncode, "deepracer" in document(usual)) == (0, False)
    strict = arena("check", "reward.py", "--strict-deepracer", "--json", cwd=tmp_path)
    answer = document(strict)
    assert (strict.returncode, answer["ok"], answer["deepracer"]["ok"]) == (1, True, False)
    assert [finding["rule"] for finding in answer["deepracer"]["findings"]] == ["F401", "import", "float"]
    assert "time" in arena("check", "reward.py", "--strict-deepracer", cwd=tmp_path).stdout


def test_races_can_be_driven_with_the_other_car(tmp_path: Path) -> None:
    train: list[str | Path] = ["train", KIT / "reward_function.py", "--track", "oval", "--steps", "2000"]
    train += ["--out", "car"]
    assert document(arena(*train, "--spec", "v6", "--json", cwd=tmp_path))["spec"] == "v6"
    race = ["race", "car", "--track", "oval", "--laps", "1", "--json"]
    assert document(arena(*race, "--spec", "v6", cwd=tmp_path))["versions"]["spec"] == "v6"
    other = arena(*race, cwd=tmp_path)
    assert document(other)["versions"]["spec"] == "classic"
    assert "was trained with the car v6" in " ".join(other.stderr.split())


CAMERA = {
    "action_space": {"steering_angle": {"low": -30, "high": 30}, "speed": {"low": 1, "high": 2}},
    "sensor": ["FRONT_FACING_CAMERA"],
}


def test_a_camera_is_trained_with_where_it_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "model_metadata.json").write_text(json.dumps(CAMERA), encoding="utf-8")
    train: list[str | Path] = ["train", KIT / "reward_function.py", "--track", "oval", "--steps", "1024"]
    train += ["--model-metadata", "model_metadata.json", "--senses", "camera", "--out", "car", "--json"]
    document(arena(*train, cwd=tmp_path))
    header = json.loads((tmp_path / "car" / "policy.json").read_text(encoding="utf-8"))
    assert header["sensors"] == ["front_facing_camera"]


def test_how_to_see_by_a_camera_is_told_and_other_senses_are_not_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "model_metadata.json"
    path.write_text(json.dumps(CAMERA), encoding="utf-8")
    assert options.read_metadata(path, options.read_senses("vector")).sensors == ("observation",)
    said = " ".join(capsys.readouterr().err.split())
    assert "FRONT_FACING_CAMERA has no effect; every car sees the track ahead as a vector" in said
    assert "name its senses: --senses vector,camera,lidar" in said
    senses = options.read_senses(" Lidar, camera")
    assert senses == ("camera", "lidar")
    assert options.read_metadata(path, senses).sensors == ("FRONT_FACING_CAMERA",)
    assert not capsys.readouterr().err
    for wrong in ("smell", "", "vector,smell"):
        with pytest.raises(click.BadParameter, match="vector, camera, lidar"):
            options.read_senses(wrong)
