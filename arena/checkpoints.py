"""The checkpoints of a training that a worker has: stored as artifacts, named by its job.

A checkpoint only ever saves time. One that is missing, damaged or of another version means to begin from the
beginning, and one that cannot be stored is logged: no training fails for it. Only the newest is kept, and
none of a training that is over.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Self

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from arena.league import db, jobs, uploads
from arena.league.artifacts import ArtifactStore
from arena.league.errors import ArtifactDamaged, ArtifactMissing
from arena.league.jobs import Lease

log = logging.getLogger("arena.worker")


class Keeper:
    """Keeps the checkpoints of one job as long as its lease is held; a context manager that tidies up."""

    def __init__(self, engine: Engine, artifacts: ArtifactStore, lease: Lease) -> None:
        self._engine, self._artifacts, self._lease = engine, artifacts, lease
        self._keys = {lease.checkpoint_key} if lease.checkpoint_key else set()

    def last(self) -> bytes | None:
        """Return the checkpoint with which an earlier attempt left off, if it is there."""
        if self._lease.checkpoint_key is None:
            return None
        try:
            return self._artifacts.get(self._lease.checkpoint_key)
        except (ArtifactMissing, ArtifactDamaged, OSError) as error:
            log.warning("Job %d begins from the beginning. %s", self._lease.job_id, error)
            return None

    def keep(self, checkpoint: bytes) -> None:
        """Store a checkpoint for the next attempt, in the place of the one before. Raises StaleLease."""
        try:
            key = self._artifacts.put(checkpoint)
        except OSError:
            log.exception("A checkpoint of job %d could not be stored; it goes on.", self._lease.job_id)
            return
        with db.transaction(self._engine) as session:
            jobs.checkpoint(session, self._lease, key, datetime.now(UTC))
            before, self._keys = self._keys, {key}
            for old in before - self._keys:
                uploads.drop_unused(session, self._artifacts, old)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Remove what the job no longer names: it is over. Whoever takes it over still finds its file."""
        if not self._keys:
            return
        try:
            with db.transaction(self._engine) as session:
                for key in self._keys:
                    uploads.drop_unused(session, self._artifacts, key)
        except (SQLAlchemyError, OSError):
            log.exception("A checkpoint of job %d could not be removed.", self._lease.job_id)
