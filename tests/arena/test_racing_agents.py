"""Agents on the command line: raced and checked as files, with the exit codes and words of all entries."""

from __future__ import annotations

from pathlib import Path

import pytest

import starter_kits
from simulator.trace import Trace
from tests.arena.garage.test_racing import steering_policy
from tests.arena.test_cli import KIT, arena, document

FAILING = "class Agent:\n    def act(self, observation):\n        return observation['sped'], 1.0\n"


@pytest.fixture
def garage(tmp_path: Path) -> Path:
    """A folder with a good agent, one that fails, a trained car and a reward function."""
    (tmp_path / "agent.py").write_text(starter_kits.load_agent("small_network").agent)
    (tmp_path / "failing.py").write_text(FAILING)
    (tmp_path / "reward.py").write_text((KIT / "reward_function.py").read_text())
    steering_policy(1.5, 1.0).save(tmp_path / "trained")
    return tmp_path


def test_an_agent_races_alone_and_its_drive_is_kept(garage: Path) -> None:
    race = ["race", "agent.py", "--track", "oval", "--laps", "1", "--deepracer-logs", "logs"]
    result = document(arena(*race, "--json", cwd=garage))
    assert (result["finished"], result["reset_count"]) == (True, 0)
    assert Trace.load(garage / result["trace"])["speed_mps"].max() > 2.0
    assert list((garage / "logs").glob("evaluation-*"))


def test_agents_race_policies_and_one_that_fails_does_not_spoil_it(garage: Path) -> None:
    race = ["race", "failing.py", "agent.py", "trained", "--track", "oval", "--laps", "1"]
    heat = arena(*race, "--json", cwd=garage)
    assert [car["ended_by"] for car in document(heat)["cars"]] == ["fault", "finished", "finished"]
    assert "Did you mean observation['speed']?" in " ".join(heat.stderr.split())


def test_an_agent_that_fails_alone_has_a_verdict_and_a_line(garage: Path) -> None:
    alone = arena("race", "failing.py", "--track", "oval", "--json", cwd=garage)
    told = document(alone)
    assert (alone.returncode, told["verdict"], told["line"]) == (1, "runtime", 3)


def test_programs_are_told_apart_by_what_they_define(garage: Path) -> None:
    agent = arena("check", "agent.py", "--obstacle-count", "2", cwd=garage)
    assert agent.returncode == 0
    assert "it drove" in " ".join(agent.stdout.split())
    refused = arena("race", "reward.py", "--track", "oval", cwd=garage)
    assert refused.returncode == 2
    assert "has to be trained first: arena train" in " ".join(refused.stderr.split())
