"""`arena tracks` as people and programs use it: real processes, exit codes, JSON on standard output."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from simulator import tracks
from simulator.car import V6
from simulator.track import Track
from tests.arena.test_cli import arena, document


def without_casadi(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run `arena ...` where CasADi cannot be imported."""
    program = "import sys; sys.modules['casadi'] = None; from arena.cli import main; main()"
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60)


def test_bare_command_lists_the_tracks(tmp_path: Path) -> None:
    table = arena("tracks", cwd=tmp_path)
    assert table.returncode == 0
    assert "needle" in table.stdout
    listed = json.loads(arena("tracks", "--json", cwd=tmp_path).stdout)
    assert [track["name"] for track in listed] == list(tracks.names())


def test_optimum_of_a_shipped_track_is_stored_and_needs_no_solver(tmp_path: Path) -> None:
    result = document(without_casadi("tracks", "optimum", "oval", "--json", cwd=tmp_path))
    assert result["lap_s"] == round(tracks.optimum("oval").lap_s, 3)
    assert result["length_m"] == round(tracks.load("oval").length_m, 2)
    words = without_casadi("tracks", "optimum", "oval", "--reversed", cwd=tmp_path)
    assert f"{tracks.optimum('oval', is_reversed=True).lap_s:.3f} s" in words.stdout
    v6 = document(without_casadi("tracks", "optimum", "oval", "--spec", "v6", "--json", cwd=tmp_path))
    assert v6["lap_s"] == round(tracks.optimum("oval", spec=V6).lap_s, 3)


def test_optimum_of_a_file_is_computed(tmp_path: Path) -> None:
    pytest.importorskip("casadi", reason='needs CasADi: pip install "apex-arena[optimum]"')
    oval = tracks.load("oval").rows()
    tracks.load("oval").from_rows(oval * 1.1, "larger").save(tmp_path / "larger.npy")
    result = document(arena("tracks", "optimum", "larger.npy", "--json", cwd=tmp_path))
    assert result["lap_s"] > tracks.optimum("oval").lap_s
    assert result["track"] == "larger"


def test_without_the_solver_a_file_has_no_optimum_but_a_way_to_get_it(tmp_path: Path) -> None:
    larger = tracks.load("oval").from_rows(tracks.load("oval").rows() * 1.1, "larger")
    larger.save(tmp_path / "larger.npy")
    refused = without_casadi("tracks", "optimum", "larger.npy", "--json", cwd=tmp_path)
    assert refused.returncode == 2
    assert 'pip install "apex-arena[optimum]"' in " ".join(refused.stderr.split())
    drawn = without_casadi("tracks", "draw", "larger.npy", "--out", "larger.svg", cwd=tmp_path)
    assert drawn.returncode == 0
    assert "drawn without its fastest lap" in drawn.stderr
    assert "track-lap" not in (tmp_path / "larger.svg").read_text(encoding="utf-8")


def test_draw_writes_the_track_with_its_fastest_lap(tmp_path: Path) -> None:
    assert arena("tracks", "draw", "switchback", "--out", "track.svg", cwd=tmp_path).returncode == 0
    drawing = ElementTree.parse(tmp_path / "track.svg").getroot()
    assert len(drawing.findall("{http://www.w3.org/2000/svg}g/*")) == len(tracks.optimum("switchback").s_m)


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["draw", "oval", "--out", "track.gif"], "ends in .svg or .png"),
        (["draw", "oval", "--out", "no/such/folder/track.png"], "no/such/folder"),
        (["draw", "oval", "--out", "no/such/folder/track.svg"], "no/such/folder"),
        (["optimum", "monza"], "neither a shipped track"),
        (["optimum", "oval", "--spec", "v7"], "classic"),
        (["generate", "--seed", "1", "--difficulty", "6", "--out", "t.npy"], "1<=x<=5"),
        (["generate", "--seed", "-1", "--difficulty", "1", "--out", "t.npy"], "x>=0"),
        (["generate", "--seed", "1", "--difficulty", "1", "--out", "t.csv"], "ends in .npy"),
        (["generate", "--seed", "1", "--difficulty", "1", "--out", "no/such/folder/t.npy"], "no/such/folder"),
    ],
)
def test_wrong_usage_says_what_was_expected(arguments: list[str], hint: str, tmp_path: Path) -> None:
    refused = arena("tracks", *arguments, cwd=tmp_path)
    assert refused.returncode in {1, 2}
    assert hint in refused.stderr
    assert "Traceback" not in refused.stderr


def test_file_that_is_no_track_is_the_entrants_fault(tmp_path: Path) -> None:
    (tmp_path / "track.npy").write_bytes(b"no array")
    refused = arena("tracks", "optimum", "track.npy", "--json", cwd=tmp_path)
    assert refused.returncode == 1
    assert document(refused)["verdict"] == "track"


@pytest.mark.parametrize("suffix", ["png", "PNG"])
def test_draw_paints_the_track_with_its_fastest_lap(suffix: str, tmp_path: Path) -> None:
    drawn = arena("tracks", "draw", "needle", "--out", f"track.{suffix}", cwd=tmp_path)
    assert drawn.returncode == 0
    with Image.open(tmp_path / f"track.{suffix}") as picture:
        assert picture.format == "PNG"
        assert picture.size[0] == 1200


def test_generate_makes_a_track_that_other_commands_take(tmp_path: Path) -> None:
    told = document(
        arena(
            "tracks",
            "generate",
            "--seed",
            "11",
            "--difficulty",
            "1",
            "--out",
            "mine.npy",
            "--json",
            cwd=tmp_path,
        )
    )
    track = Track.load(tmp_path / "mine.npy")
    assert told["track"] == track.name == "mine"
    assert told["version"] == track.version
    assert told["length_m"] == round(track.length_m, 2)
    assert told["width_m"] == pytest.approx(track.width_at(0.0)[0], abs=0.01)
    assert 3 <= told["corners"] <= 7
    assert 4000 < told["reference_lap_ms"] < 12_000
    before = (tmp_path / "mine.npy").read_bytes()
    again = ("tracks", "generate", "--seed", "12", "--difficulty", "1", "--out", "mine.npy")
    refused = arena(*again, cwd=tmp_path)
    assert refused.returncode == 2
    assert "--force" in refused.stderr
    assert (tmp_path / "mine.npy").read_bytes() == before
    forced = arena(*again, "--force", cwd=tmp_path)
    assert forced.returncode == 0
    assert "The reference driver laps it" in " ".join(forced.stdout.split())
    assert (tmp_path / "mine.npy").read_bytes() != before
