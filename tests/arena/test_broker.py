"""Celery and a real Redis: messages may be lost, doubled or late, and every job is done once all the same."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from kombu.exceptions import OperationalError
from redis import Redis
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from arena.broker import Dispatcher
from arena.league import db, jobs, submissions, workers
from arena.league.models import Job, Lap, Race, Racer, Submission, Trial
from arena.league.states import Hardware, JobState, SubmissionState
from arena.league.submissions import Entry
from arena.league.workers import Offer
from tests import services
from tests.conftest import Cast, Clock
from tests.driving import SOURCE, enter

Sent = list[tuple[int, str]]


class Seconds:
    """A clock for the dispatcher."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def sent() -> Sent:
    return []


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def dispatcher(engine: Engine, sent: Sent, seconds: Seconds) -> Dispatcher:
    """A dispatcher whose messages go into a list."""
    return Dispatcher(engine, lambda job_id, queue: sent.append((job_id, queue)), seconds)


def job_of(engine: Engine, submission: Submission) -> int:
    with db.reading(engine) as session:
        return session.execute(select(Job.id).where(Job.submission_id == submission.id)).scalar_one()


def entered(engine: Engine, race: Race, racer: Racer, now: datetime) -> Submission:
    with db.transaction(engine) as session:
        return enter(session, race, racer, now)


def test_each_waiting_job_is_sent_once_and_again_only_after_a_while(
    engine: Engine, dispatcher: Dispatcher, sent: Sent, seconds: Seconds, race: Race, cast: Cast, clock: Clock
) -> None:
    first = entered(engine, race, cast.ann, clock.now)
    assert [dispatcher.once(), dispatcher.once()] == [1, 0]
    entered(engine, race, cast.ben, clock.tick())
    assert dispatcher.once() == 1
    assert sent[0] == (job_of(engine, first), "arena.cpu")
    seconds.now += 30
    assert dispatcher.once() == 2


def test_a_job_that_comes_back_is_sent_at_once(
    engine: Engine, dispatcher: Dispatcher, race: Race, cast: Cast
) -> None:
    now = datetime.now(UTC)
    entered(engine, race, cast.ann, now)
    dispatcher.once()
    with db.transaction(engine) as session:
        lease = jobs.claim(session, "worker", now, 30)
        assert lease is not None
    assert dispatcher.once() == 0
    with db.transaction(engine) as session:
        jobs.release(session, lease, now)
    assert dispatcher.once() == 1


def test_messages_go_to_the_workers_that_can_do_the_job(
    engine: Engine, dispatcher: Dispatcher, sent: Sent, race: Race, cast: Cast
) -> None:
    now = datetime.now(UTC)
    with db.transaction(engine) as session:
        ann, ben = (session.get_one(Racer, racer.id) for racer in (cast.ann, cast.ben))
        jobs.request_check(session, ann, {"source": SOURCE}, now)
        wants_gpu = Entry(SOURCE, needs=Hardware.GPU)
        submissions.submit(session, session.get_one(Race, race.id), ben, wants_gpu, now)
    dispatcher.once()
    assert [queue for _, queue in sent] == ["arena.check", "arena.cpu"]
    sent.clear()
    with db.transaction(engine) as session:
        workers.report(session, Offer("strong", "1", (Hardware.CPU, Hardware.GPU)), now)
    dispatcher._sent.clear()
    dispatcher.once()
    assert [queue for _, queue in sent] == ["arena.check", "arena.gpu"]


def test_a_broker_that_is_gone_costs_no_message(
    engine: Engine, sent: Sent, seconds: Seconds, race: Race, cast: Cast, clock: Clock
) -> None:
    is_gone = True

    def send(job_id: int, queue: str) -> None:
        if is_gone:
            raise OperationalError("connection refused")
        sent.append((job_id, queue))

    dispatcher = Dispatcher(engine, send, seconds)
    entered(engine, race, cast.ann, clock.now)
    with pytest.raises(OperationalError):
        dispatcher.once()
    is_gone = False
    assert dispatcher.once() == 1


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    try:
        with services.redis() as (_, url):
            yield url
    except services.NotInstalledError as reason:
        services.require(reason)


class Site:
    """A dispatcher and a Celery worker as processes on the test's own database and Redis."""

    def __init__(self, folder: Path, engine: Engine, redis_url: str) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ARENA_")}
        self.environment = kept | {
            "ARENA_DATA_DIR": str(folder),
            "ARENA_DATABASE_URL": engine.url.render_as_string(hide_password=False),
            "ARENA_BROKER_URL": redis_url,
        }
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen([sys.executable, "-m", "arena", *arguments], env=self.environment)
        self.processes.append(process)
        return process

    def end(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()


@pytest.fixture
def site(engine: Engine, tmp_path: Path, redis_url: str) -> Iterator[Site]:
    Redis.from_url(redis_url).flushall()
    site = Site(tmp_path, engine, redis_url)
    yield site
    site.end()


def until(engine: Engine, count: int, within_s: float = 60.0) -> None:
    """Wait until so many submissions have ended."""
    deadline = time.monotonic() + within_s
    over = (SubmissionState.RECORDED, SubmissionState.REJECTED, SubmissionState.STALLED)
    while True:
        with db.reading(engine) as session:
            ended = session.execute(
                select(func.count()).select_from(Submission).where(Submission.state.in_(over))
            ).scalar_one()
        if ended >= count:
            return
        assert time.monotonic() < deadline, f"{ended} of {count} have ended"
        time.sleep(0.1)


def counts(session: Session) -> tuple[int, ...]:
    return tuple(
        session.execute(select(func.count()).select_from(table)).scalar_one()
        for table in (Submission, Trial, Lap)
    )


def test_jobs_are_done_once_though_messages_are_lost_doubled_and_late(
    engine: Engine, site: Site, race: Race, cast: Cast, redis_url: str
) -> None:
    """The queue of Redis is emptied under the worker, then every number is sent three times."""
    from arena import broker

    now = datetime.now(UTC)
    people = (cast.ann, cast.ben, cast.cleo)
    with db.transaction(engine) as session:
        live = session.get_one(Race, race.id)
        live.opens_at, live.closes_at = now.replace(year=2020), now.replace(year=2040)
        live.season.opens_at, live.season.closes_at = live.opens_at, live.closes_at
    made = [entered(engine, race, person, now) for person in people]
    site.start("dispatch")
    time.sleep(2.0)
    Redis.from_url(redis_url).flushall()  # lost
    worker = site.start("worker", "--celery", "--name", "carried")
    broker.app.conf.broker_url = redis_url
    for submission in made * 3:  # doubled, and late for all but the first
        broker.send(job_of(engine, submission), "arena.cpu")
    until(engine, 3)
    made.append(entered(engine, race, cast.sam, datetime.now(UTC)))  # carried by the dispatcher alone
    until(engine, 4)
    with db.reading(engine) as session:
        assert counts(session)[:2] == (4, 4)
        assert {job.state for job in session.scalars(select(Job))} == {JobState.DONE}
        assert {job.attempt for job in session.scalars(select(Job))} == {1}
        assert [worker.name for worker in workers.trainers(session, datetime.now(UTC))] == ["carried"]
    with db.transaction(engine) as session:  # an outdated worker ends itself, by the same SIGTERM
        workers.report(session, Offer("newer", "99.0", (Hardware.CPU,), trains=True), datetime.now(UTC))
    assert worker.wait(20) == 2
