"""The stewards' page: drives that were faster than physics allows, and the two buttons that decide on them.

Organisers are the stewards. Why a drive is held is told in figures: each lap beside the fastest possible one.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from arena.league import stewards
from arena.league.errors import InvalidInput
from arena.league.models import Lap, Submission, Trial
from arena.league.states import Ruling
from arena.league.stewards import REASON_LENGTH
from leaderboard import comparing, queries
from leaderboard.auth import load_racer, load_trial, now, organiser_required, signed_in
from leaderboard.context import arena
from leaderboard.forms import Form
from simulator.optimum import too_fast

blueprint = Blueprint("stewarding", __name__, url_prefix="/organise/stewards")

MOST_DECIDED = 20


@dataclass(frozen=True, slots=True)
class LapBeside:
    """A lap beside the fastest possible one; None where that is not known."""

    lap: Lap
    optimum_ms: int | None
    is_suspicious: bool

    @property
    def faster_ms(self) -> int | None:
        """Return how much faster than possible the lap was, None where it was not."""
        return None if self.optimum_ms is None else max(0, self.optimum_ms - self.lap.lap_time_ms) or None

    @property
    def faster_percent(self) -> float:
        """Return the same in percent of the possible lap."""
        return 100.0 * (self.faster_ms or 0) / (self.optimum_ms or 1)


def laps_beside(trial: Trial) -> list[LapBeside]:
    """Return the laps of a trial, each beside the optimum of its direction."""
    found = []
    for lap in trial.laps:
        optimum = comparing.optimum_of(trial.submission.race, lap.direction)
        optimum_ms = round(1000.0 * optimum.lap_s) if optimum else None
        found.append(LapBeside(lap, optimum_ms, optimum is not None and too_fast(lap.lap_time_ms, optimum)))
    return found


@blueprint.get("")
@organiser_required
def desk() -> ResponseReturnValue:
    """Show the drives that wait for a decision, and the newest decisions."""
    return _desk(Form({}))


def _desk(form: Form, trial_id: int | None = None) -> ResponseReturnValue:
    with arena().reading() as session:
        page = render_template(
            "organise/stewards.html",
            held=[(trial, laps_beside(trial)) for trial in stewards.waiting(session)],
            decided=_decided(session),
            form=form,
            at_fault=trial_id,
            longest=REASON_LENGTH,
        )
    return page, 422 if form.faults else 200


@blueprint.post("/<int:trial_id>")
@organiser_required
def decide(trial_id: int) -> ResponseReturnValue:
    """Clear or strike a drive, as the pressed button says. A reason that is missing is asked for."""
    form = Form(request.form)
    reason, ruling = form.typed("reason"), form.typed("ruling")
    if ruling not in (Ruling.CLEARED, Ruling.STRUCK):
        abort(400)
    try:
        with arena().transaction() as session:
            trial = load_trial(session, trial_id)
            name = trial.submission.racer.name
            if ruling == Ruling.STRUCK:
                stewards.strike(session, trial, by=load_racer(session), now=now(), reason=reason)
                said = f"The drive of {name} does not count."
            else:
                stewards.clear(session, trial, by=load_racer(session), now=now(), reason=reason)
                said = f"The drive of {name} counts."
    except InvalidInput as error:
        form.fault(error.field, error.message)
        return _desk(form, trial_id)
    flash(said, "good")
    return redirect(url_for("stewarding.desk"))


def waiting_count() -> int:
    """Return how many drives wait, for the head of an organiser's page; 0 for everybody else."""
    reader = signed_in()
    if reader is None or not reader.is_organiser:
        return 0
    with arena().reading() as session:
        return queries.held_count(session)


def _decided(session: Session) -> list[Trial]:
    decided = select(Trial).where(Trial.ruling.in_((Ruling.CLEARED, Ruling.STRUCK)))
    whole = joinedload(Trial.submission)
    loaded = decided.options(
        whole.joinedload(Submission.race), whole.joinedload(Submission.racer), joinedload(Trial.ruled_by)
    )
    return list(session.scalars(loaded.order_by(Trial.ruled_at.desc(), Trial.id).limit(MOST_DECIDED)))
