"""Ways to get a result onto a board in a test: the league's own verbs, in a worker's order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from arena.league import jobs, results, submissions
from arena.league.jobs import Lease
from arena.league.models import Job, Race, Racer, Submission, Trial
from arena.league.results import LapResult, TrialResult
from arena.league.states import JobState
from arena.league.submissions import Entry

SOURCE = "def reward_function(params):\n    return 1.0\n"
KEY = "ab" * 32


def enter(session: Session, race: Race, racer: Racer, now: datetime) -> Submission:
    """Submit the simplest reward function."""
    return submissions.submit(
        session, session.get_one(Race, race.id), session.get_one(Racer, racer.id), Entry(SOURCE), now
    )


def claim(session: Session, now: datetime, worker: str = "worker-1") -> Lease:
    """Claim the next job, which must exist."""
    lease = jobs.claim(session, worker, now, lease_s=30)
    assert lease is not None
    return lease


def claim_of(session: Session, submission: Submission, now: datetime) -> Lease:
    """Claim the job of one submission, whatever else waits."""
    others = select(Job).where(Job.state == JobState.QUEUED, Job.submission_id != submission.id)
    waiting = list(session.execute(others).scalars())
    for job in waiting:
        job.state = JobState.CANCELLED
    session.flush()
    lease = claim(session, now)
    for job in waiting:
        job.state = JobState.QUEUED
    session.flush()
    return lease


def to_the_start(session: Session, lease: Lease, now: datetime) -> None:
    """Train, and bring the car to the start."""
    submissions.mark_training(session, lease, now)
    submissions.mark_racing(session, lease, now)


def drive_of(lap_times_ms: Sequence[int]) -> TrialResult:
    """A clean drive with these laps."""
    return TrialResult(
        laps=tuple(LapResult(ms) for ms in lap_times_ms),
        total_time_ms=sum(lap_times_ms),
        off_track_count=0,
        reset_count=0,
        finished=len(lap_times_ms) == 3,
        ended_by="laps" if len(lap_times_ms) == 3 else "time_up",
        trace_key=KEY,
        policy_key=KEY,
        continuation_key=KEY,
        versions={"rules": "1", "car": "classic-1"},
    )


def result(
    session: Session,
    race: Race,
    racer: Racer,
    lap_times_ms: Sequence[int],
    now: datetime,
    *,
    suspicious_laps: tuple[int, ...] = (),
) -> Trial:
    """Take a new submission all the way to its recorded trial; with suspicious laps it is held."""
    lease = claim_of(session, enter(session, race, racer, now), now)
    to_the_start(session, lease, now)
    drive = replace(drive_of(lap_times_ms), suspicious_laps=suspicious_laps)
    return results.record_trial(session, lease, drive, now)


def total(session: Session, race: Race, racer: Racer, official_ms: int, now: datetime) -> Trial:
    """Record three laps that add up to an official time under the total timing."""
    third = official_ms // 3
    return result(session, race, racer, (third, third, official_ms - 2 * third), now)
