"""A drive of an agent or of a policy from elsewhere is made again from its recipe, or differs somewhere."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

import starter_kits
from arena import reracing, untrained, verifying
from arena.assignments import Assignment
from arena.courses import conditions_of
from arena.league.plans import RacePlan, columns_of
from arena.league.states import Driver
from arena.recipes import Recipe
from arena.reracing import Content
from arena.untrained import Untrained
from tests.arena.garage.onnx_making import steering_policy

AGENT = starter_kits.load_agent("pure_pursuit").agent
DRAWN = AGENT.replace(
    "return self.steering(observation, nearest), self.speed(observation, nearest)",
    "return self.steering(observation, nearest) + np.random.normal(), self.speed(observation, nearest)",
)


def recipe_of(driver: Driver, content: Content) -> Recipe:
    """Drive a lap as a worker does, and return its recipe as an arena does."""
    plan = RacePlan(**columns_of(RacePlan(slug="oval", title="Oval", track="oval", laps=1, seed=5)))
    source, upload = (content, None) if isinstance(content, str) else ("", content)
    assignment = Assignment.of(plan, 5, source=source, model_metadata=None, hyperparameters=None)
    driven = untrained.drive(Untrained(driver, upload), assignment)
    return Recipe(
        submission="01ABC",
        race=plan.slug,
        racer="ann",
        number=1,
        conditions=conditions_of(plan),
        race_seed=5,
        seed=driven.seed,
        model_metadata={} if upload else assignment.metadata.as_json(),
        hyperparameters=assignment.hyperparameters.as_json(),
        digest=driven.digest,
        versions=driven.versions,
        policy_sha256=None,
        trace_sha256=hashlib.sha256(driven.trial.trace.to_bytes()).hexdigest(),
        lap_times_ms=[lap.lap_time_ms for lap in driven.trial.laps],
        official_ms=None,
        driver=driver,
        upload_sha256=hashlib.sha256(upload).hexdigest() if upload else None,
    )


def again(recipe: Recipe, content: Content) -> tuple[bool, str]:
    """Say whether the result is the same, and the sentence about it."""
    sent = Recipe.of_json(recipe.as_json())
    assert reracing.is_raced_only(sent)
    comparison = reracing.rerace(sent, content, verifying.assign(sent, content))
    return comparison.same, comparison.sentence


@pytest.fixture(scope="module")
def agents() -> Recipe:
    return recipe_of(Driver.AGENT, DRAWN)


def test_an_agent_that_draws_numbers_drives_the_same_lap_again(agents: Recipe) -> None:
    assert DRAWN != AGENT
    assert again(agents, DRAWN + "# mine") == (True, "Same: the code, the seed, the drive and every lap.")


def test_another_agent_or_another_seed_differs(agents: Recipe) -> None:
    same, sentence = again(agents, AGENT)
    assert not same
    assert "not the code that was entered" in sentence
    same, sentence = again(replace(agents, race_seed=6), DRAWN)
    assert not same
    assert "not those of the entry" in sentence


def test_a_policys_file_drives_the_same_lap_again_and_another_is_not_raced() -> None:
    policy = steering_policy().to_bytes()
    recipe = recipe_of(Driver.TRAINED, policy)
    assert again(recipe, policy) == (True, "Same: the policy's file, the drive and every lap.")
    same, sentence = again(recipe, steering_policy(speed=0.0).to_bytes())
    assert not same
    assert "not the file that was entered" in sentence
