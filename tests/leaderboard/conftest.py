"""What the tests of the face share: the arena of `stage`, and people who visit its pages."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from arena.league import db
from arena.league.models import Racer
from leaderboard.auth import account_of
from tests.leaderboard.live_fixtures import arena_stage, checker, live_app
from tests.leaderboard.stage import Stage
from tests.leaderboard.visitor import Visitor

__all__ = ["arena_stage", "checker", "live_app"]

Visit = Callable[[str], Visitor]


@pytest.fixture
def visit(live_app: Flask, arena_stage: Stage) -> Visit:
    """Open a browser: `visit("ann")` is signed in, `visit("")` is not.

    The session is written, not asked for: hashing a password is slow on purpose. test_auth.py signs in.
    """

    def open_browser(handle: str) -> Visitor:
        visitor = Visitor(live_app)
        if handle:
            with db.reading(arena_stage.engine) as session:
                account = account_of(session.scalars(select(Racer).where(Racer.handle == handle)).one())
            with visitor.client.session_transaction() as kept:
                kept["_user_id"] = account.get_id()
        return visitor

    return open_browser
