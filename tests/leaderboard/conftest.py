"""What the tests of the face share: the arena of `stage`, and people who visit its pages."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from tests.leaderboard.live_fixtures import arena_stage, checker, live_app
from tests.leaderboard.visitor import Visitor

__all__ = ["arena_stage", "checker", "live_app"]

Visit = Callable[[str], Visitor]


@pytest.fixture
def visit(live_app: Flask) -> Visit:
    """Open a browser: `visit("ann")` is signed in, `visit("")` is not."""

    def open_browser(handle: str) -> Visitor:
        visitor = Visitor(live_app)
        if handle:
            assert visitor.sign_in(handle).status_code == 302
        return visitor

    return open_browser
