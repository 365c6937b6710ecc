"""`arena verify` for entries that drive as they are: an agent or a policy from elsewhere races again.

Nothing is trained, so there is nothing to tell beforehand but the versions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from arena import recipes, untrained
from arena.league.states import Driver
from arena.options import note
from arena.recipes import Comparison, Recipe, Remade
from arena.untrained import Untrained

if TYPE_CHECKING:
    from arena.assignments import Assignment

Content = str | bytes
"""The source of code, or the bytes of a policy's file."""


def is_raced_only(recipe: Recipe) -> bool:
    """Whether the recipe is of an entry that was not trained in its arena."""
    return recipe.driver in (Driver.AGENT, Driver.TRAINED)


def tell_differences(recipe: Recipe, here: Mapping[str, str]) -> None:
    """Say which versions are others here than the recipe's."""
    for finding in recipes.compare_versions(recipe.versions, here):
        if finding.same is False:
            note(f"{finding.name} is {finding.here} here, the recipe has {finding.published}.")


def rerace(recipe: Recipe, content: Content, assignment: Assignment) -> Comparison:
    """Race an entry again and compare. Raises `EntrantFault` for what cannot drive (any longer)."""
    from arena.garage.racing import versions_of

    driver = Driver(recipe.driver)
    versions = versions_of(assignment.course, assignment.car) | untrained.software_of(driver)
    tell_differences(recipe, versions)
    upload = content if isinstance(content, bytes) else None
    sha256 = hashlib.sha256(upload).hexdigest() if upload is not None else None
    if sha256 != recipe.upload_sha256:
        return recipes.compare(
            recipe, Remade(digest=None, seed=None, upload_sha256=sha256, versions=versions)
        )
    driven = untrained.drive(Untrained(driver, upload, bool(recipe.model_metadata)), assignment)
    remade = Remade(
        digest=driven.digest,
        seed=driven.seed,
        upload_sha256=sha256,
        trace_sha256=hashlib.sha256(driven.trial.trace.to_bytes()).hexdigest(),
        lap_times_ms=[lap.lap_time_ms for lap in driven.trial.laps],
        versions=versions,
    )
    return recipes.compare(recipe, remade)
