"""Pages for what went wrong: what happened and what to do next. The API answers with problem documents of
its own.
"""

from __future__ import annotations

import logging

from flask import Flask, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from arena.league.errors import LeagueError, NotAllowed, NotFound

log = logging.getLogger(__name__)

ADVICE: dict[int, tuple[str, str]] = {
    400: ("That request was incomplete", "Go back, reload the page and send the form again."),
    403: ("This is not yours to see", "Sign in with the account it belongs to, or ask an organiser."),
    404: ("There is nothing at this address", "Check the address, or start again from the list of races."),
    405: ("This page cannot do that", "Go back and use the buttons on the page."),
    413: (
        "That file is too large",
        "A reward function is a short text file. Choose the .py file, not a zip or a model.",
    ),
    429: (
        "That was too often in a short time",
        "Wait a minute and try again. Nothing that you entered is lost.",
    ),
    500: (
        "That was our fault",
        "Try again in a moment. If it happens again, tell an organiser what you did and when.",
    ),
}
EXPIRED = (
    "The form had expired",
    "Go back, reload the page and send it again. You may have to sign in first.",
)


def page(status: int, title: str, advice: str) -> ResponseReturnValue:
    """Show an error page."""
    return render_template("error.html", status=status, title=title, advice=advice), status


def on_http_error(error: HTTPException) -> ResponseReturnValue:
    """Answer an HTTP error with a page; 401 leads to the sign-in page and back."""
    status = error.code or 500
    if status < 400 and error.response is not None:
        return error.get_response()
    if status == 401:
        target = request.full_path.rstrip("?") if request.method == "GET" else ""
        return redirect(url_for("auth.sign_in_form", next=target or None))
    if isinstance(error, CSRFError):
        return page(400, *EXPIRED)
    title, advice = ADVICE.get(status, (error.name, "Go back and try something else."))
    return page(status, title, advice)


def on_league_error(error: LeagueError) -> ResponseReturnValue:
    """Answer what the league refused and no view expected with the league's own sentence."""
    status = 404 if isinstance(error, NotFound) else 403 if isinstance(error, NotAllowed) else 409
    return page(status, "That is not possible", error.message)


def on_fault(error: Exception) -> ResponseReturnValue:
    """Log a fault of ours once, with the address; the page shows no detail of it."""
    log.exception("unhandled fault at %s %s", request.method, request.path, exc_info=error)
    return page(500, *ADVICE[500])


def register(app: Flask) -> None:
    """Register the pages for every error that a view does not answer itself."""
    app.register_error_handler(HTTPException, on_http_error)
    app.register_error_handler(LeagueError, on_league_error)
    app.register_error_handler(Exception, on_fault)
