"""Bad input on the command line: an exit code, one clear sentence that says what to change, no traceback.

The commands run in this process: what they say is the same, and a dozen of them take no time.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from arena.cli import main
from simulator import tracks
from tests.arena.test_cli import KIT

Rows = NDArray[np.float64]
HEADER = "episode,steps,X,Y,yaw,steer,throttle,action,reward,done,all_wheels_on_track,progress,"
HEADER += "closest_waypoint,track_len,tstamp,episode_status"
ROW = "0,{step}.0,1.0,2.0,0.5,10.0,1.0,1,0.0,False,True,1.0,1,17.7,{step}.5,in_progress"


@pytest.fixture
def refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """Run `arena ... --json` in a folder of its own; return the message of its refusal."""
    monkeypatch.chdir(tmp_path)

    def run(verdict: str, *arguments: str | Path) -> str:
        monkeypatch.setattr(sys, "argv", ["arena", *map(str, arguments), "--json"])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        answer = json.loads(said.out)
        assert (ended.value.code, answer["ok"], answer["verdict"]) == (1, False, verdict)
        assert "Traceback" not in said.err
        return str(answer["message"])

    return run


def with_changes(change: Callable[[Rows], object]) -> Rows:
    rows = tracks.load("oval").rows()
    change(rows)
    return rows


def cross(rows: Rows) -> None:
    rows[20:25, 2:4], rows[20:25, 4:6] = rows[20:25, 4:6].copy(), rows[20:25, 2:4].copy()


TRACKS: dict[str, tuple[Rows, str]] = {
    "crossing borders": (with_changes(cross), "in row 20 (5 in all)"),
    "no width": (with_changes(lambda rows: np.copyto(rows[:, 2:4], rows[:, 0:2])), "mend row 0"),
    "not a number": (with_changes(lambda rows: rows.__setitem__((7, 2), np.nan)), "mend that row"),
    "three points": (tracks.load("oval").rows()[:3], "12 to 5,000 rows, it has 3"),
    "reversed order": (
        with_changes(lambda rows: np.copyto(rows[:, 4:6], rows[::-1, 4:6].copy())),
        "the outer one runs the other way; turn the order of its rows round",
    ),
    "pickled objects": (np.array([{"x": 1.0}] * 20, dtype=object), "Object arrays cannot be loaded"),
}


@pytest.mark.parametrize("name", TRACKS)
def test_tracks(name: str, refused: Callable[..., str], tmp_path: Path) -> None:
    rows, words = TRACKS[name]
    np.save(tmp_path / "mine.npy", rows, allow_pickle=True)
    assert words in refused("track", "tracks", "optimum", "mine.npy")
    assert words in refused(
        "track", "train", KIT / "reward_function.py", "--track", "mine.npy", "--out", "car"
    )
    assert not (tmp_path / "car").exists()


def test_track_of_ten_million_points_is_not_read(refused: Callable[..., str], tmp_path: Path) -> None:
    with (tmp_path / "long.npy").open("wb") as file:
        header = {"descr": "<f8", "fortran_order": False, "shape": (10_000_000, 6)}
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(480_000_128)
    assert "leave out waypoints" in refused("track", "tracks", "optimum", "long.npy")


def test_logs(refused: Callable[..., str], tmp_path: Path) -> None:
    rows = [HEADER, *(ROW.format(step=step) for step in range(1, 200))]
    text = "\n".join(rows)
    (tmp_path / "cut.csv").write_text(text[: len(text) - 40], encoding="utf-8")
    assert "line 200: expected 16 fields" in refused("log", "replay", "cut.csv")
    packed = gzip.compress(text.encode())
    (tmp_path / "cut.csv.gz").write_bytes(packed[: len(packed) // 2])
    assert "Copy it again" in refused("log", "replay", "cut.csv.gz")
    (tmp_path / "word.csv").write_text(text.replace("10.0", "left", 1), encoding="utf-8")
    assert "steer: expected a number, got 'left'" in refused("log", "replay", "word.csv")
    (tmp_path / "short.csv").write_text("\n".join(rows[:9]), encoding="utf-8")
    assert "at least 16 steps in a row" in refused("log", "replay", "short.csv")
    (tmp_path / "other.csv").write_bytes(b"\x93NUMPY\x01\x00")
    assert "expected text" in refused("log", "replay", "other.csv")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04", "zip archive"),
        (b"\xff\xfe{\x00}\x00", "not valid UTF-8"),
        (b'{"action_space": [', "is not valid JSON"),
        (b"[]", "expected 2 to 30 actions"),
        (b"null", "expected an object"),
        (b'{"action_space": [{"steering_angle": true, "speed": 1}, 5]}', "got true"),
        (b'{"action_space": [{"steering_angle": 1e999, "speed": 1}, {}]}', "finite"),
        (b'{"action_space_type": "fuzzy", "action_space": []}', "expected one of discrete, continuous"),
        (b'{"action_space_type": "continuous", "action_space": 3}', "action_space"),
        (b"[" * 90_000, "is not usable JSON"),
    ],
)
def test_settings(content: bytes, words: str, refused: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "metadata.json").write_bytes(content)
    reward = KIT / "reward_function.py"
    assert words in refused("settings", "check", reward, "--model-metadata", "metadata.json")
