"""Entering a race, and a submission's way to its result.

What costs a try: a submission that is waiting or being worked on, that was recorded, or that its owner
cancelled after the start. What does not: one that was rejected because its code failed (a beginner's typing
error is not a try, and it shows no lap time that could be gained from it), one that stalled through our
fault, and one that was cancelled before the start. Fair share in the queue bounds what unlimited rejected
submissions could cost others.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from arena.league import admission, badges, db, events, jobs, transitions, workers
from arena.league.columns import Json, as_utc_text, new_public_id, storable
from arena.league.errors import (
    InvalidInput,
    NotAllowed,
    NotFound,
    NotOpenYet,
    NoTriesLeft,
    RaceClosed,
    TooManyWaiting,
    WrongState,
)
from arena.league.jobs import Lease
from arena.league.models import Job, Race, Racer, Submission
from arena.league.states import (
    RUNNING,
    WAITING_OR_RUNNING,
    Driver,
    Hardware,
    JobKind,
    JobState,
    SubmissionState,
)

MAX_OUTPUT_CHARACTERS = 65_536
# What the column of the steps holds.
MOST_STEPS = 2**31 - 1
# How many of the latest trainings the expected wait is estimated from.
WAIT_SAMPLE = 20


@dataclass(frozen=True, slots=True)
class Entry:
    """The files of a submission as text; None where the entrant gave none and the defaults apply.

    The source is a reward function or, with that driver, an agent; it is empty where a policy was trained
    elsewhere, whose file is the artifact `upload_key`. With a `parent_id` the training goes on from there.
    """

    source: str
    model_metadata: str | None = None
    hyperparameters: str | None = None
    driver: Driver = Driver.POLICY
    upload_key: str | None = None
    parent_id: str | None = None
    needs: Hardware = Hardware.CPU
    """What machine the training would like best."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why the entrant's own code or settings could not be raced, in the entrant's words and lines."""

    verdict: str
    message: str
    line: int | None = None
    detail: str = ""
    output: str = ""
    usage: Json | None = None


@dataclass(frozen=True, slots=True)
class QueuePlace:
    """Where a submission waits: 1 is next. The wait is None while there is nothing to estimate it from."""

    place: int
    expected_wait_s: float | None


def submit(session: Session, race: Race, racer: Racer, entry: Entry, now: datetime) -> Submission:
    """Enter a race. Raises NotOpenYet, RaceClosed, NoTriesLeft, and what `admission` has against it."""
    admission.check_entry(entry)
    admission.check_kind(race, entry.driver, goes_on=entry.parent_id is not None)
    if entry.parent_id is not None:
        admission.check_parent(session, race, racer, entry.parent_id)
    return _enter(session, race, racer, entry, now)


def enter_reference(session: Session, race: Race, house: Racer, now: datetime) -> Submission:
    """Enter a house car that the reference driver drives: nothing is trained.

    Raises NotAllowed for anybody but a house car, and what `submit` raises.
    """
    if not house.is_house:
        raise NotAllowed("Only a house car is driven by the reference driver. Enter a reward function.")
    return _enter(session, race, house, Entry("", driver=Driver.REFERENCE), now)


def _enter(session: Session, race: Race, racer: Racer, entry: Entry, now: datetime) -> Submission:
    check_window(race, now)
    db.take_turn(session)
    if tries_left(session, race, racer) < 1:
        raise NoTriesLeft(
            f"You have used {race.max_submissions} of {race.max_submissions} submissions in “{race.title}”. "
            "Your best result stands; the next race starts with new tries."
        )
    _check_queued(session, race, racer)
    submission = Submission(
        id=new_public_id(now),
        race_id=race.id,
        racer_id=racer.id,
        number=_next_number(session, race, racer),
        driver=entry.driver,
        source=entry.source,
        upload_key=entry.upload_key,
        parent_id=entry.parent_id,
        model_metadata=entry.model_metadata,
        hyperparameters=entry.hyperparameters,
        state=SubmissionState.QUEUED,
        created_at=now,
    )
    submission.total_steps = _total_steps(session, race, entry)
    session.add(submission)
    session.flush()
    jobs.enqueue_training(session, submission, now, entry.needs)
    place = queue_place(session, submission, now)
    payload = {"number": submission.number, "place": place.place if place else None}
    transitions.tell(session, submission, "submission.queued", now, payload)
    badges.on_submission(session, submission, now)
    return submission


def _check_queued(session: Session, race: Race, racer: Racer) -> None:
    """Raise TooManyWaiting when the racer's part of the queue is full: the others' come sooner that way."""
    waits = (Submission.race_id == race.id, Submission.racer_id == racer.id)
    states = Submission.state.in_(WAITING_OR_RUNNING)
    count = session.execute(select(func.count()).select_from(Submission).where(*waits, states)).scalar_one()
    if count >= race.max_queued:
        raise TooManyWaiting(
            f"{count} of your entries in “{race.title}” wait or train; at most {race.max_queued} may. "
            "Look at their results first, or cancel one, then enter again. No try was spent."
        )


def _total_steps(session: Session, race: Race, entry: Entry) -> int | None:
    """Return the steps of all ancestors and of this training, None where nothing is trained."""
    if entry.driver is not Driver.POLICY:
        return None
    parent = session.get(Submission, entry.parent_id) if entry.parent_id else None
    total = race.training_steps + ((admission.total_steps(parent) or 0) if parent else 0)
    if total > MOST_STEPS:
        raise InvalidInput("parent", f"{total:,} steps of training are too many to count. Begin anew.")
    return total


def check_window(race: Race, now: datetime) -> None:
    """Raise NotOpenYet or RaceClosed unless the race takes submissions at this moment."""
    if now < race.opens_at:
        raise NotOpenYet(f"“{race.title}” opens at {as_utc_text(race.opens_at)}. Submit again from then on.")
    if not race.is_open(now):
        raise RaceClosed(
            f"“{race.title}” closed at {as_utc_text(race.closes_at)}. Enter a race that is open."
        )


def tries_used(session: Session, race: Race, racer: Racer) -> int:
    """Count the submissions that cost a try; the module's docstring says which and why."""
    costs = or_(
        Submission.state.in_((*WAITING_OR_RUNNING, SubmissionState.RECORDED)),
        and_(Submission.state == SubmissionState.CANCELLED, Submission.started_at.is_not(None)),
    )
    query = select(func.count()).where(Submission.race_id == race.id, Submission.racer_id == racer.id, costs)
    return session.execute(query).scalar_one()


def tries_left(session: Session, race: Race, racer: Racer) -> int:
    """Return how many more submissions the racer may enter in the race."""
    return max(0, race.max_submissions - tries_used(session, race, racer))


def find_submission(session: Session, submission_id: str) -> Submission | None:
    """Return the submission of a public id, or None."""
    return session.get(Submission, submission_id)


def mark_training(session: Session, lease: Lease, now: datetime) -> Submission:
    """The sandbox is up and training begins. Raises StaleLease."""
    return _step(session, lease, SubmissionState.CLAIMED, SubmissionState.TRAINING, now)


def mark_racing(session: Session, lease: Lease, now: datetime) -> Submission:
    """Training is over and the car goes to the start. Raises StaleLease."""
    return _step(session, lease, SubmissionState.TRAINING, SubmissionState.RACING, now)


def report_progress(session: Session, lease: Lease, progress: Json, now: datetime) -> None:
    """Tell how training goes (about once a second). Raises StaleLease: the worker then stops training."""
    jobs.hold(session, lease)
    transitions.tell(session, _submission_of(session, lease), "training.progressed", now, progress)


def curve(session: Session, submission: Submission) -> list[Json]:
    """Return the progress of the newest training, oldest first: the points of the learning curve."""
    names = ("submission.training", "training.progressed")
    log = events.read_after(session, 0, 100_000, submission_id=submission.id, names=names)
    starts = [i for i, entry in enumerate(log) if entry.name == "submission.training"]
    return [entry.payload for entry in log[starts[-1] + 1 :]] if starts else []


def reject(session: Session, lease: Lease, rejection: Rejection, now: datetime) -> Submission:
    """End a submission by the entrant's fault; the try is not spent. Raises StaleLease."""
    jobs.finish(session, lease, now)
    submission = transitions.move(
        session,
        _submission_of(session, lease).id,
        RUNNING,
        SubmissionState.REJECTED,
        finished_at=now,
        verdict=rejection.verdict,
        verdict_message=storable(rejection.message),
        verdict_line=rejection.line,
        verdict_detail=storable(rejection.detail),
        output=storable(rejection.output)[:MAX_OUTPUT_CHARACTERS],
        usage=rejection.usage,
    )
    payload = {"verdict": rejection.verdict, "message": rejection.message, "line": rejection.line}
    transitions.tell(session, submission, "submission.rejected", now, payload)
    return submission


def cancel(session: Session, submission: Submission, *, by: Racer, now: datetime) -> Submission:
    """Withdraw a submission; before the start the try comes back. A worker that has it gets StaleLease."""
    if by.id != submission.racer_id and not by.is_organiser:
        raise NotAllowed("Only its owner or an organiser may cancel a submission.")
    db.take_turn(session)
    moved = transitions.move(
        session, submission.id, WAITING_OR_RUNNING, SubmissionState.CANCELLED, finished_at=now
    )
    jobs.cancel(session, submission.id, now)
    payload = {"try_returned": moved.started_at is None, "by": by.handle}
    transitions.tell(session, moved, "submission.cancelled", now, payload)
    return moved


def requeue(session: Session, submission: Submission, *, by: Racer, now: datetime) -> Submission:
    """Let an organiser send a stalled submission round again, as long as the race's results are not final."""
    if not by.is_organiser:
        raise NotAllowed("Only organisers may send a stalled submission round again. Ask one.")
    if submission.race.closed_at is not None:
        raise WrongState(f"“{submission.race.title}” is closed and its results are final.")
    moved = transitions.move(
        session,
        submission.id,
        [SubmissionState.STALLED],
        SubmissionState.QUEUED,
        finished_at=None,
        verdict=None,
        verdict_message=None,
    )
    jobs.restart(session, submission.id)
    payload = {"message": f"{by.handle} sent it round again."}
    transitions.tell(session, moved, "submission.requeued", now, payload)
    return moved


def queue_place(session: Session, submission: Submission, now: datetime) -> QueuePlace | None:
    """Return the place in the order of claims and the expected wait; None if it does not wait."""
    ids = list(session.execute(jobs.queue(now, [JobKind.TRAIN])).scalars())
    job_id = session.execute(select(Job.id).where(Job.submission_id == submission.id)).scalar()
    if job_id not in ids:
        return None
    place = ids.index(job_id) + 1
    return QueuePlace(place, _expected_wait_s(session, place, now))


def _expected_wait_s(session: Session, place: int, now: datetime) -> float | None:
    """Estimate from the latest trainings: those running are half done on average, workers share the rest."""
    done = (
        select(Submission.started_at, Submission.finished_at)
        .where(Submission.state == SubmissionState.RECORDED)
        .order_by(Submission.id.desc())
        .limit(WAIT_SAMPLE)
    )
    durations = [(end - start).total_seconds() for start, end in session.execute(done) if start and end]
    if not durations:
        return None
    at_work = (Job.kind == JobKind.TRAIN, Job.state == JobState.CLAIMED)
    running = session.execute(select(func.count()).where(*at_work)).scalar_one()
    mean_s = sum(durations) / len(durations)
    return mean_s * (place - 1 + running / 2) / max(1, workers.count_trainers(session, now))


def _step(
    session: Session, lease: Lease, start: SubmissionState, to: SubmissionState, now: datetime
) -> Submission:
    jobs.hold(session, lease)
    submission = transitions.move(session, _submission_of(session, lease).id, [start], to)
    transitions.tell(session, submission, f"submission.{to}", now)
    return submission


def _submission_of(session: Session, lease: Lease) -> Submission:
    if lease.submission_id is None:
        raise NotFound(f"Job {lease.job_id} is a {lease.kind} and belongs to no submission.")
    return session.get_one(Submission, lease.submission_id)


def _next_number(session: Session, race: Race, racer: Racer) -> int:
    query = select(func.max(Submission.number))
    last = session.execute(
        query.where(Submission.race_id == race.id, Submission.racer_id == racer.id)
    ).scalar()
    return (last or 0) + 1
