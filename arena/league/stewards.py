"""The stewards: organisers who decide whether a drive that looked too fast to be true counts.

A held trial has its laps and its replay, but no official time, no standing and no badge. `clear` gives it all
of that as if nobody had doubted it: the time counts from when it was driven. `strike` takes it out for good,
with a reason that its racer reads. A decision is made once. A race stays provisional while a trial of it is
held (seasons.close_due), so the podium is never awarded over somebody's head.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session, joinedload

from arena.league import db, results, transitions
from arena.league.columns import storable
from arena.league.errors import InvalidInput, NotAllowed, WrongState
from arena.league.models import Race, Racer, Submission, Trial
from arena.league.states import Ruling, SubmissionState

REASON_LENGTH = 1_000


def waiting(session: Session, race: Race | None = None) -> list[Trial]:
    """Return the trials that wait for a decision, the oldest first, of one race or all."""
    query = select(Trial).where(Trial.ruling == Ruling.HELD).order_by(Trial.id)
    if race is not None:
        query = query.where(Trial.race_id == race.id)
    whole = joinedload(Trial.submission)
    loaded = query.options(whole.joinedload(Submission.race), whole.joinedload(Submission.racer))
    return list(session.execute(loaded).scalars())


def clear(session: Session, trial: Trial, *, by: Racer, now: datetime, reason: str = "") -> Trial:
    """Let a held trial count: official time, standing, badges and events as for any other.

    `reason` may stay empty. Raises NotAllowed, InvalidInput, and WrongState unless the trial is held.
    """
    reason = _checked_reason(reason)
    trial = _decide(session, trial, Ruling.CLEARED, reason or None, by, now)
    submission = trial.submission
    trial.official_ms = results.official_ms_of(submission.race, [lap.lap_time_ms for lap in trial.laps])
    submission.official_time_ms = trial.official_ms
    submission.best_lap_ms = trial.best_lap_ms
    session.flush()
    _tell(session, trial, by, now)
    results.keep_standing(session, submission, trial, now)
    return trial


def strike(session: Session, trial: Trial, *, by: Racer, now: datetime, reason: str) -> Trial:
    """Take a held trial out for good; its racer is shown the reason, and the try stays spent.

    Raises NotAllowed, InvalidInput without a reason, and WrongState unless the trial is held.
    """
    reason = _checked_reason(reason)
    if not reason:
        raise InvalidInput("reason", "A trial is struck for a reason, and its racer reads it. Write one.")
    trial = _decide(session, trial, Ruling.STRUCK, reason, by, now)
    _tell(session, trial, by, now)
    return trial


def _decide(
    session: Session, trial: Trial, ruling: Ruling, reason: str | None, by: Racer, now: datetime
) -> Trial:
    """Write the decision if none has been made; of two organisers at once one is refused."""
    if not by.is_organiser:
        raise NotAllowed(f"Only organisers are stewards, and {by.handle} is a racer. Ask an organiser.")
    db.take_turn(session)
    decision = update(Trial).where(Trial.id == trial.id, Trial.ruling == Ruling.HELD)
    changed = session.execute(
        decision.values(ruling=ruling, ruling_reason=reason, ruled_by_id=by.id, ruled_at=now)
    )
    assert isinstance(changed, CursorResult)
    trial = session.get_one(Trial, trial.id, populate_existing=True)
    if changed.rowcount != 1:
        raise WrongState(_refusal(trial))
    session.refresh(trial.submission)
    assert trial.submission.state is SubmissionState.RECORDED
    return trial


def _refusal(trial: Trial) -> str:
    if trial.ruling is Ruling.NONE:
        return f"Trial {trial.id} was never held: it counts, and there is nothing to decide."
    who = f" by {trial.ruled_by.name}" if trial.ruled_by else ""
    return f"Trial {trial.id} was {trial.ruling}{who} already, and a decision stands."


def _tell(session: Session, trial: Trial, by: Racer, now: datetime) -> None:
    payload = {
        "trial_id": trial.id,
        "official_ms": trial.official_ms,
        "best_lap_ms": trial.best_lap_ms,
        "reason": trial.ruling_reason,
        "by": by.handle,
        "racer_name": trial.submission.racer.name,
    }
    transitions.tell(session, trial.submission, f"trial.{trial.ruling}", now, payload)


def _checked_reason(reason: str) -> str:
    reason = storable(reason).strip()
    if len(reason) > REASON_LENGTH:
        raise InvalidInput(
            "reason",
            f"A reason has up to {REASON_LENGTH} characters, this one has {len(reason)}. Shorten it.",
        )
    return reason
