"""Entering a race and following an entry: the editor page, one's own list, the page of one submission.

The editor is a plain form: text areas or files, a kit to start from, a button to enter. Its island makes it
pleasant (colours, an action-space table, instant checks) and changes nothing about what is sent. Entrant
code is text here.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

import starter_kits
from arena.league import standings, submissions
from arena.league.models import Race, Submission
from arena.league.states import WAITING_OR_RUNNING
from leaderboard import comparing, diagnosing, queries, submitting
from leaderboard.auth import (
    load_own_submission,
    load_race,
    load_racer,
    load_submission,
    may_read_source,
    now,
    sign_in_required,
    signed_in,
)
from leaderboard.context import arena
from leaderboard.guards import caller, limiter
from leaderboard.problems import Problem
from leaderboard.submitting import Files
from leaderboard.words import count
from simulator import tracks

blueprint = Blueprint("entries", __name__)


@dataclass(frozen=True, slots=True)
class Draft:
    """What stands in the editor."""

    source: str = ""
    model_metadata: str = ""
    hyperparameters: str = ""
    kit: str = ""


@blueprint.get("/races/<slug>/enter")
@sign_in_required
def editor(slug: str) -> ResponseReturnValue:
    """Show the editor, with a kit or the racer's last entry in it."""
    with arena().reading() as session:
        race = load_race(session, slug)
        draft = _draft_of_kit(request.args["kit"]) if "kit" in request.args else _first_draft(session, race)
        return _editor_page(session, race, draft)


@blueprint.post("/races/<slug>/enter")
@sign_in_required
@limiter.limit(lambda: arena().settings.submit_limit, key_func=caller)
def enter(slug: str) -> ResponseReturnValue:
    """Enter the race, check the entry, or load a kit: what the pressed button says."""
    action = request.form.get("action", "submit")
    with arena().reading() as session:
        race, racer = load_race(session, slug), load_racer(session)
        if action == "load-kit":
            return _editor_page(session, race, _draft_of_kit(request.form.get("kit", "")))
    files = submitting.files_of_request(request)
    if files.size > (limit := arena().settings.max_upload_bytes):
        return _editor_again(slug, _typed_files(), 413, submitting.too_large(files.size, limit))
    try:
        if action == "check":
            submitting.check(arena(), racer, files, race=race)
            flash("The check found no fault: this reward function can be entered.", "good")
            return _editor_again(slug, files, 200)
        entry = submitting.enter(arena(), race, racer, files)
    except Problem as problem:
        return _editor_again(slug, files, problem.status, problem)
    flash(f"Entry {entry.number} is in. Stay and watch it train, or come back later.", "good")
    return redirect(url_for("entries.submission", public_id=entry.id))


def _first_draft(session: Session, race: Race) -> Draft:
    """Start from the racer's last entry in this race, else from the first kit."""
    last = queries.last_submission(session, race, load_racer(session))
    if last is None:
        return _draft_of_kit(starter_kits.ORDER[0])
    return Draft(last.source, last.model_metadata or "", last.hyperparameters or "")


def _draft_of_kit(name: str) -> Draft:
    try:
        found = starter_kits.load(name)
    except KeyError:
        abort(404)
    return Draft(found.reward_function, found.model_metadata, found.hyperparameters, found.name)


def _typed_files() -> Files:
    """Return what stands in the text areas; a chosen file that is far too large must not replace it."""
    names = ("source", "model_metadata", "hyperparameters")
    source, *settings = (request.form.get(name, "").encode("utf-8", "replace") for name in names)
    return Files(source, *settings)


def _editor_again(
    slug: str, files: Files, status: int, problem: Problem | None = None
) -> ResponseReturnValue:
    """Show the editor with everything that was sent, and what is wrong with it."""
    draft = Draft(
        source=_shown(files.source),
        model_metadata=_shown(files.model_metadata),
        hyperparameters=_shown(files.hyperparameters),
        kit=request.form.get("kit", ""),
    )
    with arena().reading() as session:
        return _editor_page(session, load_race(session, slug), draft, problem), status


def _shown(data: bytes | None) -> str:
    """Decode a file for showing it again, whatever it is."""
    return (data or b"").decode("utf-8", "replace").replace("\x00", "\ufffd")


def _editor_page(session: Session, race: Race, draft: Draft, problem: Problem | None = None) -> str:
    racer = load_racer(session)
    return render_template(
        "editor.html",
        race=race,
        track=tracks.describe(race.track),
        draft=draft,
        problem=problem,
        kits=starter_kits.kits(),
        left=submissions.tries_left(session, race, racer),
        phase=queries.phase(race, now()),
    )


@blueprint.get("/submissions")
@sign_in_required
def own_submissions() -> ResponseReturnValue:
    """List the reader's submissions, the newest first."""
    with arena().reading() as session:
        found = queries.submissions_of(session, load_racer(session))
        return render_template(
            "submissions.html", submissions=found, open_races=queries.open_races(session, now())
        )


@blueprint.get("/submissions/<public_id>")
def submission(public_id: str) -> ResponseReturnValue:
    """Show a submission: its way, its laps and, to its owner, everything else."""
    at = now()
    with arena().reading() as session:
        found = load_submission(session, public_id)
        is_active = found.state in WAITING_OR_RUNNING
        return render_template(
            "submission.html",
            submission=found,
            race=found.race,
            trial=found.trial,
            standing=_board_place(session, found),
            possible_percent=comparing.percent_of_possible(found.race, found.trial),
            comparison=comparing.comparison_of(arena(), found.race, found.trial),
            diagnosis=_diagnosis(found),
            is_mine=may_read_source(found),
            can_cancel=is_active and may_read_source(found),
            place=submissions.queue_place(session, found, at) if is_active else None,
            progress=queries.progress_of(session, found),
            tries=_tries(session, found),
            now=at,
        )


def _diagnosis(found: Submission) -> diagnosing.DiagnosisView | None:
    """Return what the training says of the reward function, for those who may read the function."""
    return diagnosing.diagnosis_of(arena(), found.race, found) if may_read_source(found) else None


def _board_place(session: Session, found: Submission) -> int | None:
    """Return the rank on the board if this submission is the racer's best there."""
    best = queries.standing_of(session, found)
    return standings.rank_of(session, found.race, found.racer) if best else None


def _tries(session: Session, found: Submission) -> str:
    """Say how many tries the reader has left in the race, if it is the reader's submission."""
    reader = signed_in()
    if reader is None or reader.id != found.racer_id:
        return ""
    left = submissions.tries_left(session, found.race, found.racer)
    return f"{left} of {count(found.race.max_submissions, 'try', 'tries')} left"


@blueprint.get("/submissions/<public_id>/reward_function.py")
@sign_in_required
def source_file(public_id: str) -> ResponseReturnValue:
    """Return the source as a file, to its owner and to organisers."""
    with arena().reading() as session:
        found = load_own_submission(session, public_id)
        headers = {
            "Content-Type": "text/x-python; charset=utf-8",
            "Content-Disposition": "attachment; filename=reward_function.py",
        }
        return found.source, 200, headers


@blueprint.post("/submissions/<public_id>/cancel")
@sign_in_required
def cancel(public_id: str) -> ResponseReturnValue:
    """Withdraw a submission."""
    with arena().transaction() as session:
        found = load_own_submission(session, public_id)
        cancelled = submissions.cancel(session, found, by=load_racer(session), now=now())
        came_back = cancelled.started_at is None
    flash("The entry is cancelled." + (" The try is yours again." if came_back else ""))
    return redirect(url_for("entries.submission", public_id=public_id))
