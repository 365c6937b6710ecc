"""What every request needs: the league's engine, its artifacts and the settings, reached by `arena()`.

A view that shows opens `with arena().reading() as session:`; a view that changes opens `with
arena().transaction() as session:`, calls league verbs in it and lets it commit at its end. Nothing here is
a global: two apps in one process (as in the tests) have two of these.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

from flask import Flask, current_app
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from arena.league import db
from arena.league.artifacts import ArtifactStore
from leaderboard.settings import Settings


@dataclass(frozen=True, slots=True)
class Arena:
    """The league as one app sees it."""

    engine: Engine
    artifacts: ArtifactStore
    settings: Settings

    def reading(self) -> AbstractContextManager[Session]:
        """Open a session on one consistent state that never waits for a writer; nothing is committed."""
        return db.reading(self.engine)

    def transaction(self) -> AbstractContextManager[Session]:
        """Open a session that commits when the block ends and rolls back when it raises."""
        return db.transaction(self.engine)


def arena(app: Flask | None = None) -> Arena:
    """Return the Arena of the app, or of the current request's app."""
    found = (app or current_app).extensions["arena"]
    assert isinstance(found, Arena)
    return found
