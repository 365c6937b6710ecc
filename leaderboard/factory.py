"""Putting the web application together: settings, guards, words, pages, API, live rooms."""

from __future__ import annotations

from flask import Flask

from arena.league import db
from arena.league.artifacts import ArtifactStore, Call, directly
from leaderboard import (
    api,
    assets,
    auth,
    beside,
    course_words,
    downloads,
    entries,
    entry_words,
    errors,
    guards,
    live,
    organise,
    pages,
    people,
    stewarding,
    words,
)
from leaderboard.context import Arena
from leaderboard.settings import Settings


def build(settings: Settings) -> Flask:
    """Build the web application; the database must already be upgraded (`arena serve` does that)."""
    app = Flask(__name__)
    app.config.update(SECRET_KEY=settings.secret_key)
    app.extensions["arena"] = Arena(
        engine=db.connect(settings.arena.database_url),
        artifacts=ArtifactStore(settings.arena.artifacts, _beside_other_requests(settings)),
        settings=settings,
    )
    guards.register(app, settings)
    words.register(app)
    course_words.register(app)
    entry_words.register(app)
    assets.register(app)
    errors.register(app)
    auth.register(app)
    for room in (pages, entries, beside, downloads, people, organise, stewarding):
        app.register_blueprint(room.blueprint)
    api.register(app)
    live.register(app)
    return app


def _beside_other_requests(settings: Settings) -> Call:
    """Return what waits for a network that gevent does not know, while others are served."""
    if settings.async_mode != "gevent":
        return directly
    from gevent import get_hub

    return lambda function, given: get_hub().threadpool.apply(function, given)
