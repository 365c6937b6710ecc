"""Workers report in; the queue keeps one free for live events and gives jobs to machines that suit them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from arena.league import db, jobs, seasons, submissions, workers
from arena.league.errors import Outdated, TooManyWaiting
from arena.league.models import Job, Race, Racer, Season, Submission
from arena.league.plans import RacePlan, columns_of
from arena.league.states import Hardware, JobKind
from arena.league.submissions import Entry
from arena.league.workers import Offer
from tests.conftest import Cast, Clock
from tests.driving import SOURCE, claim, enter, result

PLAN = RacePlan(slug="live-final", title="Live final", track="oval", is_live=True, training_steps=10_000)


@pytest.fixture
def live(session: Session, season: Season, cast: Cast, now: datetime) -> Race:
    """A live event that is open."""
    return seasons.open_race(session, session.merge(season), PLAN, by=cast.olga, now=now)


def needing(session: Session, race: Race, racer: Racer, needs: Hardware, now: datetime) -> str:
    """Enter what wants a machine; return the submission's id."""
    entry = Entry(SOURCE, needs=needs)
    racer = session.get_one(Racer, racer.id)
    return submissions.submit(session, session.get_one(Race, race.id), racer, entry, now).id


def report(session: Session, *names: str, now: datetime, hardware: Hardware = Hardware.CPU) -> None:
    for name in names:
        workers.report(session, Offer(name, "1", (Hardware.CPU, hardware)), now)


def test_a_worker_is_there_while_it_reports_and_forgotten_after_a_day(session: Session, clock: Clock) -> None:
    report(session, "one", "two", now=clock.now)
    report(session, "one", now=clock.tick(50))
    assert [worker.name for worker in workers.trainers(session, clock.now)] == ["one", "two"]
    clock.tick(30)
    assert workers.count_trainers(session, clock.now) == 1
    report(session, "three", now=clock.tick(90_000))
    session.expire_all()
    assert session.get(workers.Worker, "one") is None
    workers.leave(session, "three")
    assert workers.count_trainers(session, clock.now) == 0


def test_a_worker_for_checks_is_no_trainer(session: Session, now: datetime) -> None:
    workers.report(session, Offer("checker", "1", trains=False), now)
    assert workers.trainers(session, now) == []


def test_entries_of_a_live_event_go_first(
    session: Session, race: Race, live: Race, cast: Cast, clock: Clock
) -> None:
    enter(session, race, cast.ann, clock.tick())
    second = enter(session, live, cast.ben, clock.tick())
    assert claim(session, clock.tick()).submission_id == second.id


def test_one_worker_is_kept_free_while_a_live_event_is_open(
    session: Session, race: Race, live: Race, cast: Cast, clock: Clock
) -> None:
    report(session, "one", "two", now=clock.now)
    for person in (cast.ann, cast.ben):
        enter(session, race, person, clock.tick())
    assert jobs.claim(session, "one", clock.tick(), 30) is not None
    assert jobs.claim(session, "two", clock.tick(), 30) is None
    final = enter(session, live, cast.cleo, clock.tick())
    lease = jobs.claim(session, "two", clock.tick(), 30)
    assert lease is not None
    assert lease.submission_id == final.id


def test_an_instant_check_does_not_wait_for_a_live_event(
    session: Session, race: Race, live: Race, cast: Cast, clock: Clock
) -> None:
    report(session, "one", "two", now=clock.now)
    enter(session, race, cast.ann, clock.tick())
    jobs.claim(session, "one", clock.tick(), 30)
    enter(session, race, cast.ben, clock.tick())
    jobs.request_check(session, session.get_one(Racer, cast.ben.id), {"source": SOURCE}, clock.tick())
    lease = jobs.claim(session, "two", clock.tick(), 30)
    assert lease is not None
    assert lease.kind is JobKind.CHECK


@pytest.mark.parametrize("reason", ["a single worker", "the event is over", "no event"])
def test_no_worker_idles_for_nothing(
    session: Session, race: Race, live: Race, cast: Cast, clock: Clock, reason: str
) -> None:
    report(session, "one", now=clock.now)
    if reason != "a single worker":
        report(session, "two", now=clock.now)
    if reason == "the event is over":
        live.closes_at = clock.now
    if reason == "no event":
        live.is_live = False
    session.flush()
    enter(session, race, cast.ann, clock.tick())
    enter(session, race, cast.ben, clock.tick())
    jobs.claim(session, "one", clock.tick(), 30)
    assert jobs.claim(session, "two", clock.tick(), 30) is not None


def test_what_wants_a_gpu_waits_for_one_and_the_rest_goes_anywhere(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    report(session, "plain", now=clock.now)
    report(session, "strong", now=clock.now, hardware=Hardware.GPU)
    wants = needing(session, race, cast.ann, Hardware.GPU, clock.tick())
    other = needing(session, race, cast.ben, Hardware.CPU, clock.tick())
    lease = jobs.claim(session, "plain", clock.tick(), 30)
    assert lease is not None
    assert lease.submission_id == other
    assert jobs.claim(session, "plain", clock.tick(), 30) is None
    lease = jobs.claim(session, "strong", clock.tick(), 30, hardware=(Hardware.CPU, Hardware.GPU))
    assert lease is not None
    assert lease.submission_id == wants


def test_without_any_gpu_at_work_nothing_waits_for_one(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    report(session, "plain", now=clock.now)
    report(session, "strong", now=clock.now - workers.ALIVE_FOR, hardware=Hardware.GPU)
    needing(session, race, cast.ann, Hardware.GPU, clock.tick())
    assert jobs.claim(session, "plain", clock.tick(), 30) is not None


def test_only_so_many_entries_of_a_racer_wait_at_once(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    own = session.get_one(Race, race.id)
    own.max_queued = 2
    first = enter(session, race, cast.ann, clock.tick())
    enter(session, race, cast.ann, clock.tick())
    with pytest.raises(TooManyWaiting, match="at most 2"):
        enter(session, race, cast.ann, clock.tick())
    enter(session, race, cast.ben, clock.tick())
    submissions.cancel(session, first, by=session.get_one(Racer, cast.ann.id), now=clock.tick())
    enter(session, race, cast.ann, clock.tick())


def test_the_wait_is_shared_among_the_workers_that_are_there(
    session: Session, race: Race, cast: Cast, clock: Clock
) -> None:
    started = clock.tick()
    result(session, race, cast.cleo, (9_000, 9_000, 9_000), started)
    finished = started + timedelta(seconds=20)
    for submission in session.query(Submission):
        submission.finished_at = finished
    waiting = [enter(session, race, person, clock.tick()) for person in (cast.ann, cast.ben, cast.cleo)]
    alone = submissions.queue_place(session, waiting[-1], clock.now)
    report(session, "one", "two", now=clock.now)
    shared = submissions.queue_place(session, waiting[-1], clock.now)
    assert alone is not None
    assert shared is not None
    assert alone.expected_wait_s == 2 * (shared.expected_wait_s or 0.0) > 0.0


def test_plans_say_whether_a_race_is_live(season: Season) -> None:
    assert columns_of(PLAN)["is_live"] is True
    assert columns_of(replace(PLAN, is_live=False, max_queued=7))["max_queued"] == 7


def test_a_job_says_what_it_wants(session: Session, race: Race, cast: Cast, now: datetime) -> None:
    submission = needing(session, race, cast.ann, Hardware.GPU, now)
    job = session.query(Job).filter_by(submission_id=submission).one()
    assert job.needs is Hardware.GPU


def test_a_worker_older_than_the_others_is_refused(session: Session, clock: Clock) -> None:
    workers.report(session, Offer("new", "0.10.1"), clock.now)
    with pytest.raises(Outdated, match="Update Apex Arena"):
        workers.report(session, Offer("old", "0.9.7"), clock.tick())
    workers.report(session, Offer("newest", "0.10.1.dev3"), clock.tick())
    clock.tick(workers.ALIVE_FOR.total_seconds() + 1)
    workers.report(session, Offer("old", "0.9.7"), clock.now)


def test_a_program_older_than_the_tables_is_refused(session: Session, now: datetime) -> None:
    session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Outdated, match="9999"):
        workers.report(session, Offer("old", "1"), now)
    session.commit()
    with pytest.raises(Outdated, match="newer Apex Arena"):
        db.upgrade(session.get_bind().engine)
    session.execute(text("UPDATE alembic_version SET version_num = :head"), {"head": max(db.revisions())})
    session.commit()
