"""The steps of a submission's state machine: each a conditional UPDATE with its event.

Two writers cannot both take a step: the UPDATE names the states from which it may be taken and must change
exactly one row. Who may take a step (leases, people, tries) is decided in jobs.py and submissions.py;
nothing else calls this.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from arena.league import events
from arena.league.columns import Json
from arena.league.errors import NotFound, WrongState
from arena.league.events import Subject
from arena.league.models import Submission
from arena.league.states import RUNNING, SubmissionState


def move(
    session: Session,
    submission_id: str,
    states: Iterable[SubmissionState],
    to: SubmissionState,
    **values: Any,
) -> Submission:
    """Take one step if the submission is in one of the states, else raise WrongState."""
    allowed = tuple(states)
    step = update(Submission).where(Submission.id == submission_id, Submission.state.in_(allowed))
    changed = session.execute(step.values(state=to, **values))
    assert isinstance(changed, CursorResult)
    submission = session.get(Submission, submission_id, populate_existing=True)
    if submission is None:
        raise NotFound(f"There is no submission {submission_id}.")
    if changed.rowcount != 1:
        raise WrongState(
            f"Expected submission {submission_id} to be {' or '.join(allowed)} before it can be {to}, "
            f"but it is {submission.state}. Look at its page for what happened."
        )
    return submission


def tell(
    session: Session, submission: Submission, name: str, now: datetime, payload: Json | None = None
) -> None:
    """Append an event about the submission."""
    events.append(session, name, Subject.of_submission(submission), at=now, payload=payload)


def claimed(session: Session, submission_id: str, attempt: int, now: datetime) -> None:
    """A worker has taken it. The try counts from here on, until our side loses it."""
    submission = move(
        session, submission_id, [SubmissionState.QUEUED], SubmissionState.CLAIMED, started_at=now
    )
    tell(session, submission, "submission.claimed", now, {"attempt": attempt})


def requeued(session: Session, submission_id: str, message: str, now: datetime) -> None:
    """Our side lost it: it waits again, as if it had not begun."""
    submission = move(session, submission_id, RUNNING, SubmissionState.QUEUED, started_at=None)
    tell(session, submission, "submission.requeued", now, {"message": message})


def stalled(session: Session, submission_id: str, message: str, now: datetime, faults: int) -> None:
    """Our side lost it too often: an organiser has to look, and the try is given back."""
    sentence = f"{message} This happened {faults} times; it is our fault and costs you no try."
    submission = move(
        session,
        submission_id,
        RUNNING,
        SubmissionState.STALLED,
        started_at=None,
        finished_at=now,
        verdict="stalled",
        verdict_message=sentence,
    )
    payload = {"message": sentence, "attempt": faults, "final": True}
    tell(session, submission, "submission.stalled", now, payload)
