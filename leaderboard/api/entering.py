"""Checks and submissions. The web process never runs what is sent: a worker does, and its verdict is waited
for."""

from __future__ import annotations

from typing import Any

from flask import Response, request
from flask_smorest import Blueprint
from sqlalchemy.orm import Session

from arena.league import submissions
from arena.league.states import Driver
from leaderboard import comparing, downloads, entry_files, problems, submitting
from leaderboard.api import entry_schemas, recipes, shapes
from leaderboard.api.operations import Operation, operation
from leaderboard.auth import (
    load_own_submission,
    load_race,
    load_racer,
    load_submission,
    may_read_source,
    now,
)
from leaderboard.context import arena

blueprint = Blueprint("api_entering", __name__, url_prefix="/api/v1")


@operation(
    blueprint,
    "POST",
    "/checks",
    Operation("entering", entry_schemas.Check(), files="CheckRequest", needs_account=True, is_costly=True),
)
def check() -> dict[str, Any]:
    """Try a reward function in a dozen typical states of the car; no try is spent."""
    files = entry_files.files_of_request(request)
    slug = request.get_json().get("race") if request.is_json else request.form.get("race")
    with arena().reading() as session:
        racer = load_racer(session)
        race = load_race(session, str(slug)) if slug else None
    return submitting.check(arena(), racer, files, race=race)


@operation(
    blueprint,
    "POST",
    "/races/<slug>/submissions",
    Operation(
        "entering", entry_schemas.Submission(), status=201, files="Entry", needs_account=True, is_costly=True
    ),
)
def submit(slug: str) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Enter a race. The files are checked first; what fails the check costs no try."""
    files = entry_files.files_of_request(request)
    with arena().reading() as session:
        race, racer = load_race(session, slug), load_racer(session)
    entered = submitting.enter(arena(), race, racer, files)
    with arena().reading() as session:
        shape = _shape(session, entered.id)
    return shape, 201, {"Location": shape["url"]}


@operation(blueprint, "GET", "/submissions/<public_id>", Operation("entering", entry_schemas.Submission()))
def submission(public_id: str) -> dict[str, Any]:
    """Show a submission: state, place in the queue, learning curve, laps."""
    with arena().reading() as session:
        return _shape(session, public_id)


@operation(
    blueprint, "GET", "/submissions/<public_id>/sectors", Operation("entering", entry_schemas.LapSectors())
)
def sectors(public_id: str) -> dict[str, Any]:
    """Show where the best lap lost its time against the fastest possible one."""
    with arena().reading() as session:
        found = load_submission(session, public_id)
        compared = comparing.comparison_of(arena(), found.race, found.trial)
    if compared is None:
        raise problems.of_status(
            404, "Expected an entry with a completed lap, in a race whose optimum is known. This is none."
        )
    return compared.lap.as_json()


@operation(blueprint, "GET", "/submissions/<public_id>/recipe", Operation("entering", recipes.RecipeSchema()))
def recipe(public_id: str) -> dict[str, Any]:
    """Show what makes a recorded result again; seeds when the race is over, settings to their owner."""
    with arena().reading() as session:
        return recipes.document_of(load_submission(session, public_id), now())


@operation(
    blueprint,
    "GET",
    "/submissions/<public_id>/source",
    Operation("entering", entry_schemas.Source(), needs_account=True),
)
def source(public_id: str) -> dict[str, Any]:
    """Show the files of a submission to its owner and to organisers."""
    with arena().reading() as session:
        found = load_own_submission(session, public_id)
        own_file = {Driver.POLICY: "reward_function", Driver.AGENT: "agent"}.get(found.driver)
        return {
            **({own_file: found.source} if own_file else {}),
            "model_metadata": found.model_metadata,
            "hyperparameters": found.hyperparameters,
        }


@operation(
    blueprint,
    "GET",
    "/submissions/<public_id>/upload",
    Operation("entering", is_file=True, needs_account=True),
)
def upload(public_id: str) -> Response:
    """Return the file of a policy that was trained elsewhere, to its owner and to organisers."""
    with arena().reading() as session:
        return downloads.upload_answer(arena(), load_own_submission(session, public_id))


@operation(
    blueprint,
    "GET",
    "/submissions/<public_id>/policy",
    Operation("entering", is_zip=True, needs_account=True),
)
def policy(public_id: str) -> Response:
    """Return the trained policy to its owner and to organisers, as a folder that `arena race` takes."""
    with arena().reading() as session:
        return downloads.policy_answer(arena(), load_own_submission(session, public_id))


@operation(
    blueprint,
    "GET",
    "/submissions/<public_id>/deepracer-logs",
    Operation("entering", is_zip=True, needs_account=True),
)
def deepracer_logs(public_id: str) -> Response:
    """Return the drive to the entry's owner and to organisers, as a DeepRacer model folder."""
    with arena().reading() as session:
        return downloads.logs_answer(arena(), load_own_submission(session, public_id))


@operation(
    blueprint,
    "POST",
    "/submissions/<public_id>/cancel",
    Operation("entering", entry_schemas.Submission(), needs_account=True),
)
def cancel(public_id: str) -> dict[str, Any]:
    """Withdraw a submission; before its training starts, the try comes back."""
    with arena().transaction() as session:
        submissions.cancel(
            session, load_own_submission(session, public_id), by=load_racer(session), now=now()
        )
    with arena().reading() as session:
        return _shape(session, public_id)


def _shape(session: Session, public_id: str) -> dict[str, Any]:
    found = load_submission(session, public_id)
    return shapes.submission(session, found, now(), is_private=may_read_source(found))
