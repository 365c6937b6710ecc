"""Pages about people: racer profiles with their badges, teams, and one's own account with its API tokens."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import login_user
from sqlalchemy.orm import Session

from arena.league import accounts
from arena.league.badges import BADGES, Badge
from arena.league.errors import InvalidInput, LeagueError
from arena.league.models import Racer
from leaderboard import queries
from leaderboard.auth import account, account_of, load_racer, now, sign_in_required, signed_in
from leaderboard.context import arena
from leaderboard.forms import Form
from leaderboard.guards import caller, limiter

blueprint = Blueprint("people", __name__)


@blueprint.get("/racers/<handle>")
def racer(handle: str) -> ResponseReturnValue:
    """Show a racer: best results, badges with what they were given for, entries without their source."""
    with arena().reading() as session:
        found = queries.racer_by_handle(session, handle)
        if found is None:
            abort(404)
        awards = queries.awards_of(session, found)
        reader = signed_in()
        return render_template(
            "racer.html",
            racer=found,
            awards=awards,
            still_open=_badges_to_win(awards) if reader and reader.id == found.id else [],
            badges=BADGES,
            standings=queries.standings_of(session, found),
            submissions=queries.submissions_of(session, found, limit=20),
        )


def _badges_to_win(awards: queries.Awards) -> list[Badge]:
    won = {award.badge for award, _, _ in awards}
    return [badge for badge in BADGES.values() if badge.name not in won]


@blueprint.get("/teams")
def teams() -> ResponseReturnValue:
    """List the teams; whoever is signed in can found, join or leave one."""
    with arena().reading() as session:
        return _teams_page(session, Form({}))


@blueprint.post("/teams")
@sign_in_required
def change_team() -> ResponseReturnValue:
    """Found, join or leave a team."""
    form = Form(request.form)
    try:
        with arena().transaction() as session:
            flash(_change_team(session, form, load_racer(session)), "good")
        return redirect(url_for("people.teams"))
    except InvalidInput as error:
        form.fault(error.field, error.message)
    except LeagueError as error:
        form.fault("invite_code" if form.typed("action") == "join" else "name", error.message)
    with arena().reading() as session:
        return _teams_page(session, form), 422


def _change_team(session: Session, form: Form, member: Racer) -> str:
    at = now()
    match form.typed("action"):
        case "found":
            team = accounts.create_team(session, member, name=form.typed("name"), now=at)
            return f"{team.name} is founded. Give your colleagues the invite code below."
        case "join":
            return (
                f"You race for {accounts.join_team(session, member, form.typed('invite_code'), at).name} now."
            )
        case "leave":
            accounts.leave_team(session, member, at)
            return "You left the team. Your results stay yours."
        case _:
            abort(400)


def _teams_page(session: Session, form: Form) -> str:
    reader = signed_in()
    mine = session.get(Racer, reader.id) if reader else None
    return render_template(
        "teams.html", teams=queries.teams(session), my_team=mine.team if mine else None, form=form
    )


@blueprint.get("/account")
@sign_in_required
def own_account() -> ResponseReturnValue:
    """Show one's account: password and API tokens."""
    return _account_page(Form({}))


@blueprint.post("/account/password")
@sign_in_required
@limiter.limit(lambda: arena().settings.sign_in_limit, key_func=caller)
def change_password() -> ResponseReturnValue:
    """Change the password; it signs every other browser out and revokes all tokens."""
    form = Form(request.form)
    if form.typed("password") != form.typed("password_again"):
        form.fault("password_again", "The two passwords differ. Type the same one twice.")
    try:
        if form.ok and _set_password(form):
            flash(
                "Your password is changed. Other browsers are signed out, and old API tokens no longer work.",
                "good",
            )
            return redirect(url_for("people.own_account"))
    except InvalidInput as error:
        form.fault(error.field, error.message)
    return _account_page(form), 422


def _set_password(form: Form) -> bool:
    """Change the password and keep this browser signed in; False if the old password is wrong."""
    with arena().transaction() as session:
        racer = accounts.authenticate(session, account().handle, form.typed("old_password"))
        if racer is None:
            form.fault("old_password", "This is not your present password.")
            return False
        accounts.set_password(session, racer, form.typed("password"), now())
    login_user(account_of(racer))
    return True


@blueprint.post("/account/tokens")
@sign_in_required
@limiter.limit(lambda: arena().settings.sign_up_limit, key_func=caller)
def make_token() -> ResponseReturnValue:
    """Make an API token; this answer is the only place that shows it."""
    form = Form(request.form)
    try:
        with arena().transaction() as session:
            token = accounts.issue_token(session, load_racer(session), form.typed("label"), now())
    except InvalidInput as error:
        form.fault("label", error.message)
        return _account_page(form), 422
    return _account_page(Form({}), token)


@blueprint.post("/account/tokens/<int:token_id>/revoke")
@sign_in_required
def revoke_token(token_id: int) -> ResponseReturnValue:
    """Make a token useless at once."""
    with arena().transaction() as session:
        accounts.revoke_token(session, load_racer(session), token_id, now())
    flash("The token no longer works.", "good")
    return redirect(url_for("people.own_account"))


def _account_page(form: Form, new_token: str | None = None) -> str:
    with arena().reading() as session:
        racer = load_racer(session)
        tokens = accounts.tokens_of(session, racer)
        return render_template("account.html", racer=racer, tokens=tokens, form=form, new_token=new_token)
