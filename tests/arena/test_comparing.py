"""`arena replay` as a process: figures for a log, one clear sentence for a broken one."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.car import CLASSIC
from simulator.simtrace import Scene, episodes, write_iteration
from tests.arena.garage.test_replay import FULL_RANGE, OVAL, driven
from tests.arena.test_cli import arena, document


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "0-iteration.csv"
    write_iteration(path, list(episodes([driven(CLASSIC, 1)], Scene(OVAL, FULL_RANGE))))
    return path


def test_replay_prints_the_errors_of_a_log(log: Path, tmp_path: Path) -> None:
    result = document(arena("replay", log, "--json", cwd=tmp_path))
    assert result["starts"] > 20
    assert result["position_rms_m"] == result["yaw_rms_deg"] == 0.0
    assert result["bicycle_position_rms_m"] > 0.1
    assert result["bicycle_yaw_rms_deg"] > 10.0
    table = arena("replay", log, "--spec", "v6", cwd=tmp_path)
    assert "v6" in table.stdout
    assert "bicycle" in table.stdout


def test_cut_log_is_named_with_its_line(log: Path, tmp_path: Path) -> None:
    text = log.read_text(encoding="utf-8")
    lines = text[: len(text) // 2].count("\n") + 1
    log.write_text(text[: len(text) // 2], encoding="utf-8")
    refused = arena("replay", log, "--json", cwd=tmp_path)
    assert refused.returncode == 1
    answer = document(refused)
    assert (answer["verdict"], answer["line"]) == ("log", lines)
    assert "18 fields" in answer["message"]
