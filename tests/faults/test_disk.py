"""A full disk loses nothing: what was half written is not there, and the work is done again.

The limit of a file's size stands in for the full disk: the kernel refuses the write in the same place.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import DBAPIError

from arena.league import db, jobs, submissions
from arena.league.artifacts import ArtifactStore
from arena.league.models import Job, Race, Racer, Submission
from arena.league.states import SubmissionState
from tests.conftest import Cast, Clock
from tests.driving import SOURCE, claim, enter, to_the_start

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits of Unix")


@contextmanager
def full_at(size_bytes: int) -> Iterator[None]:
    """Let no file of this process grow beyond a size; Python ignores the signal and gets the error."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_an_artifact_that_does_not_fit_is_not_there_and_its_work_is_repeated(
    engine: Engine, race: Race, cast: Cast, clock: Clock, tmp_path: Path
) -> None:
    store = ArtifactStore(tmp_path / "artifacts")
    content = bytes(8_000_000)
    with db.transaction(engine) as session:
        made = enter(session, race, cast.ann, clock.now)
        lease = claim(session, clock.tick())
        to_the_start(session, lease, clock.now)
    with full_at(4_000_000), pytest.raises(OSError, match=r"too large|No space"):
        store.put(content)
    assert list(store.keys()) == []
    assert [path for path in (tmp_path / "artifacts").rglob("*") if path.is_file()] == []
    with db.transaction(engine) as session:
        assert not jobs.fault(session, lease, "The arena failed (OSError).", clock.tick())
        assert session.get_one(Submission, made.id, populate_existing=True).state is SubmissionState.QUEUED
    assert store.get(store.put(content)) == content


def test_a_database_that_cannot_grow_keeps_what_it_had_and_takes_entries_again_later(
    engine: Engine, race: Race, cast: Cast, clock: Clock
) -> None:
    if engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL's files are its own")
    with db.transaction(engine) as session:
        enter(session, race, cast.ann, clock.now)
    large = SOURCE + "# " + "x" * 40_000
    with full_at(16_384), pytest.raises(DBAPIError):
        submitted(engine, race, cast.ben, large, clock)
    assert counted(engine) == (1, 1)
    with db.transaction(engine) as session:
        assert session.connection().exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
        enter(session, race, cast.ben, clock.tick())
    assert counted(engine) == (2, 2)


def submitted(engine: Engine, race: Race, racer: Racer, source: str, clock: Clock) -> None:
    """Enter a source in a transaction of its own."""
    with db.transaction(engine) as session:
        own, own_racer = session.get_one(Race, race.id), session.get_one(Racer, racer.id)
        submissions.submit(session, own, own_racer, submissions.Entry(source), clock.tick())


def counted(engine: Engine) -> tuple[int, ...]:
    """Return how many submissions and jobs there are."""
    with db.reading(engine) as session:
        return tuple(
            session.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (Submission, Job)
        )
