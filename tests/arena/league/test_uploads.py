"""Uploads between their check and their entry."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from arena.league import uploads
from arena.league.artifacts import ArtifactStore
from arena.league.errors import ArtifactMissing
from arena.league.models import Race
from tests.conftest import Cast
from tests.driving import enter


def test_a_file_that_nobody_entered_is_dropped(session: Session, tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    key = uploads.keep(session, store, b"policy")
    assert store.get(key) == b"policy"
    assert uploads.drop_unused(session, store, key)
    with pytest.raises(ArtifactMissing):
        store.get(key)


@pytest.mark.parametrize("column", ["upload_key", "policy_key", "diagnosis_key"])
def test_a_file_that_an_entry_has_stays(
    session: Session, race: Race, cast: Cast, now: datetime, tmp_path: Path, column: str
) -> None:
    store = ArtifactStore(tmp_path)
    key = uploads.keep(session, store, b"policy")
    setattr(enter(session, race, cast.ann, now), column, key)
    session.flush()
    assert not uploads.drop_unused(session, store, key)
    assert store.get(key) == b"policy"
