"""Entering a race and following an entry: the editor page, one's own list, the page of one submission.

The editor is a plain form: text areas or files, a kit to start from, a button to enter. Its island makes it
pleasant (colours, an action-space table, instant checks) and changes nothing about what is sent. Entrant
code is text here.
"""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from arena.league import admission, standings, submissions
from arena.league.models import Submission
from arena.league.states import WAITING_OR_RUNNING
from leaderboard import comparing, diagnosing, entry_files, queries, submitting
from leaderboard import editor as editors
from leaderboard.auth import (
    load_own_submission,
    load_race,
    load_racer,
    load_submission,
    may_read_seeds,
    may_read_source,
    now,
    sign_in_required,
    signed_in,
)
from leaderboard.context import arena
from leaderboard.guards import caller, limiter
from leaderboard.problems import Problem
from leaderboard.words import count

blueprint = Blueprint("entries", __name__)


@blueprint.get("/races/<slug>/enter")
@sign_in_required
def editor(slug: str) -> ResponseReturnValue:
    """Show the editor, with a kit or the racer's last entry in it."""
    with arena().reading() as session:
        race = load_race(session, slug)
        return editors.page(session, race, editors.first_draft(session, race))


@blueprint.post("/races/<slug>/enter")
@sign_in_required
@limiter.limit(lambda: arena().settings.submit_limit, key_func=caller)
def enter(slug: str) -> ResponseReturnValue:
    """Enter the race, check the entry, or load a kit: what the pressed button says."""
    action = request.form.get("action", "submit")
    with arena().reading() as session:
        race, racer = load_race(session, slug), load_racer(session)
        if action == "load-kit":
            return editors.page(session, race, editors.draft_with_kit(request.form.get("kit", "")))
    try:
        files = entry_files.files_of_request(request)
    except Problem as problem:
        return _editor_again(slug, editors.typed_files(), problem.status, problem)
    if files.size > (limit := arena().settings.max_upload_bytes):
        too_large = entry_files.too_large(files.size, limit)
        return _editor_again(slug, editors.typed_files(), 413, too_large)
    try:
        if action == "check":
            submitting.check(arena(), racer, files, race=race)
            flash("The check found no fault: it can be entered.", "good")
            return _editor_again(slug, files, 200)
        entry = submitting.enter(arena(), race, racer, files)
    except Problem as problem:
        return _editor_again(slug, files, problem.status, problem)
    flash(f"Entry {entry.number} is in. Stay and watch it train, or come back later.", "good")
    return redirect(url_for("entries.submission", public_id=entry.id))


def _editor_again(
    slug: str, files: entry_files.Files, status: int, problem: Problem | None = None
) -> ResponseReturnValue:
    """Show the editor with everything that was sent, and what is wrong with it."""
    with arena().reading() as session:
        return editors.page(session, load_race(session, slug), editors.draft_of_files(files), problem), status


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
            may_read_seed=may_read_source(found) and may_read_seeds(found.race, at),
            lineage=admission.lineage_of(session, found),
            can_go_on=admission.may_be_parent(found) and found.race.may_continue and found.race.is_open(at),
            kind=entry_files.KINDS.get(found.driver),
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


@blueprint.get("/submissions/<public_id>/<any(reward_function, agent):name>.py")
@sign_in_required
def source_file(public_id: str, name: str) -> ResponseReturnValue:
    """Return the source as a file, to its owner and to organisers.

    :raise 404: the entry has none of this name
    """
    with arena().reading() as session:
        found = load_own_submission(session, public_id)
        if entry_files.KINDS.get(found.driver) != name:
            abort(404)
        headers = {
            "Content-Type": "text/x-python; charset=utf-8",
            "Content-Disposition": f"attachment; filename={name}.py",
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
