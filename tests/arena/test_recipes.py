"""Reading recipes that may be anything, and saying where a result differs and why it may."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from arena.recipes import Recipe, RecipeError, Remade, compare

VERSIONS = {"car": "1", "torch": "2.8.0", "python": "3.11.9", "machine": "Linux x86_64 AVX2"}
RECIPE = Recipe(
    submission="01ABC",
    race="oval",
    racer="ann",
    number=1,
    conditions={"track": "oval"},
    race_seed=7,
    seed=8,
    model_metadata={},
    hyperparameters={},
    digest="d" * 64,
    versions=VERSIONS,
    policy_sha256="a" * 64,
    trace_sha256="b" * 64,
    lap_times_ms=[9_000, 8_000],
    official_ms=17_000,
)
SAME = Remade(
    digest="d" * 64,
    seed=8,
    policy_sha256="a" * 64,
    trace_sha256="b" * 64,
    lap_times_ms=[9_000, 8_000],
    versions=VERSIONS,
)
OTHER_BITS = replace(SAME, policy_sha256="c" * 64, trace_sha256="d" * 64)


def test_a_recipe_comes_back_from_its_document() -> None:
    assert Recipe.of_text(json.dumps(RECIPE.as_json() | {"news": "of a later version"})) == RECIPE


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "an object"),
        ("{}", "submission, race, racer, number, conditions is missing"),
        (json.dumps(RECIPE.as_json() | {"seed": True}), "seed cannot be True"),
        (json.dumps(RECIPE.as_json() | {"lap_times_ms": None}), "lap_times_ms cannot be None"),
        (json.dumps(RECIPE.as_json() | {"versions": []}), "versions cannot be"),
        (" " * 1_000_001, "1,000,001 characters"),
    ],
)
def test_what_is_no_recipe_is_refused_with_what_was_expected(text: str, says: str) -> None:
    with pytest.raises(RecipeError, match=says):
        Recipe.of_text(text)


def test_the_same_bits_are_the_same_result() -> None:
    comparison = compare(RECIPE, SAME)
    assert comparison.same
    assert comparison.sentence == "Same: the code, the seed, the weights, the drive and every lap."


def test_other_versions_that_change_nothing_are_told_and_no_difference() -> None:
    comparison = compare(RECIPE, replace(SAME, versions=VERSIONS | {"torch": "2.9.0"}))
    assert comparison.same
    assert "differences in: torch" in comparison.sentence


def test_what_an_old_trial_does_not_say_is_not_known() -> None:
    comparison = compare(replace(RECIPE, versions={"car": "1"}), SAME)
    assert {finding.name: finding.same for finding in comparison.versions}["torch"] is None
    assert comparison.different_versions == ()


@pytest.mark.parametrize(
    ("remade", "wrong", "why"),
    [
        (
            Remade(digest="e", seed=9, versions=VERSIONS),
            "code, seed differ",
            "not the code that was entered,",
        ),
        (Remade(digest="e", seed=9, versions=VERSIONS | {"python": "3.13.0"}), "code", "another Python"),
        (Remade(digest="d" * 64, seed=9, versions=VERSIONS), "seed differs", "nothing was trained"),
        (OTHER_BITS, "weights, drive differ", "different type of processor may differ in the last bits"),
        (replace(OTHER_BITS, lap_times_ms=[9_000]), "weights, drive, laps differ", "tell an organiser"),
        (replace(OTHER_BITS, versions=VERSIONS | {"torch": "2.9.0"}), "weights", "recipe's for torch"),
        (replace(OTHER_BITS, versions=VERSIONS | {"machine": "Darwin arm64"}), "weights", "another kind"),
    ],
)
def test_a_difference_is_named_with_what_may_explain_it(remade: Any, wrong: str, why: str) -> None:
    comparison = compare(RECIPE, remade)
    assert not comparison.same
    assert f"Not the same: {wrong}" in comparison.sentence
    assert why in comparison.sentence
    assert comparison.as_json()["same"] is False
