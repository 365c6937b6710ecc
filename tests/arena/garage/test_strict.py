"""The official validator's verdict: each rule refuses what it is about, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

import starter_kits
from arena.garage import strict
from arena.garage.flakes import Finding
from arena.garage.sandbox import check
from simulator import tracks

OVAL = tracks.load("oval")
PLAIN = 'def reward_function(params):\n    return float(params["progress"])\n'


def rules(source: str) -> list[tuple[str, int | None]]:
    return [(finding.rule, finding.line) for finding in strict.findings(source)]


def judged(source: str) -> strict.OfficialVerdict:
    return strict.judge(source, check(source, OVAL), OVAL)


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("import math\n", [("F401", 1)]),
        ("import math  # noqa\n", []),
        ("import math  # noqa: F401\n", []),
        ("import math  # noqa: E302\n", [("F401", 1)]),
        ("x = undefined\n", [("F821", 1)]),
        ("import json\nx = json\n", [("import", 1)]),
        ("from os import path\nx = path\n", [("import", 1)]),
        ("from . import track\nx = track\n", [("import", 1)]),
        ("import numpy.linalg\nx = numpy\n", []),
        ("from scipy import stats\nx = stats\n", []),
        ("x = eval('1')\n", [("call", 1)]),
        ("x = str.encode('open()')\n", []),
        ("# the payload\n", [("word", 1)]),
        ("save_speed = 1.0\n", [("word", 1)]),
        ("import numpy\nx = numpy.loadtxt\n", [("word", 2)]),
        ("x = 1 # E261 is ignored\n", []),
        (f"x = {'1 + ' * 60}1\n", []),
        ("x=1\n", [("E225", 1)]),
        ("x = [1,2]\n", [("E231", 1)]),
        ("x = 1; y = 2\n", [("E702", 1)]),
        ("x = [\n        1,\n]\n", [("E126", 2)]),
    ],
)
def test_rule(before: str, expected: list[tuple[str, int]]) -> None:
    assert rules(f"{before}\n\n{PLAIN}") == expected


def test_imports_inside_a_function_are_refused() -> None:
    source = "def reward_function(params):\n    import math\n    return math.sqrt(4.0)\n"
    assert rules(source) == [("import", 2)]


@pytest.mark.parametrize("head", ["", "params, other=1", "params, **other", "params, *, other=1"])
def test_exactly_one_parameter(head: str) -> None:
    assert ("parameters", 1) in rules(f"def reward_function({head}):\n    return 1.0\n")


@pytest.mark.parametrize(
    "kit", sorted(path.parent.name for path in starter_kits.FOLDER.glob("*/reward_function.py"))
)
def test_starter_kits_would_pass_there_too(kit: str) -> None:
    source = Path(starter_kits.FOLDER, kit, "reward_function.py").read_text(encoding="utf-8")
    assert judged(source).findings == ()


@pytest.mark.parametrize(
    ("value", "kind"), [("1", "int"), ("True", "bool"), ("'1.5'", "str"), ("numpy.float32(1)", "float32")]
)
def test_result_must_be_a_float(value: str, kind: str) -> None:
    source = f"import numpy\n\n\ndef reward_function(params):\n    numpy.sqrt(4.0)\n    return {value}\n"
    (finding,) = judged(source).findings
    assert finding == Finding(
        "float", 4, f"expected a float, got {kind} in the state 'valid'. Return float(reward)."
    )


def test_a_float_of_numpy_is_one() -> None:
    assert judged("import numpy\n\n\ndef reward_function(params):\n    return numpy.float64(1)\n").ok


def test_states_are_like_the_official_ones() -> None:
    lacking = 'def reward_function(params):\n    return params["sim_time"]\n'
    (finding,) = judged(lacking).findings
    assert (finding.rule, finding.line) == ("test", 2)
    assert "sim_time" in finding.message
    fast = 'def reward_function(params):\n    return 1.0 / (5.0 - params["speed"])\n'
    (finding,) = judged(fast).findings
    assert (finding.rule, finding.line) == ("test", 2)
    assert "'finish'" in finding.message
    assert judged('def reward_function(params):\n    return float(params["waypoints"][3, 0])\n').ok is False


def test_file_that_fails_here_fails_there_with_the_same_words() -> None:
    for source in ("def reward_function(params:\n", "def reward_function(params):\n    return 1 / 0\n"):
        result = check(source, OVAL)
        verdict = strict.judge(source, result, OVAL)
        assert not verdict.ok
        assert result.message in [finding.message for finding in verdict.findings]


def test_json_has_rule_line_and_message() -> None:
    document = judged(f"import json\n\n\n{PLAIN}").as_json()
    assert document["ok"] is False
    assert {"rule": "F401", "line": 1, "message": "'json' imported but unused"} in document["findings"]  # type: ignore[operator]
