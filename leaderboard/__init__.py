"""The face of the arena: Flask + Socket.IO. Pages, JSON API, live rooms.

Reads the league (queries.py), changes it only by calling the league's verbs, never runs entrant code, not even to parse it.

    pages.py entries.py people.py   HTML for everybody: seasons and races; submitting and following; profiles, teams, account
    organise.py  HTML for organisers     auth.py   sign-in, roles, load-or-abort      guards.py  form tokens, rate limits, headers
    api.py       JSON for programs       feed.py live.py   rooms over Socket.IO       submitting.py  one door for a new entry
    queries.py   page reads, one query each     drawing.py, words.py  tracks as SVG, facts in plain words
    templates/ static/arena.css         web/   TypeScript islands, built by Vite into static/dist
"""

from __future__ import annotations

from flask import Flask

from arena.league import db
from arena.league.artifacts import ArtifactStore
from leaderboard import guards
from leaderboard.context import Arena
from leaderboard.settings import Settings


def create_app(settings: Settings) -> Flask:
    """Build the web application; the database must already be upgraded (`arena serve` does that)."""
    app = Flask(__name__)
    app.config.update(SECRET_KEY=settings.secret_key, TESTING=False)
    app.extensions["arena"] = Arena(
        engine=db.connect(settings.arena.database_url),
        artifacts=ArtifactStore(settings.arena.data_dir / "artifacts"),
        settings=settings,
    )
    guards.register(app, settings)
    return app
