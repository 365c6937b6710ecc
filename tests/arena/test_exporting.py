"""`arena export`, and `race` and `check` with files: what leaves the arena can come back."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from arena import exporting
from arena.cli import main
from arena.entrants import is_program
from arena.garage.policy import Policy
from tests.arena.garage.onnx_making import FIVE, choosing_policy, model, steering_policy, weights

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `arena ...` in a folder of its own; return exit code, output and messages."""
    monkeypatch.chdir(tmp_path)

    def arena(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["arena", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, said.out, " ".join(said.err.split())

    return arena


def test_a_policy_leaves_and_comes_back_with_the_same_laps(run: Run) -> None:
    steering_policy().save("car")
    code, out, _ = run("export", "car", "--json")
    exported = json.loads(out)
    assert (code, exported["same"], exported["file"]) == (0, True, str(Path("car", "policy.onnx")))
    code, out, _ = run("race", "car/policy.onnx", "--track", "oval", "--json")
    raced = json.loads(out)
    assert raced["lap_times_ms"] == exported["lap_times_ms"]
    assert Path(raced["trace"]) == Path("car", "policy-trace-oval.npz")
    assert Path(raced["trace"]).is_file()


def test_a_car_bundle_is_written_where_one_wants_it(run: Run) -> None:
    choosing_policy().save("car")
    code, out, _ = run("export", "car", "--format", "car", "--track", "oval", "--out", "deep/my_car.tar.gz")
    assert code == 0
    assert "laps of the policy: 11" in out.replace("\n", " ")
    assert Path("deep", "my_car.tar.gz").read_bytes()[:2] == b"\x1f\x8b"


def test_an_export_that_acts_otherwise_is_not_written(run: Run) -> None:
    policy = steering_policy()
    (hidden, bias), last = policy.layers
    hidden[1], last[0][0, :2] = hidden[0], (10_004.0, -10_000.0)  # too much for single precision
    Policy(((hidden, bias), last), policy.actions, about={"track": "oval"}).save("car")
    code, _, said = run("export", "car")
    assert (code, Path("car", "policy.onnx").exists()) == (3, False)
    assert "Not exported: over" in said
    assert "laps of the policy: 10" in said


def test_a_policy_that_names_no_track_needs_one(run: Run) -> None:
    known = steering_policy()
    Policy(known.layers, known.actions).save("car")
    code, _, said = run("export", "car")
    assert (code, "Name a track: --track T" in said) == (2, True)
    Path("car", "training.json").write_text('{"track": "oval"}')
    assert exporting.known_track(Path("car"), Policy.load("car")) == "oval"


def test_the_actions_are_those_of_the_file_beside(run: Run) -> None:
    Path("policy.onnx").write_bytes(model(arrays=[weights(outputs=5)], output=(1, 5)))
    code, _, said = run("check", "policy.onnx")
    assert code == 1
    assert "expected 2 numbers" in said
    metadata = [{"steering_angle": angle, "speed": speed} for angle, speed in FIVE.actions]
    Path("model_metadata.json").write_text(json.dumps({"action_space": metadata}))
    code, out, said = run("check", "policy.onnx", "--json")
    assert (code, json.loads(out)["ok"]) == (0, True)
    assert "the actions of policy.onnx are those of model_metadata.json" in said


@pytest.mark.parametrize("command", [("check",), ("race", "--track", "oval")])
def test_a_bad_file_has_its_verdict(command: tuple[str, ...], run: Run) -> None:
    Path("mine.pt").write_bytes(b"PK\x03\x04 torch")
    name, *options = command
    code, out, said = run(name, "mine.pt", *options, "--json")
    assert (code, json.loads(out)["verdict"]) == (1, "policy")
    assert "Traceback" not in said
    with Path("huge.onnx").open("wb") as file:
        file.truncate(500_000_000)
    code, out, _ = run(name, "huge.onnx", *options, "--json")
    assert (code, json.loads(out)["verdict"]) == (1, "too_large")


@pytest.mark.parametrize(
    ("name", "content", "program"),
    [
        ("mine.py", b"\0", True),
        ("mine.onnx", b"def reward_function", False),
        ("mine.txt", "# für mich\n".encode(), True),
        ("mine.txt", b"a" * 4095 + "ü".encode(), True),  # the look ends in the middle of a character
        ("mine", b"\x08\x08\x12\x07pytorch\x1a\x00", False),
        ("mine.bin", b"\x80\x04\x95", False),
    ],
)
def test_programs_and_weights_are_told_apart(
    name: str, content: bytes, program: bool, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    assert is_program(tmp_path / name) is program
