"""The JSON API under /api/v1: the league's verbs and reads for programs, described by OpenAPI 3.1.

    schemas.py      what goes in and out, field by field; the description is made from it
    public.py       what everybody may read: seasons, races, boards, tracks, replays, traces
    entering.py     checks and submissions       own.py   me, tokens, opening seasons and races
    plans.py        what organisers send            stewarding.py  drives that are held, and the decisions
    access.py       bearer tokens, rate limits, the forms of a body
    faults.py       every error as a problem document     operations.py   one decorator for one operation
    description.py  the settings of the description, and its page at /api/docs

Reading needs no account. Everything else takes `Authorization: Bearer <token>`, or the session cookie with
the form token in X-CSRFToken. Every error is a problem document (RFC 9457).
"""

from __future__ import annotations

from flask import Flask

from leaderboard.api import access, description, entering, faults, own, public, stewarding

PARTS = (public.blueprint, entering.blueprint, own.blueprint, stewarding.blueprint)

# Once per process and not per app: a blueprint takes no more guards after its first registration.
for part in PARTS:
    access.guard(part)
    faults.answer(part)


def register(app: Flask) -> None:
    """Add the API to the app."""
    api = description.describe(app)
    for part in PARTS:
        api.register_blueprint(part)
    access.accept_tokens(app)
    faults.answer_outside(app)
    app.register_blueprint(description.pages)
