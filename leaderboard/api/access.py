"""Who may call: bearer tokens, rate limits, and which forms a body may have.

A token makes its racer the current user of the request (Flask-Login's request loader), so the load-or-abort
functions of leaderboard.auth serve pages and API alike. Only a hash of a token is stored and compared.
"""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Flask, Request, request
from flask_limiter.util import get_remote_address
from flask_smorest import Blueprint

from arena.league import accounts
from leaderboard import problems
from leaderboard.auth import Account, account_of, signed_in
from leaderboard.context import arena
from leaderboard.guards import caller, limiter

FORMS = ("application/json", "multipart/form-data", "application/x-www-form-urlencoded")
_CHANGES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def accept_tokens(app: Flask) -> None:
    """Let a bearer token sign in for one request."""
    app.login_manager.request_loader(_account_of_request)  # type: ignore[attr-defined]


def guard(blueprint: Blueprint) -> None:
    """Put the checks before every view of a blueprint."""
    blueprint.before_request(_refuse_unknown_token)
    blueprint.before_request(_refuse_other_forms)
    limiter.limit(lambda: arena().settings.api_limit, key_func=key_of_caller)(blueprint)


def key_of_caller() -> str:
    """Name who is calling for a rate limit: the racer, else the address."""
    return caller() if signed_in() else get_remote_address()


def _bearer(source: Request) -> str | None:
    scheme, _, token = source.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _account_of_request(source: Request) -> Account | None:
    token = _bearer(source)
    if not token or not source.path.startswith("/api/"):
        return None
    # The use of a token is noted when it changes something: reading must never wait for a writer.
    if source.method in _CHANGES:
        with arena().transaction() as session:
            racer = accounts.racer_of_token(session, token, datetime.now(UTC))
            return account_of(racer) if racer else None
    with arena().reading() as session:
        racer = accounts.racer_of_token(session, token)
        return account_of(racer) if racer else None


def _refuse_unknown_token() -> None:
    if "Authorization" not in request.headers:
        return
    if _bearer(request) is None:
        raise problems.of_status(
            401, "Expected `Authorization: Bearer <token>`. Make a token on your account's page."
        )
    if signed_in() is None:
        raise problems.of_status(
            401, "This token is unknown or was revoked. Make a new one on your account's page and use that."
        )


def _refuse_other_forms() -> None:
    if request.method in _CHANGES and request.content_length and request.mimetype not in FORMS:
        raise problems.of_status(
            415,
            f"Expected a body of type application/json, got {request.mimetype or 'none'}. Set Content-Type.",
        )
