"""A worker's pulse: it is seen while it lives, stops when it is outdated, and is ended when it hangs."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from arena.league import db, jobs, workers
from arena.league.errors import Outdated
from arena.league.models import Race
from arena.league.workers import Offer
from arena.presence import HUNG_EXIT, Presence, offer_of
from tests.conftest import Cast
from tests.driving import claim, enter

WORKER = Offer("worker-1", "1.2.0")


def names(engine: Engine) -> list[str]:
    with db.reading(engine) as session:
        return [worker.name for worker in workers.trainers(session, datetime.now(UTC))]


def eventually(is_true: Callable[[], bool], within_s: float = 10.0) -> None:
    deadline = time.monotonic() + within_s
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_worker_is_there_from_its_start_to_its_end(engine: Engine) -> None:
    with Presence(engine, WORKER, lambda: None):
        assert names(engine) == ["worker-1"]
    assert names(engine) == []


def test_what_a_worker_says_of_itself_is_this_programs_version() -> None:
    assert offer_of("w", (), trains=True).version.count(".") >= 1


def test_an_outdated_worker_does_not_start(engine: Engine) -> None:
    with db.transaction(engine) as session:
        workers.report(session, Offer("new", "2.0.0"), datetime.now(UTC))
    with pytest.raises(Outdated, match="Update Apex Arena"), Presence(engine, WORKER, lambda: None):
        pass


def test_a_worker_that_becomes_outdated_is_asked_to_stop(engine: Engine) -> None:
    stopped: list[bool] = []
    with Presence(engine, WORKER, lambda: stopped.append(True), beat_s=0.05) as presence:
        with db.transaction(engine) as session:
            workers.report(session, Offer("new", "2.0.0"), datetime.now(UTC))
        eventually(lambda: bool(stopped))
    assert presence.outdated is not None


def hang(url: str, takes_over: bool) -> None:
    """Claim a job and sit on it; its lease runs out in the past, so a reaper takes it back at once."""
    engine = db.connect(url)
    now = datetime.now(UTC)
    with db.transaction(engine) as session:
        lease = claim(session, now - timedelta(hours=1))
    with Presence(engine, WORKER, lambda: None, beat_s=0.05, hung_s=0.3) as presence, presence.at_work(lease):
        if takes_over:
            with db.transaction(engine) as session:
                jobs.reap_expired(session, now)
        time.sleep(1.5)


@pytest.mark.parametrize(("takes_over", "exit_code"), [(True, HUNG_EXIT), (False, 0)])
def test_a_worker_that_hangs_on_a_job_of_somebody_else_is_ended(
    engine: Engine, race: Race, cast: Cast, takes_over: bool, exit_code: int
) -> None:
    with db.transaction(engine) as session:
        enter(session, race, cast.ann, race.opens_at)
    url = engine.url.render_as_string(hide_password=False)
    process = multiprocessing.get_context("spawn").Process(target=hang, args=(url, takes_over))
    process.start()
    process.join(30)
    assert process.exitcode == exit_code
