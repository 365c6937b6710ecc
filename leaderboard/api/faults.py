"""Every error under /api as a problem document, also those that no view of ours has seen."""

from __future__ import annotations

import logging
from typing import Any

from flask import Flask, request
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from arena.league.errors import ArtifactDamaged, ArtifactMissing, LeagueError, StaleLease
from leaderboard import errors, problems
from leaderboard.context import arena
from leaderboard.problems import Problem

log = logging.getLogger(__name__)

ADVICE: dict[int, str] = {
    400: "The body is not what its Content-Type says. Send one JSON object.",
    401: "This needs an account. Send `Authorization: Bearer <token>`; make one on your account's page.",
    403: "Your account may not do this. It belongs to somebody else, or only organisers may do it.",
    404: "Nothing is here. See /api/docs for the addresses, and /api/v1/seasons for what exists.",
    405: "See /api/docs for the methods of this address.",
    429: "Wait a minute, then go on more slowly. Nothing that was accepted is lost.",
    500: "Try again in a moment. If it happens again, tell an organiser what you did and when.",
}


def answer(blueprint: Blueprint) -> None:
    """Answer every error of a blueprint's views."""
    blueprint.register_error_handler(Problem, on_problem)
    blueprint.register_error_handler(LeagueError, on_league_error)
    blueprint.register_error_handler(HTTPException, on_http_error)
    blueprint.register_error_handler(Exception, on_fault)


def answer_outside(app: Flask) -> None:
    """Answer the addresses under /api that belong to no view; others keep their pages."""
    for status in (404, 405):
        app.register_error_handler(status, _on_unknown_address)


def on_problem(problem: Problem) -> ResponseReturnValue:
    """Answer with the problem itself."""
    return problem.response({"WWW-Authenticate": "Bearer"} if problem.status == 401 else None)


def on_league_error(error: LeagueError) -> ResponseReturnValue:
    """Answer with the league's own sentence; a lost file or lease is our fault, not the caller's."""
    if isinstance(error, ArtifactMissing | ArtifactDamaged | StaleLease):
        return on_fault(error)
    return problems.of_league(error).response()


def on_http_error(error: HTTPException) -> ResponseReturnValue:
    """Answer what Flask, the form guard, the limiter or the validation of the fields has refused."""
    status = error.code or 500
    if isinstance(error, RequestEntityTooLarge):
        problem = problems.of_status(413, _too_large(), verdict="too_large")
    elif isinstance(error, CSRFError):
        detail = (
            "A request with the session cookie needs the form token in the header X-CSRFToken; "
            "or send a bearer token."
        )
        problem = problems.of_status(400, detail)
    elif status == 422:
        fields = _faults_of_fields(error)
        detail = "; ".join(f"{name}: {what}" for name, what in fields.items()) or "A value does not fit."
        problem = problems.of_status(422, f"{detail} See /api/docs for what each field takes.", errors=fields)
    else:
        problem = problems.of_status(status, ADVICE.get(status, error.description or error.name))
    kept = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}
    if status == 401:
        kept["WWW-Authenticate"] = "Bearer"
    return problem.response(kept)


def on_fault(error: Exception) -> ResponseReturnValue:
    """Log a fault of ours once, with the address; the answer shows no detail of it."""
    log.exception("unhandled fault at %s %s", request.method, request.path, exc_info=error)
    return problems.of_status(500, ADVICE[500]).response()


def _on_unknown_address(error: HTTPException) -> ResponseReturnValue:
    is_ours = request.path.startswith("/api/")
    return on_http_error(error) if is_ours else errors.on_http_error(error)


def _too_large() -> str:
    limit = arena().settings.max_upload_bytes
    size = f"{request.content_length:,}" if request.content_length else "more"
    return (
        f"The request has {size} bytes; at most {limit:,} are accepted. "
        "A reward function is one short text file: send the .py file itself, not a model or an archive."
    )


def _faults_of_fields(error: HTTPException) -> dict[str, str]:
    """Return the first fault of each field, from what webargs leaves on the exception."""
    data: dict[str, Any] = getattr(error, "data", None) or {}
    found: dict[str, str] = {}
    for place in (data.get("messages") or {}).values():
        if isinstance(place, dict):
            found |= {str(name): _first(what) for name, what in place.items()}
        else:
            found["body"] = _first(place)
    return found


def _first(what: Any) -> str:
    while isinstance(what, list | dict) and what:
        what = what[0] if isinstance(what, list) else next(iter(what.values()))
    return str(what)
