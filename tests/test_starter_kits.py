"""Every starter kit works as it stands: what is wrong in one is wrong in a hundred entries."""

from __future__ import annotations

import re
import runpy

import pytest

import starter_kits
from arena.garage import racing, sandbox, settings, training
from arena.garage.agents import Agent
from arena.garage.hyperparameters import parse_hyperparameters
from simulator import tracks
from simulator.course import Course
from simulator.objects import place_obstacles
from simulator.rules import Rules
from simulator.track import Track
from tests.arena.garage.test_patterns import evidence_of

# Enough for a lap; `python -m benchmarks.kits` has the full budget and every track.
STEPS = 150_000


def trained_kit(kit: starter_kits.Kit, course: Course | Track, steps: int) -> training.Training:
    return training.train(
        kit.reward_function,
        course,
        metadata=settings.parse_model_metadata(kit.model_metadata),
        hyperparameters=parse_hyperparameters(kit.hyperparameters),
        steps=steps,
        seed=0,
    )


def test_every_folder_is_a_kit_and_has_its_place_in_the_order() -> None:
    folders = {path.parent.name for path in starter_kits.FOLDER.glob("*/reward_function.py")}
    assert folders == set(starter_kits.ORDER)
    assert len(folders) >= 5
    agents = {path.parent.name for path in starter_kits.FOLDER.glob("*/agent.py")}
    assert agents == set(starter_kits.AGENTS) == {kit.name for kit in starter_kits.agent_kits()}


def test_an_unknown_kit_is_refused_with_the_names_that_exist() -> None:
    with pytest.raises(KeyError, match="centre_line"):
        starter_kits.load("../secrets")
    with pytest.raises(KeyError, match="pure_pursuit"):
        starter_kits.load_agent("centre_line")


@pytest.mark.parametrize("name", [*starter_kits.ORDER, *starter_kits.AGENTS])
def test_a_kit_says_what_it_is(name: str) -> None:
    is_agent = name in starter_kits.AGENTS
    kit = starter_kits.load_agent(name) if is_agent else starter_kits.load(name)
    assert 5 <= len(kit.title) <= 40
    assert 40 <= len(kit.summary) <= 250
    assert kit.title in (starter_kits.FOLDER / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", starter_kits.ORDER)
def test_a_kit_passes_the_check_and_its_settings_have_no_warning(name: str) -> None:
    kit = starter_kits.load(name)
    checked = sandbox.check(kit.reward_function, tracks.load("oval"))
    assert checked.ok, checked.message
    assert settings.parse_model_metadata(kit.model_metadata).warnings == ()
    assert parse_hyperparameters(kit.hyperparameters).warnings == ()


@pytest.mark.parametrize("name", starter_kits.ORDER)
def test_a_kits_car_learns_a_clean_lap(name: str) -> None:
    """On the oval; the same training as that in which no pattern may be found."""
    kit = starter_kits.load(name)
    trial = evidence_of(kit.reward_function, kit.model_metadata, kit.hyperparameters).trial
    assert trial.completed_laps == 2, trial.ended_by
    assert trial.reset_count == 0


def test_the_kit_for_obstacles_gets_round_boxes() -> None:
    kit, track = starter_kits.load("avoid_obstacles"), tracks.load("oval")
    course = Course(track, obstacles=place_obstacles(track, 3, seed=1))
    trained = trained_kit(kit, course, 2 * STEPS)
    trial = racing.drive(trained.policy, course, laps=3)
    assert trial.finished
    assert trial.crash_count <= 1


@pytest.mark.parametrize("track_name", ["oval", "needle"])
@pytest.mark.parametrize("name", starter_kits.AGENTS)
def test_an_agents_kit_laps_cleanly_without_training(name: str, track_name: str) -> None:
    with Agent(starter_kits.load_agent(name).agent) as agent:
        trial = racing.drive(agent, tracks.load(track_name), laps=1)
    assert (trial.finished, trial.reset_count, agent.late_acts) == (True, 0, 0)


def test_the_small_network_is_trained_to_the_same_bits() -> None:
    script = runpy.run_path(str(starter_kits.FOLDER / "small_network" / "train_model.py"))
    first, second = (script["as_text"](script["train"](rounds=1, names=["oval"])) for _ in range(2))
    assert first == second
    agent = starter_kits.load_agent("small_network").agent
    weights = re.sub(r'(?s)WEIGHTS = """.*?"""', f'WEIGHTS = """{first}"""', agent)
    with Agent(weights) as untrained:
        trial = racing.drive(untrained, tracks.load("oval"), laps=1, rules=Rules(max_steps=20))
    assert len(trial.trace) == 19
