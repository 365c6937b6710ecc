"""The lease table: claims, leases, faults, and the order of the queue."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import Counter
from datetime import datetime
from multiprocessing.queues import Queue

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from arena.league import db, events, jobs, results, submissions
from arena.league.errors import StaleLease
from arena.league.jobs import Lease
from arena.league.models import Job, Lap, Race, Racer, Submission, Trial
from arena.league.states import JobKind, JobState, SubmissionState
from arena.league.submissions import Rejection
from tests.conftest import Cast, Clock
from tests.driving import SOURCE, claim, drive_of, enter, to_the_start


def names_of(session: Session, submission: Submission) -> list[str]:
    """The events of a submission, without badges."""
    log = events.read_after(session, 0, submission_id=submission.id)
    return [entry.name for entry in log if entry.name != "badge.awarded"]


def test_nothing_waits_in_an_empty_queue(session: Session, now: datetime) -> None:
    assert not jobs.waiting(session)
    assert jobs.claim(session, "worker", now, 30) is None


def test_a_claim_takes_the_job_and_its_submission(
    session: Session, race: Race, cast: Cast, now: datetime
) -> None:
    submission = enter(session, race, cast.ann, now)
    lease = claim(session, now)
    assert (lease.submission_id, lease.attempt, lease.kind) == (submission.id, 1, JobKind.TRAIN)
    assert (submission.state, submission.started_at) == (SubmissionState.CLAIMED, now)
    assert jobs.claim(session, "worker-2", now, 30) is None


def test_checks_go_before_trainings(session: Session, race: Race, cast: Cast, clock: Clock) -> None:
    enter(session, race, cast.ann, clock.now)
    ben = session.get_one(Racer, cast.ben.id)
    check = jobs.request_check(session, ben, {"source": SOURCE}, clock.tick())
    assert claim(session, clock.tick()).job_id == check.id
    assert claim(session, clock.tick()).kind is JobKind.TRAIN


def test_a_worker_may_take_checks_only(session: Session, race: Race, cast: Cast, now: datetime) -> None:
    enter(session, race, cast.ann, now)
    assert jobs.claim(session, "worker", now, 30, [JobKind.CHECK]) is None


def test_racers_take_turns(session: Session, race: Race, cast: Cast, clock: Clock) -> None:
    """Ann enters three cars, then Ben and Cleo one each: nobody waits for all of Ann's."""
    for person in (cast.ann, cast.ann, cast.ann, cast.ben, cast.cleo):
        enter(session, race, person, clock.tick())
    claimed = [claim(session, clock.tick()).racer_id for _ in range(5)]
    assert claimed == [person.id for person in (cast.ann, cast.ben, cast.cleo, cast.ann, cast.ann)]


def test_the_shown_places_are_the_order_of_the_claims(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    people = (cast.ann, cast.ann, cast.ben, cast.ann, cast.cleo, cast.ben)
    entered = [enter(session, race, person, clock.tick()) for person in people]
    claim(session, clock.tick())
    places = {s.id: submissions.queue_place(session, s, clock.now) for s in entered[1:]}
    shown = sorted(places, key=lambda public_id: places[public_id].place)  # type: ignore[union-attr]
    assert [claim(session, clock.tick()).submission_id for _ in range(5)] == shown


def test_a_turn_long_ago_is_forgotten(session: Session, race: Race, cast: Cast, clock: Clock) -> None:
    first = enter(session, race, cast.ann, clock.tick())
    lease = claim(session, clock.tick())
    submissions.reject(session, lease, Rejection("runtime", "It failed."), clock.tick())
    clock.tick(jobs.FAIR_SHARE_WINDOW.total_seconds() + 60)
    second = enter(session, race, cast.ann, clock.tick())
    enter(session, race, cast.ben, clock.tick())
    assert first.state is SubmissionState.REJECTED
    assert claim(session, clock.tick()).submission_id == second.id


def test_a_renewed_lease_is_not_reaped(session: Session, race: Race, cast: Cast, clock: Clock) -> None:
    enter(session, race, cast.ann, clock.now)
    lease = claim(session, clock.now)
    clock.tick(20)
    jobs.renew(session, lease, clock.now, 30)
    assert jobs.reap_expired(session, clock.tick(20)) == []
    assert jobs.reap_expired(session, clock.tick(20)) == [lease.job_id]


def test_a_silent_workers_submission_waits_again(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    submission = enter(session, race, cast.ann, clock.now)
    claim(session, clock.now)
    jobs.reap_expired(session, clock.tick(31))
    assert (submission.state, submission.started_at) == (SubmissionState.QUEUED, None)
    assert names_of(session, submission)[-1] == "submission.requeued"
    assert claim(session, clock.tick(), "worker-2").attempt == 2


@pytest.mark.parametrize(
    ("shown", "left"),
    [
        (SubmissionState.RECORDED, JobState.CANCELLED),
        (SubmissionState.STALLED, JobState.CANCELLED),
        (SubmissionState.QUEUED, JobState.QUEUED),
    ],
)
def test_a_job_that_contradicts_its_submission_does_not_stop_the_reaper(
    session: Session,
    race: Race,
    cast: Cast,
    clock: Clock,
    shown: SubmissionState,
    left: JobState,
) -> None:
    """As after a repair by hand: the job is at work, its submission is not."""
    broken, fine = (enter(session, race, person, clock.tick()) for person in (cast.ann, cast.cleo))
    lease, _ = claim(session, clock.now), claim(session, clock.now)
    broken.state = shown
    assert len(jobs.reap_expired(session, clock.tick(31))) == 2
    assert (fine.state, broken.state) == (SubmissionState.QUEUED, shown)
    assert session.get_one(Job, lease.job_id).state is left
    assert jobs.reap_expired(session, clock.tick(31)) == []
    assert "submission.requeued" not in names_of(session, broken)


@pytest.mark.parametrize(
    ("shown", "left"),
    [
        (SubmissionState.RECORDED, JobState.CANCELLED),
        (SubmissionState.TRAINING, JobState.QUEUED),
    ],
)
def test_a_job_that_contradicts_its_submission_does_not_block_the_queue(
    session: Session,
    race: Race,
    cast: Cast,
    clock: Clock,
    shown: SubmissionState,
    left: JobState,
) -> None:
    broken, fine = (enter(session, race, person, clock.tick()) for person in (cast.ann, cast.cleo))
    broken.state = shown
    session.flush()
    assert jobs.claim(session, "worker", clock.tick(), 30) is None
    job = session.execute(select(Job).where(Job.submission_id == broken.id)).scalar_one()
    assert job.state is left
    taken = {claim(session, clock.tick()).submission_id for _ in range(1 + (left is JobState.QUEUED))}
    assert fine.id in taken
    assert broken.state is (SubmissionState.CLAIMED if left is JobState.QUEUED else shown)


def test_after_three_faults_it_stalls_and_costs_no_try(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    submission = enter(session, race, cast.ann, clock.now)
    for _ in range(jobs.MAX_FAULTS):
        claim(session, clock.tick())
        jobs.reap_expired(session, clock.tick(31))
    assert submission.state is SubmissionState.STALLED
    log = events.read_after(session, 0, submission_id=submission.id)
    assert log[-1].name == "submission.stalled"
    assert log[-1].payload["final"] is True
    assert submissions.tries_left(session, race, cast.ann) == race.max_submissions
    assert jobs.claim(session, "worker", clock.tick(), 30) is None


def test_olga_sends_a_stalled_submission_round_again(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    submission = enter(session, race, cast.ann, clock.now)
    for _ in range(jobs.MAX_FAULTS):
        jobs.fault(session, claim(session, clock.tick()), "The disk is full.", clock.tick())
    submissions.requeue(session, submission, by=cast.olga, now=clock.tick())
    assert (submission.state, submission.verdict) == (SubmissionState.QUEUED, None)
    assert claim(session, clock.tick()).attempt == jobs.MAX_FAULTS + 1


def test_released_work_counts_no_fault_however_often(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    submission = enter(session, race, cast.ann, clock.now)
    for _ in range(jobs.MAX_FAULTS + 2):
        jobs.release(session, claim(session, clock.tick()), clock.tick())
    assert submission.state is SubmissionState.QUEUED
    assert session.execute(select(Job.faults)).scalar_one() == 0


def late_writes(session: Session, lease: Lease, now: datetime) -> None:
    """Try every write of a worker and expect each to be fenced off."""
    with pytest.raises(StaleLease):
        jobs.renew(session, lease, now, 30)
    with pytest.raises(StaleLease):
        jobs.finish(session, lease, now)
    with pytest.raises(StaleLease):
        jobs.release(session, lease, now)
    with pytest.raises(StaleLease):
        jobs.fault(session, lease, "late", now)
    with pytest.raises(StaleLease):
        submissions.mark_training(session, lease, now)
    with pytest.raises(StaleLease):
        submissions.report_progress(session, lease, {}, now)
    with pytest.raises(StaleLease):
        submissions.reject(session, lease, Rejection("runtime", "late"), now)
    with pytest.raises(StaleLease):
        results.record_trial(session, lease, drive_of([9_000] * 3), now)


def test_a_late_writer_is_fenced_off_everywhere(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    submission = enter(session, race, cast.ann, clock.now)
    late = claim(session, clock.now)
    jobs.reap_expired(session, clock.tick(31))
    late_writes(session, late, clock.now)
    current = claim(session, clock.tick(), "worker-2")
    late_writes(session, late, clock.now)
    to_the_start(session, current, clock.tick())
    results.record_trial(session, current, drive_of([9_000] * 3), clock.tick())
    late_writes(session, late, clock.now)
    late_writes(session, current, clock.now)
    assert names_of(session, submission).count("submission.recorded") == 1
    assert len(session.execute(select(Trial)).all()) == 1
    assert len(session.execute(select(Lap)).all()) == 3


def test_even_the_same_worker_is_fenced_off_from_its_own_lost_attempt(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    enter(session, race, cast.ann, clock.now)
    lost = claim(session, clock.now)
    jobs.release(session, lost, clock.tick())
    again = claim(session, clock.tick())
    assert again.worker == lost.worker
    with pytest.raises(StaleLease, match="attempt 2"):
        jobs.renew(session, lost, clock.tick(), 30)


def test_a_cancelled_submission_stops_its_worker(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    submission = enter(session, race, cast.ann, clock.now)
    lease = claim(session, clock.now)
    submissions.cancel(session, submission, by=cast.ann, now=clock.tick())
    late_writes(session, lease, clock.tick())
    assert jobs.reap_expired(session, clock.tick(60)) == []


def test_a_check_ends_with_its_result_and_its_event(session: Session, cast: Cast, clock: Clock) -> None:
    ann = session.get_one(Racer, cast.ann.id)
    job = jobs.request_check(session, ann, {"source": "bad\x00"}, clock.now)
    lease = claim(session, clock.tick())
    result = {"ok": False, "verdict": "syntax", "message": "Line 1.", "line": 1, "rewards": [float("nan")]}
    jobs.finish_check(session, lease, result, clock.tick())
    assert (job.state, job.result) == (JobState.DONE, {**result, "rewards": [None]})
    assert (lease.payload, job.payload) == ({"source": "bad\ufffd"}, {})
    [told] = events.read_after(session, 0, names=["check.finished"])
    assert told.racer == "ann"
    assert told.payload == {
        "job_id": job.id,
        "ok": False,
        "verdict": "syntax",
        "message": "Line 1.",
        "line": 1,
    }


def test_a_check_that_we_lose_three_times_says_so(session: Session, cast: Cast, clock: Clock) -> None:
    job = jobs.request_check(session, session.get_one(Racer, cast.ann.id), {"source": SOURCE}, clock.now)
    for _ in range(jobs.MAX_FAULTS):
        claim(session, clock.tick())
        jobs.reap_expired(session, clock.tick(31))
    assert job.state is JobState.STALLED
    assert job.result is not None
    assert job.result["verdict"] == "unavailable"
    assert "our fault" in job.result["message"]


def test_the_expected_wait_is_learned_from_results(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    enter(session, race, cast.ann, clock.now)
    lease = claim(session, clock.now)
    to_the_start(session, lease, clock.tick(5))
    results.record_trial(session, lease, drive_of([9_000] * 3), clock.tick(5))
    entered = [enter(session, race, person, clock.tick()) for person in (cast.ben, cast.cleo, cast.ann)]
    waits = [submissions.queue_place(session, s, clock.now) for s in entered]
    assert [(w.place, w.expected_wait_s) for w in waits if w] == [(1, 0.0), (2, 10.0), (3, 20.0)]


def die_while_recording(url: str, at: datetime) -> None:
    """A worker process that is killed after its last write and before its commit."""
    engine = db.connect(url)
    with db.transaction(engine) as session:
        lease = claim(session, at)
        to_the_start(session, lease, at)
    with db.transaction(engine) as session:
        results.record_trial(session, lease, drive_of([9_000] * 3), at)
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_killed_while_recording_leaves_nothing_and_its_job_comes_back(
    engine: Engine, race: Race, cast: Cast, clock: Clock
) -> None:
    with db.transaction(engine) as session:
        submission = enter(session, race, cast.ann, clock.now)
    url = engine.url.render_as_string(hide_password=False)
    process = multiprocessing.get_context("spawn").Process(target=die_while_recording, args=(url, clock.now))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    with db.transaction(engine) as session:
        assert session.execute(select(Trial)).all() == []
        assert names_of(session, submission)[-1] == "submission.racing"
        jobs.reap_expired(session, clock.tick(31))
        lease = claim(session, clock.tick(), "worker-2")
        to_the_start(session, lease, clock.now)
        results.record_trial(session, lease, drive_of([9_000] * 3), clock.tick())
        assert names_of(session, submission).count("submission.recorded") == 1


def work_through(url: str, name: str, recorded: Queue[tuple[str, int]]) -> None:
    """A worker process: claim and finish until nothing waits."""
    engine = db.connect(url)
    now = datetime.fromisoformat("2026-11-23T13:00:00+00:00")
    while True:
        with db.transaction(engine) as session:
            lease = jobs.claim(session, name, now, 600)
        if lease is None:
            break
        with db.transaction(engine) as session:
            jobs.finish_check(session, lease, {"ok": True}, now)
        recorded.put((name, lease.job_id))
    recorded.put((name, 0))


def test_four_processes_claim_every_job_exactly_once(engine: Engine, cast: Cast, now: datetime) -> None:
    number = 200
    with db.transaction(engine) as session:
        people = [session.get_one(Racer, p.id) for p in (cast.ann, cast.ben, cast.cleo)]
        for i in range(number):
            jobs.request_check(session, people[i % 3], {"source": SOURCE}, now)
    context = multiprocessing.get_context("spawn")
    recorded: Queue[tuple[str, int]] = context.Queue()
    url = engine.url.render_as_string(hide_password=False)
    workers = [context.Process(target=work_through, args=(url, f"w{i}", recorded)) for i in range(4)]
    for worker in workers:
        worker.start()
    claims, running = [], len(workers)
    while running:
        _, job_id = recorded.get(timeout=60)
        claims.append(job_id)
        running -= job_id == 0
    for worker in workers:
        worker.join()
    assert Counter(job_id for job_id in claims if job_id) == Counter(range(1, number + 1))
    with db.reading(engine) as session:
        assert {tuple(row) for row in session.execute(select(Job.state, Job.attempt))} == {(JobState.DONE, 1)}
        log = events.read_after(session, 0, 1_000, names=["check.finished"])
    assert sorted(entry.payload["job_id"] for entry in log) == list(range(1, number + 1))


def test_the_next_attempt_goes_on_from_the_checkpoint(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    enter(session, race, cast.ann, clock.now)
    lost = claim(session, clock.tick())
    assert lost.checkpoint_key is None
    jobs.checkpoint(session, lost, "ab" * 32, clock.tick())
    jobs.release(session, lost, clock.tick())
    again = claim(session, clock.tick())
    assert again.checkpoint_key == "ab" * 32
    with pytest.raises(StaleLease):
        jobs.checkpoint(session, lost, "cd" * 32, clock.tick())


def test_what_is_over_or_begins_from_the_beginning_has_no_checkpoint(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    for end in ("finish", "cancel"):
        submission = enter(session, race, cast.ann, clock.tick())
        lease = claim(session, clock.tick())
        jobs.checkpoint(session, lease, "ab" * 32, clock.tick())
        if end == "finish":
            jobs.finish(session, lease, clock.tick())
        else:
            jobs.cancel(session, submission.id, clock.tick())
        session.expire_all()
        assert session.get_one(Job, lease.job_id).checkpoint_key is None
