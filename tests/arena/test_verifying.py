"""A result is made again from its recipe, by real (small) trainings, and is the same or differs somewhere."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest

import starter_kits
from arena import verifying
from arena.assignments import Assignment
from arena.courses import conditions_of, plan_of
from arena.garage.racing import versions_of
from arena.garage.training_checkpoint import Checkpoint
from arena.garage.training_versions import software
from arena.league.models import Race
from arena.league.plans import RacePlan, columns_of
from arena.league.states import Direction, RaceType
from arena.recipes import Recipe

KIT = starter_kits.load("make_progress")
SOURCE = KIT.reward_function
EDITED = "# mine\n" + SOURCE.replace("\n", "   \n").replace(" = ", "  =  ")
STEERING = json.dumps(
    {"action_space": [{"steering_angle": angle, "speed": 1.5} for angle in (-20, -5, 0, 5, 20)]}
)


def recipe_of(
    race: RacePlan,
    source: str,
    model_metadata: str | None = None,
    parent: Checkpoint | None = None,
    kept: list[Checkpoint] | None = None,
) -> Recipe:
    """Make a result as a worker does, and its recipe as an arena does; keep what it leaves to go on from."""
    columns = columns_of(race)
    seed = columns["seed"]
    assignment = Assignment.of(
        RacePlan(**columns), seed, source=source, model_metadata=model_metadata, hyperparameters=None
    )
    assignment = assignment.going_on_from(parent) if parent else assignment
    trained = assignment.train()
    if kept is not None:
        kept.append(trained.continuation)
    trial = assignment.race(trained.policy)
    usual = {"obstacle_kind": "box", "bot_lane_change": False, "cars": 1, "collision_penalty_ms": 5_000}
    return Recipe(
        submission="01ABC",
        race=race.slug,
        racer="ann",
        number=1,
        conditions=json.loads(json.dumps(conditions_of(Race(**(usual | columns))))),
        race_seed=seed,
        seed=trained.seed,
        model_metadata=assignment.metadata.as_json(),
        hyperparameters=assignment.hyperparameters.as_json(),
        digest=trained.digest,
        versions=versions_of(assignment.course, assignment.car) | software(),
        policy_sha256=hashlib.sha256(trained.policy.to_bytes()).hexdigest(),
        trace_sha256=hashlib.sha256(trial.trace.to_bytes()).hexdigest(),
        lap_times_ms=[lap.lap_time_ms for lap in trial.laps],
        official_ms=None,
        parent="01PARENT" if parent else None,
        parent_policy_sha256=parent.policy_sha256 if parent else None,
    )


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    """A result of ten thousand steps."""
    return recipe_of(RacePlan(slug="oval", title="Oval", track="oval", laps=1, training_steps=10_000), SOURCE)


def remade(recipe: Recipe, source: str = SOURCE) -> Mapping[str, Any]:
    comparison = verifying.remake(recipe, verifying.assign(recipe, source), quiet=True)
    return comparison.as_json() | {
        "differs": [finding.name for finding in comparison.results if finding.same is False],
        "trained": comparison.results[2].here is not None,
    }


def verify(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run `arena verify ...` and return what it said."""
    command = [sys.executable, "-m", "arena", "verify", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=100)


def test_another_process_makes_the_same_of_a_renamed_file_with_other_comments(
    recipe: Recipe, tmp_path: Path
) -> None:
    (tmp_path / "recipe.json").write_text(json.dumps(recipe.as_json()))
    (tmp_path / "my_idea.py").write_text(EDITED)
    done = verify(tmp_path / "recipe.json", "--reward", tmp_path / "my_idea.py", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["same"] is True
    assert [finding["name"] for finding in answer["results"]] == ["code", "seed", "weights", "drive", "laps"]


def test_other_code_is_told_without_a_training(recipe: Recipe) -> None:
    found = remade(recipe, "def reward_function(params):\n    return 1.0\n")
    assert (found["differs"], found["trained"]) == (["code", "seed"], False)
    assert "nothing was trained" in found["message"]


def test_discrete_actions_among_obstacles_both_ways_round_are_made_again() -> None:
    race = RacePlan(
        slug="boxes",
        title="Boxes",
        track="oval",
        laps=1,
        training_steps=10_000,
        race_type=RaceType.OBJECT_AVOIDANCE,
        obstacle_count=2,
        direction=Direction.ALTERNATE,
        imperfect=True,
        seed=3,
    )
    assert remade(recipe_of(race, SOURCE, STEERING))["same"] is True


def test_a_result_that_was_changed_is_found_out(recipe: Recipe) -> None:
    faster = replace(recipe, lap_times_ms=[6_000], trace_sha256="0" * 64)
    found = remade(faster)
    assert found["differs"] == ["drive", "laps"]
    assert "tell an organiser" in found["message"]


def test_other_settings_have_another_seed_and_are_not_trained(recipe: Recipe) -> None:
    assert recipe.hyperparameters is not None
    found = remade(replace(recipe, hyperparameters=recipe.hyperparameters | {"lr": 0.0005}))
    assert (found["differs"], found["trained"]) == (["seed"], False)


def test_other_versions_are_told_before_anything_is_trained(
    recipe: Recipe, capsys: pytest.CaptureFixture[str]
) -> None:
    old = replace(recipe, versions=recipe.versions | {"torch": "1.0"}, seed=1)
    assert remade(old)["trained"] is False
    assert "the recipe has 1.0" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("hidden", "says"),
    [
        ({"race_seed": None}, "secret until it is over"),
        ({"model_metadata": None}, "hides the settings"),
        ({"conditions": {"track": "nowhere"}}, "nowhere"),
        ({"conditions": {}}, "not the conditions of a race"),
        ({"conditions": {"track": "oval", "laps": "many"}}, "laps is a whole number"),
    ],
)
def test_a_recipe_that_cannot_be_followed_says_why(recipe: Recipe, hidden: Any, says: str) -> None:
    with pytest.raises(click.UsageError) as error:
        verifying.assign(replace(recipe, **hidden), SOURCE)
    assert says in error.value.message


def test_the_conditions_of_a_race_come_back(recipe: Recipe) -> None:
    plan = plan_of(recipe.conditions, 7)
    assert conditions_of(plan) == recipe.conditions


@pytest.mark.parametrize(
    ("given", "url", "place"),
    [
        ("01ABC", "http://a:1", ("http://a:1", "01ABC")),
        ("https://a/submissions/01ABC", None, ("https://a", "01ABC")),
        ("https://a/submissions/01ABC/", "https://a/", ("https://a", "01ABC")),
        ("https://a/api/v1/submissions/01ABC", None, ("https://a", "01ABC")),
    ],
)
def test_an_entry_is_named_by_its_address_or_its_id(
    given: str, url: str | None, place: tuple[str, str]
) -> None:
    assert verifying.place_of(given, url) == place


@pytest.mark.parametrize(
    ("given", "url", "says"),
    [
        ("01ABC", None, "--url"),
        ("no-file.json", None, "no file and no id"),
        ("https://a/races/oval", None, "no address of an entry"),
        ("ftp://a/submissions/01ABC", None, "no address of an entry"),
        ("https://elsewhere/submissions/01ABC", "https://a", "the token is for https://a"),
    ],
)
def test_what_names_no_entry_is_wrong_usage(given: str, url: str | None, says: str) -> None:
    with pytest.raises(click.UsageError) as error:
        verifying.place_of(given, url)
    assert says in error.value.message


def test_a_recipe_in_a_file_needs_the_code(recipe: Recipe, tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text(json.dumps(recipe.as_json()))
    with pytest.raises(click.UsageError, match="--reward"):
        verifying.fetch(str(tmp_path / "recipe.json"), None, None, None)


def test_an_entry_that_was_trained_on_is_made_again_from_the_first_one_on() -> None:
    race = RacePlan(slug="oval", title="Oval", track="oval", laps=1, training_steps=10_000)
    kept: list[Checkpoint] = []
    paid = "def reward_function(params):\n    return params['speed']\n"
    first = recipe_of(race, SOURCE, kept=kept)
    second = recipe_of(race, paid, parent=kept[0])
    line = [(first, verifying.assign(first, SOURCE))]
    comparison = verifying.remake(second, verifying.assign(second, paid), line, quiet=True)
    assert comparison.same
    assert [finding.name for finding in comparison.results][:3] == ["code", "seed", "parent"]
    other = [(first, verifying.assign(first, paid))]
    comparison = verifying.remake(second, verifying.assign(second, paid), other, quiet=True)
    assert comparison.sentence.startswith("Not the same: parent differs.")
    assert comparison.results[3].here is None


def test_a_recipe_in_a_file_that_was_trained_on_needs_its_arena(recipe: Recipe, tmp_path: Path) -> None:
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(replace(recipe, parent="01PARENT").as_json()))
    with pytest.raises(click.UsageError, match="Give --url"):
        verifying.fetch_ancestors(replace(recipe, parent="01PARENT"), str(path), None, "token")
    assert verifying.fetch_ancestors(recipe, str(path), None, None) == []
