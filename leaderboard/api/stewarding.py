"""The stewards' verbs for programs: which drives wait, and the two decisions."""

from __future__ import annotations

from typing import Any

from flask import url_for
from flask_smorest import Blueprint

from arena.league import stewards
from arena.league.models import Trial
from leaderboard.api import entry_schemas, plans, shapes
from leaderboard.api.operations import Operation, operation
from leaderboard.auth import load_racer, load_trial, now
from leaderboard.context import arena
from leaderboard.stewarding import laps_beside

blueprint = Blueprint("api_stewarding", __name__, url_prefix="/api/v1")


@operation(
    blueprint,
    "GET",
    "/stewards/trials",
    Operation("organising", plans.HeldTrial(many=True), organisers_only=True),
)
def held() -> list[dict[str, Any]]:
    """List the drives that wait for the stewards, the oldest first."""
    with arena().reading() as session:
        return [_shape(trial) for trial in stewards.waiting(session)]


@operation(
    blueprint,
    "POST",
    "/stewards/trials/<int:trial_id>/clear",
    Operation("organising", entry_schemas.Submission(), takes=plans.Decision(), organisers_only=True),
)
def clear(decision: dict[str, str], trial_id: int) -> dict[str, Any]:
    """Let a held drive count, as if nobody had doubted it."""
    with arena().transaction() as session:
        trial = load_trial(session, trial_id)
        stewards.clear(session, trial, by=load_racer(session), now=now(), reason=decision["reason"])
    return _entry(trial_id)


@operation(
    blueprint,
    "POST",
    "/stewards/trials/<int:trial_id>/strike",
    Operation("organising", entry_schemas.Submission(), takes=plans.Decision(), organisers_only=True),
)
def strike(decision: dict[str, str], trial_id: int) -> dict[str, Any]:
    """Take a held drive out for good, for a reason."""
    with arena().transaction() as session:
        trial = load_trial(session, trial_id)
        stewards.strike(session, trial, by=load_racer(session), now=now(), reason=decision["reason"])
    return _entry(trial_id)


def _entry(trial_id: int) -> dict[str, Any]:
    with arena().reading() as session:
        return shapes.submission(session, load_trial(session, trial_id).submission, now(), is_private=True)


def _shape(trial: Trial) -> dict[str, Any]:
    entry = trial.submission
    return {
        "trial_id": trial.id,
        "submission_id": entry.id,
        "url": url_for("entries.submission", public_id=entry.id),
        "race": entry.race.slug,
        "racer": entry.racer.handle,
        "driven_at": trial.driven_at,
        "best_lap_ms": trial.best_lap_ms,
        "why": trial.ruling_reason,
        "laps": [
            shapes.lap(row.lap) | {"optimum_ms": row.optimum_ms, "is_suspicious": row.is_suspicious}
            for row in laps_beside(trial)
        ],
    }
