"""A clock that jumps by hours loses no submission and announces nothing twice."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine

from arena.league import db, events, jobs, submissions, workers
from arena.league.models import Race, Submission
from arena.league.seasons import keep_calendar
from arena.league.states import SubmissionState
from arena.league.workers import Offer
from tests.conftest import Cast, Clock
from tests.driving import claim, enter

HOURS = timedelta(hours=5)


def test_the_work_of_a_dead_worker_comes_back_though_the_clock_went_back(
    engine: Engine, race: Race, cast: Cast, clock: Clock
) -> None:
    with db.transaction(engine) as session:
        made = enter(session, race, cast.ann, clock.now)
        claim(session, clock.now + HOURS)
        assert jobs.reap_expired(session, clock.tick()) != []
        assert session.get_one(Submission, made.id, populate_existing=True).state is SubmissionState.QUEUED


def test_a_living_worker_keeps_its_work_when_it_renews_after_the_clock_went_back(
    engine: Engine, race: Race, cast: Cast, clock: Clock
) -> None:
    with db.transaction(engine) as session:
        enter(session, race, cast.ann, clock.now)
        lease = claim(session, clock.now + HOURS)
        jobs.renew(session, lease, clock.now, 30)
        assert jobs.reap_expired(session, clock.tick()) == []


def test_a_clock_that_goes_forward_costs_an_attempt_and_no_try(
    engine: Engine, race: Race, cast: Cast, clock: Clock
) -> None:
    with db.transaction(engine) as session:
        made = enter(session, race, cast.ann, clock.now)
        old = claim(session, clock.now)
        later = clock.now + HOURS
        assert jobs.reap_expired(session, later) == [old.job_id]
        new = claim(session, later, "worker-2")
        assert (new.job_id, new.attempt) == (old.job_id, old.attempt + 1)
        assert not jobs.is_held(session, old)
        own = session.get_one(Race, race.id)
        assert submissions.tries_left(session, own, cast.ann) == own.max_submissions - 1
        assert session.get_one(Submission, made.id).state is not SubmissionState.STALLED


def test_a_dead_worker_is_not_thought_alive_for_hours_after_the_clock_went_back(
    engine: Engine, clock: Clock
) -> None:
    with db.transaction(engine) as session:
        workers.report(session, Offer("ghost", "1.0.0"), clock.now + HOURS)
        assert workers.trainers(session, clock.now) == []


def test_the_calendar_closes_a_race_once_though_the_clock_jumps(
    engine: Engine, race: Race, cast: Cast, clock: Clock
) -> None:
    after = race.closes_at + HOURS
    for moment in (clock.now, after, clock.now, after):
        with db.transaction(engine) as session:
            keep_calendar(session, moment)
    with db.reading(engine) as session:
        names = [entry.name for entry in events.read_after(session, 0, limit=1_000)]
        assert session.get_one(Race, race.id).closed_at is not None
    assert (names.count("race.opened"), names.count("race.closed")) == (1, 1)
