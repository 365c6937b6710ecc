"""What every request needs: the league's engine, its artifacts and the settings, held by the app and reached by `arena()`.

Views open one transaction per request, `with arena().transaction() as session:`, call league verbs in it and let it commit at
its end. Nothing here is a global: two apps in one process (as in the tests) have two of these.
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

    def transaction(self) -> AbstractContextManager[Session]:
        """Open a session that commits when the block ends and rolls back when it raises."""
        return db.transaction(self.engine)


def arena(app: Flask | None = None) -> Arena:
    """Return the Arena of the app, or of the current request's app."""
    found = (app or current_app).extensions["arena"]
    assert isinstance(found, Arena)
    return found
