"""The organiser's pages: open seasons and races, end them, see who races and what got stuck.

Only the shape of the input is judged here (numbers, dates, a track that exists); the league judges the rest
and its sentence is shown beside the field that it names. Everything that was typed stays in the form.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from arena import house
from arena.league import db, seasons, submissions
from arena.league.errors import InvalidInput, LeagueError
from arena.league.models import Race
from arena.league.plans import TITLE_LENGTH, RacePlan
from arena.league.scoring import DEFAULT_POINTS
from arena.league.states import SubmissionState
from leaderboard import courses, queries
from leaderboard import race_form as race_forms
from leaderboard.auth import load_race, load_racer, load_season, load_submission, now, organiser_required
from leaderboard.context import arena
from leaderboard.forms import Form
from leaderboard.words import local_input

blueprint = Blueprint("organise", __name__, url_prefix="/organise")


@blueprint.get("/")
@organiser_required
def desk() -> ResponseReturnValue:
    """Show the organiser's desk: seasons, the queue, what got stuck."""
    at = now()
    with arena().reading() as session:
        return render_template(
            "organise/desk.html",
            seasons=queries.seasons(session),
            queue=queries.queue_facts(session),
            stalled=queries.stalled(session),
            now=at,
        )


@blueprint.get("/racers")
@organiser_required
def racers() -> ResponseReturnValue:
    """List the people of the arena."""
    with arena().reading() as session:
        return render_template("organise/racers.html", racers=queries.racers(session))


@blueprint.get("/seasons/new")
@organiser_required
def season_form() -> ResponseReturnValue:
    """Show an empty season form with sensible times: open at once, for two weeks."""
    opens_at = _this_hour()
    typed = {
        "opens_at": local_input(opens_at),
        "closes_at": local_input(opens_at + timedelta(days=14)),
        "points": ", ".join(map(str, DEFAULT_POINTS)),
    }
    return render_template("organise/season_form.html", form=Form(typed, _zone()))


@blueprint.post("/seasons/new")
@organiser_required
def open_season() -> ResponseReturnValue:
    """Open a season."""
    form = Form(request.form, _zone())
    title = form.text("title", longest=TITLE_LENGTH, label="The title")
    slug = form.slug("slug", label="The short name")
    opens_at, closes_at = _window(form)
    points = _points(form)
    try:
        if form.ok:
            with arena().transaction() as session:
                season = seasons.open_season(
                    session,
                    slug=slug,
                    title=title,
                    opens_at=opens_at,
                    closes_at=closes_at,
                    points=points,
                    by=load_racer(session),
                    now=now(),
                )
            flash(f"{season.title} is set up. Now add its first race.", "good")
            return redirect(url_for("organise.race_form", slug=season.slug))
    except InvalidInput as error:
        form.fault(error.field, error.message)
    return render_template("organise/season_form.html", form=form), 422


@blueprint.get("/seasons/<slug>/races/new")
@organiser_required
def race_form(slug: str) -> ResponseReturnValue:
    """Show a race form filled with the usual rules and the season's times."""
    with arena().reading() as session:
        season = load_season(session, slug)
        return race_forms.page(season, Form(race_forms.first_values(season, _this_hour()), _zone()))


@blueprint.get("/preview")
@organiser_required
def preview() -> ResponseReturnValue:
    """Draw the road that a form describes: a part of its page, for the form's island."""
    drawn = race_forms.preview_of(Form(request.args))
    return render_template("organise/_preview.html", preview=drawn)


@blueprint.post("/seasons/<slug>/races/new")
@organiser_required
def open_race(slug: str) -> ResponseReturnValue:
    """Open a race, with the house car in it if asked."""
    form = Form(request.form, _zone())
    if form.typed("action") == "preview":
        with arena().reading() as session:
            return race_forms.page(load_season(session, slug), form)
    plan = race_forms.plan_of(form)
    try:
        if form.ok:
            courses.check(plan)
            return _race_made(slug, plan, has_house_car=form.checked("house_car"))
    except InvalidInput as error:
        form.fault(error.field, error.message)
    except LeagueError as error:
        form.fault("title", error.message)
    with arena().reading() as session:
        return race_forms.page(load_season(session, slug), form), 422


def _race_made(slug: str, plan: RacePlan, *, has_house_car: bool) -> ResponseReturnValue:
    """Make the race and go to its page. Raises what the league has against it."""
    at = now()
    with arena().transaction() as session:
        season = load_season(session, slug)
        race = seasons.open_race(session, season, plan, by=load_racer(session), now=at)
        note = _house_car_note(session, race, at) if has_house_car else ""
    flash(f"{race.title} is set up. {note}".strip(), "good")
    return redirect(url_for("organise.race", slug=race.slug))


def _window(form: Form) -> tuple[datetime, datetime]:
    opens_at = form.moment("opens_at", label="The opening time")
    return opens_at, form.moment("closes_at", label="The closing time")


def _points(form: Form) -> tuple[int, ...]:
    parts = form.typed("points").replace(";", ",").split(",")
    try:
        return tuple(int(part) for part in parts)
    except ValueError:
        form.fault("points", "Points are whole numbers with commas between them, like 25, 18, 15, 12.")
        return DEFAULT_POINTS


@blueprint.get("/races/<slug>")
@organiser_required
def race(slug: str) -> ResponseReturnValue:
    """Show what an organiser can do with a race."""
    with arena().reading() as session:
        found = load_race(session, slug)
        return render_template("organise/race.html", race=found, now=now(), handle=house.HANDLE)


@blueprint.post("/races/<slug>/house-car")
@organiser_required
def enter_house_car(slug: str) -> ResponseReturnValue:
    """Enter the house car in a race that is open."""
    at = now()
    with arena().transaction() as session:
        flash(_house_car_note(session, load_race(session, slug), at))
    return redirect(url_for("organise.race", slug=slug))


def _house_car_note(session: Session, race: Race, at: datetime) -> str:
    """Enter the house car and say so, or say why not."""
    if not race.is_open(at):
        return "The house car can enter once the race is open: press its button on this page then."
    db.take_turn(session)
    last = queries.last_submission(session, race, house.racer(session, at))
    if last is not None and last.state not in (SubmissionState.REJECTED, SubmissionState.CANCELLED):
        return "The house car is in this race already; it enters once."
    house.enter(session, race, at)
    return "The house car is in the queue."


@blueprint.post("/seasons/<slug>/close")
@organiser_required
def close_season(slug: str) -> ResponseReturnValue:
    """End a season now."""
    with arena().transaction() as session:
        season = load_season(session, slug)
        seasons.close_season(session, season, by=load_racer(session), now=now())
    flash(f"{season.title} takes no more entries. Entries in the queue still get their result.", "good")
    return redirect(url_for("organise.desk"))


@blueprint.post("/races/<slug>/close")
@organiser_required
def close_race(slug: str) -> ResponseReturnValue:
    """End a race now."""
    with arena().transaction() as session:
        race = load_race(session, slug)
        seasons.close_race(session, race, by=load_racer(session), now=now())
    flash(f"{race.title} takes no more entries. Entries in the queue still get their result.", "good")
    return redirect(url_for("organise.race", slug=slug))


@blueprint.post("/submissions/<public_id>/requeue")
@organiser_required
def requeue(public_id: str) -> ResponseReturnValue:
    """Send a submission that our fault stopped round again."""
    with arena().transaction() as session:
        found = load_submission(session, public_id)
        submissions.requeue(session, found, by=load_racer(session), now=now())
    flash("The entry is in the queue again.", "good")
    return redirect(url_for("organise.desk"))


def _zone() -> ZoneInfo:
    return arena().settings.zone


def _this_hour() -> datetime:
    return now().replace(minute=0, second=0, microsecond=0)
