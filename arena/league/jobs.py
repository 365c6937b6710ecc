"""The lease table: work waits here, a worker claims it for a while, and a dead worker's work comes back by
itself.

A claim gives a `Lease`. Its attempt number grows with every claim and fences late writers: whoever writes
with an older number gets StaleLease and must stop. `faults` counts leases that were lost through our fault;
after MAX_FAULTS the job stalls and is shown to the organiser. Giving work back in order (`release`) is no
fault.

Order of the queue: priority (instant checks, live events, the rest), then fair share (the racer with the
fewest jobs running or lately claimed), then age. While a live event is open and there are several workers,
one of them is kept free for it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from arena.league import db, events, transitions, workers
from arena.league.columns import Json, storable_json
from arena.league.errors import NotFound, StaleLease, WrongState
from arena.league.events import Subject
from arena.league.models import Job, Race, Racer, Submission
from arena.league.states import RUNNING, Hardware, JobKind, JobState, SubmissionState

log = logging.getLogger("arena.league.jobs")

MAX_FAULTS = 3
# A racer whose job was claimed within this time has had a turn lately and lets others go first.
FAIR_SHARE_WINDOW = timedelta(minutes=10)
PRIORITY_CHECK = 100
PRIORITY_LIVE = 50
PRIORITY_TRAIN = 0
ALL_KINDS = tuple(JobKind)
# No lease is given for longer: one that ends later was given before the clock was set back.
LONGEST_LEASE = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on a job until `until`; a plain value that outlives its session."""

    job_id: int
    kind: JobKind
    attempt: int
    worker: str
    racer_id: int
    submission_id: str | None
    payload: Json
    until: datetime
    checkpoint_key: str | None = None
    """The artifact with which an earlier attempt left off."""


def enqueue_training(
    session: Session, submission: Submission, now: datetime, needs: Hardware = Hardware.CPU
) -> Job:
    """Put a submission's training and race in the queue; one of a live event comes first."""
    job = Job(
        kind=JobKind.TRAIN,
        priority=PRIORITY_LIVE if submission.race.is_live else PRIORITY_TRAIN,
        state=JobState.QUEUED,
        needs=needs,
        racer_id=submission.racer_id,
        submission_id=submission.id,
        payload={},
        created_at=now,
    )
    session.add(job)
    session.flush()
    return job


def request_check(session: Session, racer: Racer, payload: Json, now: datetime) -> Job:
    """Ask a worker to try a reward function; the result comes as `check.finished` and in `job.result`.

    payload: source, and where given model_metadata, hyperparameters, track, and the race's slug as race.
    """
    job = Job(
        kind=JobKind.CHECK,
        priority=PRIORITY_CHECK,
        state=JobState.QUEUED,
        racer_id=racer.id,
        payload=storable_json(payload),
        created_at=now,
    )
    session.add(job)
    session.flush()
    return job


def claim(
    session: Session,
    worker: str,
    now: datetime,
    lease_s: float,
    kinds: Iterable[JobKind] = ALL_KINDS,
    hardware: Iterable[Hardware] = (Hardware.CPU,),
) -> Lease | None:
    """Take the next job for `lease_s` seconds, or return None when nothing waits that may be taken."""
    kinds = tuple(kinds)
    if not waiting(session, kinds):
        return None
    db.take_turn(session)
    wanted = queue(now, kinds).where(Job.needs.in_(workers.claimable(session, hardware, now)))
    if _must_keep_free(session, now):
        wanted = wanted.where(Job.priority > PRIORITY_TRAIN)
    job_id = session.execute(wanted.limit(1)).scalar()
    if job_id is None:
        return None
    try:
        with session.begin_nested():
            return _claimed(session, job_id, worker, now, now + timedelta(seconds=lease_s))
    except WrongState as error:
        _follow_submission(session, job_id, error, now)
        return None


def _must_keep_free(session: Session, now: datetime) -> bool:
    """Whether the last free worker has to wait for a live event: there is one, and the others are busy."""
    live = select(Race.id).where(Race.is_live, Race.closed_at.is_(None))
    if session.execute(live.where(Race.opens_at <= now, Race.closes_at > now).limit(1)).first() is None:
        return False
    others = (Job.kind == JobKind.TRAIN, Job.state == JobState.CLAIMED, Job.priority == PRIORITY_TRAIN)
    busy = session.execute(select(func.count()).select_from(Job).where(*others)).scalar_one()
    trainers = workers.count_trainers(session, now)
    return trainers > 1 and busy >= trainers - 1


def _claimed(session: Session, job_id: int, worker: str, now: datetime, until: datetime) -> Lease | None:
    taken = (
        update(Job)
        .where(Job.id == job_id, Job.state == JobState.QUEUED)
        .values(
            state=JobState.CLAIMED,
            attempt=Job.attempt + 1,
            worker=worker,
            lease_until=until,
            claimed_at=now,
        )
        .returning(Job)
    )
    job = session.execute(taken, execution_options={"populate_existing": True}).scalar_one_or_none()
    if job is None:
        return None
    if job.submission_id is not None:
        transitions.claimed(session, job.submission_id, job.attempt, now)
    return Lease(
        job.id,
        job.kind,
        job.attempt,
        worker,
        job.racer_id,
        job.submission_id,
        dict(job.payload),
        until,
        job.checkpoint_key,
    )


def waiting(session: Session, kinds: Iterable[JobKind] = ALL_KINDS) -> bool:
    """Return whether anything waits: cheap, and in a `db.reading` session without the writers' lock."""
    query = select(Job.id).where(Job.state == JobState.QUEUED, Job.kind.in_(tuple(kinds))).limit(1)
    return session.execute(query).first() is not None


def queue(now: datetime, kinds: Iterable[JobKind] = ALL_KINDS) -> Select[Any]:
    """Select the ids of waiting jobs in the order in which they will be claimed.

    A racer's k-th waiting job comes as late as if k more of his jobs were already running: claims follow
    this order step by step, so a place counted from it is the true one.
    """
    recent = Job.claimed_at > now - FAIR_SHARE_WINDOW
    load = (
        select(Job.racer_id, Job.kind, func.count().label("jobs"))
        .where(recent | (Job.state == JobState.CLAIMED))
        .group_by(Job.racer_id, Job.kind)
        .subquery()
    )
    before = func.row_number().over(
        partition_by=(Job.racer_id, Job.kind, Job.priority), order_by=(Job.created_at, Job.id)
    )
    turn = func.coalesce(load.c.jobs, 0) + before
    return (
        select(Job.id)
        .outerjoin(load, and_(load.c.racer_id == Job.racer_id, load.c.kind == Job.kind))
        .where(Job.state == JobState.QUEUED, Job.kind.in_(tuple(kinds)))
        .order_by(Job.priority.desc(), turn, Job.created_at, Job.id)
    )


def renew(session: Session, lease: Lease, now: datetime, lease_s: float) -> None:
    """Say that the work goes on: the lease lasts `lease_s` seconds from now. Raises StaleLease."""
    _change(session, lease, lease_until=now + timedelta(seconds=lease_s))


def checkpoint(session: Session, lease: Lease, key: str, now: datetime) -> None:
    """Keep the artifact from which the next attempt can go on, if there is one. Raises StaleLease."""
    _change(session, lease, checkpoint_key=key)


def hold(session: Session, lease: Lease) -> None:
    """Make sure that the lease is still ours before writing under it. Raises StaleLease."""
    _change(session, lease, state=JobState.CLAIMED)


def is_held(session: Session, lease: Lease) -> bool:
    """Whether the lease is still the newest of a claimed job; changes nothing."""
    return session.execute(select(Job.id).where(*_held(lease))).first() is not None


def finish(session: Session, lease: Lease, now: datetime, result: Json | None = None) -> None:
    """End a job: its result stands from now on. Raises StaleLease."""
    _change(
        session,
        lease,
        state=JobState.DONE,
        finished_at=now,
        lease_until=None,
        checkpoint_key=None,
        result=None if result is None else storable_json(result),
    )


def finish_check(session: Session, lease: Lease, result: Json, now: datetime) -> None:
    """End a check with its result (ok, verdict, message, line, rewards, ...) and tell. Raises StaleLease.

    The files are dropped: checks are many, and a draft is nobody's business once it has its verdict.
    """
    finish(session, lease, now, result)
    session.execute(update(Job).where(Job.id == lease.job_id).values(payload={}))
    shown = {key: result.get(key) for key in ("ok", "verdict", "message", "line")}
    _tell_check(session, lease.job_id, lease.racer_id, shown, now)


def release(session: Session, lease: Lease, now: datetime) -> None:
    """Give work back in order, as on SIGTERM: queued again, nothing is counted. Raises StaleLease."""
    _change(session, lease, state=JobState.QUEUED, lease_until=None, worker=None, claimed_at=None)
    if lease.submission_id is not None:
        transitions.requeued(session, lease.submission_id, "The worker was stopped in order.", now)


def fault(session: Session, lease: Lease, message: str, now: datetime) -> bool:
    """Report that our side failed: queued again, or stalled after MAX_FAULTS; return whether it stalled.

    Costs the entrant nothing. Raises StaleLease.
    """
    hold(session, lease)
    job = session.get_one(Job, lease.job_id, populate_existing=True)
    return _count_fault(session, job, message, now)


def reap_expired(session: Session, now: datetime) -> list[int]:
    """Take work back from workers that went silent; return the ids of the jobs.

    Each in a savepoint: a job that contradicts its submission must not keep the others with dead workers.
    """
    db.take_turn(session)
    is_over = or_(Job.lease_until < now, Job.lease_until > now + LONGEST_LEASE)
    expired = select(Job).where(Job.state == JobState.CLAIMED, is_over).order_by(Job.id)
    jobs = list(session.execute(expired, execution_options={"populate_existing": True}).scalars())
    ids = [job.id for job in jobs]
    for job_id, job in zip(ids, jobs, strict=True):
        try:
            with session.begin_nested():
                _count_fault(session, job, f"The worker {job.worker} went silent.", now)
        except WrongState as error:
            _follow_submission(session, job_id, error, now)
    return ids


def _follow_submission(session: Session, job_id: int, error: WrongState, now: datetime) -> None:
    """Set a job right that contradicts its submission: what people see of it is the submission."""
    log.warning("Job %d contradicts its submission and follows it from now on. %s", job_id, error.message)
    job = session.get_one(Job, job_id, populate_existing=True)
    submission = session.get_one(Submission, job.submission_id, populate_existing=True)
    if submission.state in RUNNING:
        transitions.requeued(session, submission.id, "The queue had lost it.", now)
    waits = submission.state is SubmissionState.QUEUED
    job.state = JobState.QUEUED if waits else JobState.CANCELLED
    job.finished_at = None if waits else now
    job.lease_until = None
    session.flush()


def cancel(session: Session, submission_id: str, now: datetime) -> None:
    """Take a submission's job away from the queue, or from the worker that has it."""
    session.execute(
        update(Job)
        .where(Job.submission_id == submission_id, Job.state.in_((JobState.QUEUED, JobState.CLAIMED)))
        .values(state=JobState.CANCELLED, finished_at=now, lease_until=None, checkpoint_key=None)
    )


def withdraw_check(session: Session, job_id: int, now: datetime) -> None:
    """Take away a check that nobody waits for any longer, unless a worker has begun it."""
    waiting = (Job.id == job_id, Job.kind == JobKind.CHECK, Job.state == JobState.QUEUED)
    session.execute(update(Job).where(*waiting).values(state=JobState.CANCELLED, finished_at=now))


def restart(session: Session, submission_id: str) -> None:
    """Give a stalled job three new chances from the beginning; the attempt number goes on, so old writers
    stay fenced.
    """
    session.execute(
        update(Job)
        .where(Job.submission_id == submission_id, Job.state == JobState.STALLED)
        .values(state=JobState.QUEUED, faults=0, finished_at=None, checkpoint_key=None)
    )


def _held(lease: Lease) -> tuple[ColumnElement[bool], ...]:
    return Job.id == lease.job_id, Job.attempt == lease.attempt, Job.state == JobState.CLAIMED


def _change(session: Session, lease: Lease, **values: Any) -> None:
    """Change the job if the lease is still the newest; the one place where late writers are fenced off."""
    changed = session.execute(update(Job).where(*_held(lease)).values(**values))
    assert isinstance(changed, CursorResult)
    if changed.rowcount == 1:
        return
    job = session.get(Job, lease.job_id, populate_existing=True)
    if job is None:
        raise NotFound(f"There is no job {lease.job_id}.")
    raise StaleLease(
        f"Expected job {job.id} to be claimed by {lease.worker} with attempt {lease.attempt}, but it is "
        f"{job.state} with attempt {job.attempt}. Stop this work and write nothing: it is somebody else's."
    )


def _count_fault(session: Session, job: Job, message: str, now: datetime) -> bool:
    job.faults += 1
    job.lease_until = None
    stalled = job.faults >= MAX_FAULTS
    job.state = JobState.STALLED if stalled else JobState.QUEUED
    job.finished_at = now if stalled else None
    session.flush()
    if job.submission_id is not None and stalled:
        transitions.stalled(session, job.submission_id, message, now, job.faults)
    elif job.submission_id is not None:
        transitions.requeued(session, job.submission_id, message, now)
    elif stalled:
        sentence = f"{message} This is our fault, not yours. Please try again."
        job.result = {"ok": False, "verdict": "unavailable", "message": sentence, "line": None}
        _tell_check(session, job.id, job.racer_id, job.result, now)
    return stalled


def _tell_check(session: Session, job_id: int, racer_id: int, result: Json, now: datetime) -> None:
    payload = {"job_id": job_id, **result}
    events.append(session, "check.finished", Subject(racer_id=racer_id), at=now, payload=payload)
