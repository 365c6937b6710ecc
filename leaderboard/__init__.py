"""The face of the arena: Flask + Socket.IO. Pages, JSON API, live rooms.

Reads the league (queries.py), changes it only by calling the league's verbs, and never runs entrant code,
not even to parse it.

    settings.py context.py     what an operator can set; the engine, artifacts and settings of a request
    auth.py guards.py          sign-in, roles, load-or-abort; form tokens, rate limits, headers
    pages.py entries.py        seasons and races; writing, entering and following a reward function
    people.py organise.py      profiles, teams, account; what organisers do
    queries.py forms.py        page reads, one query each; form input with its faults
    words.py ticker.py         facts and events in plain words
    drawing.py errors.py       tracks as SVG; pages for what went wrong
    api/ submitting.py         JSON for programs; the one door for a new entry
    feed.py rooms.py live.py   from the event log to the rooms over Socket.IO
    templates/ static/ web/    pages, the style sheet, TypeScript islands built by Vite into static/dist
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from leaderboard.settings import Settings


def create_app(settings: Settings) -> Flask:
    """Build the web application; the database must already be upgraded (`arena serve` does that)."""
    # Not imported above: `python -m leaderboard` runs this file before it can patch the standard library.
    from leaderboard.factory import build

    return build(settings)
