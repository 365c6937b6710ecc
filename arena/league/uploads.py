"""Files of entrants between their upload and their entry: stored before a worker has looked at them.

A worker gets an upload by its key, so it is stored before its check. What is then not entered is dropped
again, unless an entry has the very same file. Both happen under the writers' lock: a file cannot vanish
between being stored for an entry and the row that keeps it.
"""

from __future__ import annotations

import hashlib

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from arena.league import db
from arena.league.artifacts import ArtifactStore
from arena.league.models import Job, Submission, Trial

MAX_UPLOAD_BYTES = 20_000_000


def key_of(content: bytes) -> str:
    """Return the key under which a file is stored."""
    return hashlib.sha256(content).hexdigest()


def keep(session: Session, artifacts: ArtifactStore, content: bytes) -> str:
    """Store a file for an entry that is made in the same transaction; return its key."""
    db.take_turn(session)
    return artifacts.put(content)


def drop_unused(session: Session, artifacts: ArtifactStore, key: str) -> bool:
    """Remove a file that no entry has; return whether it was removed."""
    db.take_turn(session)
    if is_used(session, key):
        return False
    artifacts.discard(key)
    return True


def is_used(session: Session, key: str) -> bool:
    """Whether any row keeps the artifact, as whatever: equal files are stored once."""
    keepers = (
        exists().where(
            or_(
                Submission.upload_key == key,
                Submission.policy_key == key,
                Submission.diagnosis_key == key,
                Submission.continuation_key == key,
            )
        ),
        exists().where(Trial.trace_key == key),
        exists().where(Job.checkpoint_key == key),
    )
    return bool(session.scalar(select(or_(*keepers))))
