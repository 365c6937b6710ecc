"""Several processes claim from one queue at once, and no claim is given twice."""

from __future__ import annotations

import multiprocessing
import os
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, select, text

from arena.league import accounts, db, jobs
from arena.league.models import Base, Job
from tests.driving import SOURCE

CLAIMS = 10_000 if os.environ.get("ARENA_STORM") else 200
PROCESSES = 4
JOBS = 24

Claimed = list[tuple[int, int]]


def claim_often(url: str, name: str, count: int) -> Claimed:
    """Claim, give back, claim the next: one transaction each, as fast as it goes."""
    engine, lease = db.connect(url), None
    claimed: Claimed = []
    while len(claimed) < count:
        now = datetime.now(UTC)
        with db.transaction(engine) as session:
            if lease is not None:
                jobs.release(session, lease, now)  # StaleLease where somebody else has it, too
            lease = jobs.claim(session, name, now, 600)
        if lease is not None:
            claimed.append((lease.job_id, lease.attempt))
    if lease is not None:
        with db.transaction(engine) as session:
            jobs.release(session, lease, datetime.now(UTC))
    engine.dispose()
    return claimed


def claimed_by_many(url: str) -> tuple[list[Claimed], dict[int, int]]:
    """Return what each process claimed, and the attempts that the jobs count in the end."""
    engine, now = db.connect(url), datetime.now(UTC)
    with db.transaction(engine) as session:
        for number in range(4):
            racer = accounts.create_racer(session, handle=f"many-{number}", name="M", password=None, now=now)
            for _ in range(JOBS // 4):
                jobs.request_check(session, racer, {"source": SOURCE}, now)
    spawned = multiprocessing.get_context("spawn")
    with spawned.Pool(PROCESSES) as pool:
        orders = [(url, f"worker-{number}", CLAIMS // PROCESSES) for number in range(PROCESSES)]
        claimed = pool.starmap(claim_often, orders, chunksize=1)
    with db.reading(engine) as session:
        attempts = {job.id: job.attempt for job in session.scalars(select(Job))}
    engine.dispose()
    return claimed, attempts


def judge(claimed: list[Claimed], attempts: dict[int, int]) -> None:
    every = [one for claims in claimed for one in claims]
    assert len(every) == CLAIMS
    assert len(set(every)) == len(every)
    assert sum(attempts.values()) == CLAIMS


def test_no_claim_is_given_twice_on_sqlite(engine: Engine) -> None:
    if engine.dialect.name != "sqlite":
        pytest.skip("the other test is about PostgreSQL")
    judge(*claimed_by_many(engine.url.render_as_string(hide_password=False)))


def test_no_claim_is_given_twice_on_postgresql(postgres_url: str) -> None:
    engine = db.connect(postgres_url)
    db.upgrade(engine)
    try:
        judge(*claimed_by_many(postgres_url))
    finally:
        Base.metadata.drop_all(engine)
        with engine.begin() as connection:
            connection.execute(text("DROP TABLE IF EXISTS alembic_version"))
        engine.dispose()
