"""The command line as people and programs use it: exit codes, JSON on standard output, no traceback.

`arena` calls it in this process, because starting Python and PyTorch for each call takes longer than what is
tested; `arena_process` is the same as a process of its own, for the few tests that are about that.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import starter_kits
from arena.cli import main
from arena.garage import protection
from simulator import tracks

KIT = starter_kits.FOLDER / "make_progress"


def arena(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Call `arena ...` and return what it said."""
    said = list(map(str, arguments))
    out, err, held = io.StringIO(), io.StringIO(), (protection._trusting, protection._current)
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(cwd)
        patch.setattr(sys, "argv", ["arena", *said])
        try:
            main()
        except SystemExit as ended:
            code = ended.code
        finally:
            protection._trusting, protection._current = held
    assert isinstance(code, int)
    return subprocess.CompletedProcess(said, code, out.getvalue(), err.getvalue())


def arena_process(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run `arena ...` as a process and return what it said."""
    command = [sys.executable, "-m", "arena", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=100)


def document(finished: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Return the one JSON document on standard output."""
    answer = json.loads(finished.stdout)
    assert isinstance(answer, dict)
    return answer


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A car that was trained by the command line, and what the command said."""
    folder = tmp_path_factory.mktemp("trained")
    arguments = ["--track", "oval", "--steps", "100000", "--seed", "3", "--out", "car", "--json"]
    finished = arena("train", KIT / "reward_function.py", *arguments, cwd=folder)
    assert finished.returncode == 0, finished.stderr
    return folder, document(finished)


def test_train_reports_what_it_did(trained: tuple[Path, dict[str, Any]]) -> None:
    folder, result = trained
    assert 90_000 <= result["steps"] <= 100_000
    assert result["wall_s"] > 0
    assert result["steps_per_s"] > 0
    assert result["episodes"] > 0
    assert result["completed_laps"] > 0
    assert (folder / result["policy"]).is_file()


def test_train_says_what_the_reward_function_taught(trained: tuple[Path, dict[str, Any]]) -> None:
    folder, result = trained
    assert result["diagnosis"]["findings"] == []
    assert result["diagnosis"]["sentences"]["learning"].startswith("Exploring alone, drives came ")
    kept = json.loads((folder / "car" / "diagnosis.json").read_text())
    assert kept["findings"] == []
    assert len(kept["learning"]) > 5


def test_race_prints_laps_in_integer_milliseconds(trained: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = trained
    result = document(arena("race", "car", "--track", "oval", "--laps", "2", "--json", cwd=folder))
    assert len(result["lap_times_ms"]) == result["completed_laps"] == 2
    assert all(isinstance(lap, int) for lap in result["lap_times_ms"])
    assert result["best_lap_ms"] == min(result["lap_times_ms"])
    assert result["total_time_ms"] >= sum(result["lap_times_ms"]) - 1
    assert {"off_track_count", "reset_count"} <= result.keys()
    assert 0 < result["percent_of_the_possible"] < 100
    assert result["suspicious_laps"] == []
    assert (folder / result["trace"]).is_file()


def test_the_same_race_twice_gives_the_same_bytes(trained: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = trained
    traces = []
    for _ in range(2):
        result = document(arena("race", "car", "--track", "oval", "--json", cwd=folder))
        traces.append((folder / result["trace"]).read_bytes())
    assert traces[0] == traces[1]


def test_race_for_people_shows_a_table(trained: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = trained
    finished = arena("race", "car", "--track", "oval", cwd=folder)
    assert finished.returncode == 0
    assert "Best lap" in finished.stdout


def test_a_track_file_of_ones_own_can_be_raced_on(trained: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = trained
    tracks.load("oval").save(folder / "mine.npy")
    result = document(arena("race", "car", "--track", "mine.npy", "--laps", "1", "--json", cwd=folder))
    assert result["completed_laps"] == 1


def test_tracks_lists_every_shipped_track(tmp_path: Path) -> None:
    listed = json.loads(arena("tracks", "--json", cwd=tmp_path).stdout)
    assert [track["name"] for track in listed] == list(tracks.names())
    assert all(16 <= track["length_m"] <= 70 for track in listed)


def test_check_shows_the_reward_of_a_dozen_situations(tmp_path: Path) -> None:
    finished = arena("check", KIT / "reward_function.py", "--json", cwd=tmp_path)
    result = document(finished)
    assert finished.returncode == 0
    assert result["ok"] is True
    assert result["verdict"] == "ok"
    assert result["line"] is None
    assert len(result["rewards"]) >= 12


BAD_FUNCTIONS: list[tuple[str, bytes, str, int | None]] = [
    ("syntax error", b"def reward_function(params):\n    return 1 +\n", "syntax", 2),
    ("no function", b"def reward(params):\n    return 1.0\n", "no_function", None),
    ("two parameters", b"def reward_function(a, b):\n    return 1.0\n", "signature", 1),
    ("exception at import", b"x = 1\ny = x / 0\n", "import", 2),
    ("exception in a call", b"def reward_function(params):\n    return params['nope']\n", "runtime", 2),
    ("NaN", b"def reward_function(params):\n    return float('nan')\n", "bad_value", None),
    ("None", b"def reward_function(params):\n    pass\n", "bad_value", None),
    ("1e9", b"def reward_function(params):\n    return 1e9\n", "bad_value", None),
    ("empty file", b"", "empty", None),
    ("a zip", b"PK\x03\x04rest", "encoding", None),
    ("invalid UTF-8", b"x = 1\ny = '\xff\xfe'\n", "encoding", 2),
    ("20 MB", b"#" * 20_000_000, "too_large", None),
]


@pytest.mark.parametrize(
    ("source", "verdict", "line"), [row[1:] for row in BAD_FUNCTIONS], ids=[row[0] for row in BAD_FUNCTIONS]
)
def test_check_names_the_cause_and_the_line(
    tmp_path: Path, source: bytes, verdict: str, line: int | None
) -> None:
    (tmp_path / "reward.py").write_bytes(source)
    finished = arena("check", "reward.py", "--json", cwd=tmp_path)
    result = document(finished)
    assert finished.returncode == 1
    assert result["ok"] is False
    assert result["verdict"] == verdict
    assert len(result["message"]) > 20
    if line is not None:
        assert result["line"] == line


def test_a_fault_that_only_training_finds_has_its_verdict_too(tmp_path: Path) -> None:
    source = (
        "calls = 0\n"
        "def reward_function(params):\n"
        "    global calls\n"
        "    calls += 1\n"
        "    return 1.0 / (calls - 100)\n"
    )
    (tmp_path / "reward.py").write_text(source)
    arguments = ["--track", "oval", "--steps", "100000", "--out", "car", "--json"]
    finished = arena("train", "reward.py", *arguments, cwd=tmp_path)
    result = document(finished)
    assert finished.returncode == 1
    assert (result["verdict"], result["line"]) == ("runtime", 5)
    assert "ZeroDivisionError" in result["message"]


@pytest.mark.parametrize(
    "action_space",
    [
        "[]",
        json.dumps([{"steering_angle": 0.0, "speed": 1.0}] * 500, indent=2),
        '[{"steering_angle": 90, "speed": 1}, {"steering_angle": 0, "speed": 1}]',
    ],
    ids=["no action", "500 actions", "steering of 90 degrees"],
)
def test_impossible_actions_are_refused_with_the_range(tmp_path: Path, action_space: str) -> None:
    (tmp_path / "model_metadata.json").write_text(f'{{"action_space": {action_space}}}')
    finished = arena(
        "check", KIT / "reward_function.py", "--model-metadata", "model_metadata.json", "--json", cwd=tmp_path
    )
    result = document(finished)
    assert finished.returncode == 1
    assert result["verdict"] == "settings"
    assert "30" in result["message"]
    assert "characters" not in result["message"]


def test_a_track_with_nan_is_refused(tmp_path: Path) -> None:
    rows = np.column_stack(
        [tracks.load("oval").waypoints, tracks.load("oval").inner, tracks.load("oval").outer]
    )
    rows[5, 2] = np.nan
    np.save(tmp_path / "broken.npy", rows)
    arguments = ["--track", "broken.npy", "--steps", "10000", "--out", "car", "--json"]
    finished = arena("train", KIT / "reward_function.py", *arguments, cwd=tmp_path)
    result = document(finished)
    assert finished.returncode == 1
    assert result["verdict"] == "track"


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "missing.py", "--track", "oval", "--out", "x"],
        ["train", str(KIT / "reward_function.py"), "--track", "atlantis", "--out", "x"],
        ["race", "nowhere", "--track", "oval"],
        ["fly"],
    ],
)
def test_wrong_usage_has_exit_code_two(tmp_path: Path, arguments: list[str]) -> None:
    finished = arena(*arguments, cwd=tmp_path)
    assert finished.returncode == 2
    assert finished.stderr


def test_an_arena_that_does_not_answer_is_said_plainly(tmp_path: Path) -> None:
    arguments = ["--race", "r", "--url", "http://127.0.0.1:9", "--token", "t"]
    finished = arena("submit", KIT / "reward_function.py", *arguments, cwd=tmp_path)
    assert finished.returncode == 3
    assert "No arena answers at http://127.0.0.1:9" in finished.stderr
