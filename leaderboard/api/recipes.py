"""The recipe of a recorded entry, with which `arena verify` makes the result again.

What it shows, and to whom: the settings belong to the source and go to the entry's owner and to organisers.
The seeds are secret while the race takes entries, but for organisers: whoever had them could try at home,
as often as they like, which code has luck with them. Everything else is public.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from marshmallow import Schema, fields

from arena import courses
from arena.garage.hyperparameters import parse_hyperparameters
from arena.garage.settings import parse_model_metadata
from arena.league.errors import NotFound
from arena.league.models import Submission
from arena.league.states import Driver
from arena.recipes import Recipe
from leaderboard.api.schemas import note
from leaderboard.auth import may_read_seeds, may_read_source


class RecipeSchema(Schema):
    """What makes a recorded result again, and SHA-256 of what came out; `arena verify` takes it."""

    submission = fields.String(required=True)
    race = fields.String(required=True)
    racer = fields.String(required=True)
    number = fields.Integer(required=True)
    conditions = fields.Dict(
        keys=fields.String(), required=True, metadata=note("What decides how the race is trained and driven.")
    )
    race_seed = fields.Integer(
        required=True, allow_none=True, metadata=note("For organisers only while the race takes entries.")
    )
    seed = fields.Integer(
        required=True, allow_none=True, metadata=note("Of the training; public when the race's seed is.")
    )
    model_metadata = fields.Dict(
        keys=fields.String(),
        required=True,
        allow_none=True,
        metadata=note("The settings as they took effect, for the owner and organisers."),
    )
    hyperparameters = fields.Dict(keys=fields.String(), required=True, allow_none=True)
    digest = fields.String(
        required=True, allow_none=True, metadata=note("SHA-256 of the code's syntax tree.")
    )
    versions = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    policy_sha256 = fields.String(
        required=True, allow_none=True, metadata=note("Of what was trained; null where nothing was.")
    )
    trace_sha256 = fields.String(required=True)
    lap_times_ms = fields.List(fields.Integer(), required=True)
    official_ms = fields.Integer(required=True, allow_none=True)
    parent = fields.String(
        required=True, allow_none=True, metadata=note("The entry that was trained on, if it was not begun.")
    )
    parent_policy_sha256 = fields.String(required=True, allow_none=True)
    driver = fields.String(required=True, metadata=note("policy, agent, or trained (elsewhere)."))
    upload_sha256 = fields.String(
        required=True, allow_none=True, metadata=note("Of the file of a policy that was trained elsewhere.")
    )


def document_of(found: Submission, now: datetime) -> dict[str, Any]:
    """Return the recipe of an entry, as far as its reader may see it. Raises NotFound before its result."""
    trial = found.trial
    if trial is None or not has_recipe(found):
        raise NotFound("This entry has no recipe (yet). It has one when its race was driven.")
    own, seeds = may_read_source(found), may_read_seeds(found.race, now)
    recipe = Recipe(
        submission=found.id,
        race=found.race.slug,
        racer=found.racer.handle,
        number=found.number,
        conditions=courses.conditions_of(found.race),
        race_seed=found.race.seed if seeds else None,
        seed=found.seed if seeds else None,
        model_metadata=_metadata_of(found) if own else None,
        hyperparameters=_hyperparameters_of(found) if own else None,
        digest=found.digest,
        versions=trial.versions,
        policy_sha256=found.policy_key,
        trace_sha256=trial.trace_key,
        lap_times_ms=[lap.lap_time_ms for lap in trial.laps],
        official_ms=trial.official_ms,
        parent=found.parent_id,
        parent_policy_sha256=found.parent.policy_key if found.parent else None,
        driver=found.driver,
        upload_sha256=found.upload_key,
    )
    return recipe.as_json()


def has_recipe(found: Submission) -> bool:
    """Whether all that makes the result of a driven entry is known; of the reference driver's it is not."""
    match found.driver:
        case Driver.POLICY:
            return found.policy_key is not None and found.digest is not None
        case Driver.AGENT:
            return found.digest is not None
        case _:
            return found.upload_key is not None


def _hyperparameters_of(found: Submission) -> dict[str, Any]:
    algorithm = parse_model_metadata(found.model_metadata).algorithm
    return parse_hyperparameters(found.hyperparameters, algorithm).as_json()


def _metadata_of(found: Submission) -> dict[str, Any]:
    """Return the settings as they took effect; nothing where a policy's own file says what it may do."""
    if found.driver is Driver.TRAINED and found.model_metadata is None:
        return {}
    return parse_model_metadata(found.model_metadata, courses.senses_of(found.race)).as_json()
