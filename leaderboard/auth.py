"""Signing in and out, who is asking, and what they may see.

Flask-Login keeps the session; its user is an `Account`, a snapshot of the racer's row without the row's
session. The session holds the racer's id and a fingerprint of the password hash, so a changed password
signs every other browser out. Views get rows by `load_*`, which also authorise: 404 for what does not
exist, 403 for what is not theirs.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from hashlib import sha256
from typing import ParamSpec
from urllib.parse import urlsplit

from flask import Blueprint, Flask, abort, flash, redirect, render_template, request, url_for
from flask import session as kept
from flask.typing import ResponseReturnValue
from flask_limiter.util import get_remote_address
from flask_login import LoginManager, current_user, login_user, logout_user
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload
from werkzeug.wrappers import Response

from arena.league import accounts
from arena.league.errors import InvalidInput, LeagueError
from arena.league.models import Race, Racer, Season, Submission, Trial
from arena.league.states import Role
from leaderboard.context import arena
from leaderboard.forms import Form
from leaderboard.guards import limiter
from leaderboard.settings import SignUp

blueprint = Blueprint("auth", __name__)
P = ParamSpec("P")
View = Callable[P, ResponseReturnValue]


@dataclass(frozen=True, slots=True)
class Account:
    """Who is signed in."""

    id: int
    handle: str
    name: str
    is_organiser: bool
    team_id: int | None
    fingerprint: str

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def get_id(self) -> str:
        """Return what the session keeps."""
        return f"{self.id}:{self.fingerprint}"


def account_of(racer: Racer) -> Account:
    """Take a snapshot of a racer's row."""
    fingerprint = sha256((racer.password_hash or "").encode()).hexdigest()[:16]
    return Account(racer.id, racer.handle, racer.name, racer.is_organiser, racer.team_id, fingerprint)


def signed_in() -> Account | None:
    """Return who is signed in, if anybody."""
    return current_user._get_current_object() if current_user.is_authenticated else None


def account() -> Account:
    """Return who is signed in; 401 (the sign-in page for browsers) when nobody is."""
    found = signed_in()
    if found is None:
        abort(401)
    return found


def sign_in_required(view: View[P]) -> View[P]:
    """Send people who are not signed in to the sign-in page and back."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        account()
        return view(*args, **kwargs)

    return guarded


def organiser_required(view: View[P]) -> View[P]:
    """Let only organisers in; 403 for others."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if not account().is_organiser:
            abort(403)
        return view(*args, **kwargs)

    return guarded


def now() -> datetime:
    """Return the present moment; the league takes it as a parameter."""
    return datetime.now(UTC)


def load_racer(session: Session) -> Racer:
    """Return the row of who is signed in.

    :raise 401: nobody is signed in
    """
    racer = session.get(Racer, account().id)
    if racer is None:
        abort(401)
    return racer


def load_season(session: Session, slug: str) -> Season:
    """Return a season with its races.

    :raise 404: there is none of this name
    """
    season = session.scalar(select(Season).where(Season.slug == slug).options(joinedload(Season.races)))
    if season is None:
        abort(404)
    return season


def load_race(session: Session, slug: str) -> Race:
    """Return a race with its season.

    :raise 404: there is none of this name
    """
    race = session.scalar(select(Race).where(Race.slug == slug).options(joinedload(Race.season)))
    if race is None:
        abort(404)
    return race


def load_submission(session: Session, public_id: str) -> Submission:
    """Return a submission with its race and racer; its result is public, its source is not.

    :raise 404: there is none of this id
    """
    wanted = select(Submission).where(Submission.id == public_id)
    submission = session.scalar(wanted.options(joinedload(Submission.race), joinedload(Submission.racer)))
    if submission is None:
        abort(404)
    return submission


def load_trial(session: Session, trial_id: int) -> Trial:
    """Return a recorded drive.

    :raise 404: there is none of this number
    """
    found = session.get(Trial, trial_id) if trial_id < 2**31 else None
    if found is None:
        abort(404)
    return found


def may_read_source(submission: Submission) -> bool:
    """Whether who asks may see source, settings, output and fault: the owner and organisers may."""
    reader = signed_in()
    return reader is not None and (reader.is_organiser or reader.id == submission.racer_id)


def may_read_seeds(race: Race, now: datetime) -> bool:
    """Whether who asks may see a race's and its trainings' seeds: everybody once it takes no entries."""
    reader = signed_in()
    return not race.is_open(now) or (reader is not None and reader.is_organiser)


def load_own_submission(session: Session, public_id: str) -> Submission:
    """Return a submission of which everything may be seen.

    :raise 403: it is somebody else's    :raise 404: there is none of this id
    """
    submission = load_submission(session, public_id)
    if not may_read_source(submission):
        abort(403)
    return submission


def safe_next(target: str | None) -> str:
    """Return a path of this site to go on to after signing in; anything else becomes the home page."""
    fallback = url_for("pages.home")
    if not target or not target.startswith("/") or target[1:2] in ("/", "\\"):
        return fallback
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or any(ord(character) <= 32 or character == "\\" for character in target):
        return fallback
    return target


def _handle_and_address() -> str:
    """Name whose password is being tried from where: nobody can lock Ann out from another address."""
    return f"{request.form.get('handle', '').strip().lower()[:40]}@{get_remote_address()}"


@blueprint.get("/sign-in")
def sign_in_form() -> ResponseReturnValue:
    """Show the sign-in page."""
    if signed_in():
        return redirect(safe_next(request.args.get("next")))
    return render_template("sign_in.html", form=Form({}), next=request.args.get("next", ""))


@blueprint.post("/sign-in")
@limiter.limit(lambda: arena().settings.sign_in_limit, key_func=_handle_and_address)
@limiter.limit(lambda: arena().settings.sign_in_address_limit)
def sign_in() -> ResponseReturnValue:
    """Sign in with handle and password; the answer does not tell which of the two is wrong."""
    form = Form(request.form)
    with arena().transaction() as session:
        racer = accounts.authenticate(session, form.typed("handle").strip(), form.typed("password"))
        if racer is not None:
            return _start_session(racer, form.typed("next"))
    form.fault("password", "This handle and password do not belong together. Check both and try again.")
    return render_template("sign_in.html", form=form, next=form.typed("next")), 422


@blueprint.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """End the session."""
    logout_user()
    flash("You are signed out.")
    return redirect(url_for("pages.home"))


@blueprint.get("/sign-up")
def sign_up_form() -> ResponseReturnValue:
    """Show the page on which people make an account."""
    if signed_in():
        return redirect(url_for("pages.home"))
    return render_template("sign_up.html", form=Form({}), next=request.args.get("next", ""))


@blueprint.post("/sign-up")
@limiter.limit(lambda: arena().settings.sign_up_limit)
def sign_up() -> ResponseReturnValue:
    """Make an account and sign in with it."""
    settings = arena().settings
    if settings.sign_up is SignUp.CLOSED:
        abort(403)
    form = Form(request.form)
    name = form.text("name", longest=60, label="Your name")
    code = form.typed("invite_code").strip()
    if settings.sign_up is SignUp.INVITE and not hmac.compare_digest(
        code.encode(), settings.invite_code.encode()
    ):
        form.fault("invite_code", "This is not the invite code. Ask the organiser who invited you.")
    if form.typed("password") != form.typed("password_again"):
        form.fault("password_again", "The two passwords differ. Type the same one twice.")
    racer = _create(form, name) if form.ok else None
    if racer is None:
        return render_template("sign_up.html", form=form, next=form.typed("next")), 422
    flash(f"Welcome, {racer.name}. Your car is waiting.", "good")
    return _start_session(racer, form.typed("next"))


def _create(form: Form, name: str) -> Racer | None:
    """Make the racer, or note the league's objection beside its field."""
    try:
        with arena().transaction() as session:
            return accounts.create_racer(
                session,
                handle=form.typed("handle").strip(),
                name=name,
                password=form.typed("password"),
                role=Role.RACER,
                now=now(),
            )
    except InvalidInput as error:
        form.fault(error.field, error.message)
    except LeagueError as error:
        form.fault("handle", error.message)
    return None


def _start_session(racer: Racer, target: str) -> Response:
    login_user(account_of(racer), remember=False)
    kept.permanent = True
    return redirect(safe_next(target))


def register(app: Flask) -> None:
    """Connect Flask-Login and the pages."""
    app.config.setdefault("SESSION_PROTECTION", None)
    manager = LoginManager(app)
    manager.user_loader(_load_account)
    manager.session_protection = "basic"
    app.register_blueprint(blueprint)
    app.context_processor(lambda: {"me": signed_in(), "settings": arena().settings})


def _load_account(kept: str) -> Account | None:
    """Return the account of a session, unless its password has changed since."""
    racer_id, _, fingerprint = kept.partition(":")
    with arena().reading() as session:
        racer = session.get(Racer, int(racer_id)) if racer_id.isdecimal() else None
    if racer is None:
        return None
    found = account_of(racer)
    return found if hmac.compare_digest(found.fingerprint, fingerprint) else None
