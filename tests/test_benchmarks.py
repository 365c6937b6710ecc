"""The benchmarks say all that is promised; how fast things are stands in docs/performance.md."""

from __future__ import annotations

import json

import pytest

from benchmarks.peers import Peer
from benchmarks.rewards.__main__ import main as reward_functions
from benchmarks.simulator import measure, show


def test_benchmark_reports_every_promise_and_a_peer_that_is_not_installed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    slow = Peer("slow", lambda: sum(range(10_000)), 1)
    report = measure([Peer("absent", None, 5_000), slow], rounds=1, round_s=0.01)
    assert report.results[0].required == 800_000
    assert [row.required for row in report.results if row.cars == 1] == [4_500]
    assert all(row.steps_per_s > 0 for row in report.results)
    assert report.reward_costs[0].required_us == 1.2
    absent, present = report.comparisons
    assert (absent.steps_per_s, absent.times, absent.required_times) == (None, None, 5_000)
    assert present.steps_per_s is not None
    assert present.times == pytest.approx(report.results[0].steps_per_s / present.steps_per_s, abs=1)
    show(report)
    assert "not installed" in capsys.readouterr().out


def test_the_benchmark_of_reward_functions_takes_one_from_its_text_to_its_laps(
    capsys: pytest.CaptureFixture[str],
) -> None:
    reward_functions(["--only", "progress_gained", "--steps", "1024", "--json"])
    (row,) = json.loads(capsys.readouterr().out)["results"]
    assert row["name"] == "progress_gained"
    assert row["seconds"] > 0.0
    assert 0.0 < row["call_us"] < 1000.0
    assert row["processes"] == 1
