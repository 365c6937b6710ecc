"""The public pages: home, seasons, races, the big screen, tracks. Nobody needs an account to watch."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path

from flask import Blueprint, abort, render_template, request, url_for
from flask.sansio.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from arena.league import records, seasons, standings, submissions
from arena.league.models import Race
from arena.league.records import Category
from arena.league.states import Car, Direction
from leaderboard import courses, queries, stewarding, ticker
from leaderboard.auth import load_race, load_season, now, signed_in
from leaderboard.context import arena
from leaderboard.course_words import IMPERFECT
from leaderboard.drawing import track_svg
from leaderboard.queries import Phase
from simulator import tracks
from simulator.car import SPECS

blueprint = Blueprint("pages", __name__)

STYLES = "arena.css"
ROWS_OF_PAGE = 100
ROWS_OF_SCREEN = 12
LAST_PAGE = 100_000
ROWS_OF_RECORDS = 10


@blueprint.record_once
def _share_parts(state: BlueprintSetupState) -> None:
    """Give templates and their macros the drawing, the phases, the ticker's sentences and the style sheet."""
    folder = state.app.static_folder or ""
    state.app.jinja_env.globals.update(
        track_svg=track_svg,
        course_svg=courses.drawing,
        phase=queries.phase,
        sentence=ticker.sentence,
        drives_held=stewarding.waiting_count,
        stylesheet=lambda: url_for("static", filename=STYLES, v=_digest(folder)),
    )


@cache
def _digest(folder: str) -> str:
    """Return a short digest of the style sheet, so that a changed one is fetched."""
    return sha256((Path(folder) / STYLES).read_bytes()).hexdigest()[:10]


@blueprint.get("/")
def home() -> ResponseReturnValue:
    """Show the current season and how to begin."""
    at = now()
    with arena().reading() as session:
        season = seasons.current_season(session, at)
        cards = queries.race_cards(session, season, at) if season else []
        return render_template(
            "home.html",
            season=season,
            cards=cards,
            now=at,
            happened=queries.ticker(session, season, limit=8) if season else [],
            first_open=next((card.race for card in cards if card.phase is Phase.OPEN), None),
        )


@blueprint.get("/seasons")
def all_seasons() -> ResponseReturnValue:
    """List every season, the newest first."""
    with arena().reading() as session:
        return render_template("seasons.html", seasons=queries.seasons(session), now=now())


@blueprint.get("/seasons/<slug>")
def season(slug: str) -> ResponseReturnValue:
    """Show a season: its races, its points and what happens in it."""
    at = now()
    with arena().reading() as session:
        found = load_season(session, slug)
        return render_template(
            "season.html",
            season=found,
            cards=queries.race_cards(session, found, at),
            board=standings.season_board(session, found),
            happened=queries.ticker(session, found),
            now=at,
        )


@blueprint.get("/races/<slug>")
def race(slug: str) -> ResponseReturnValue:
    """Show a race: live board, replay, rules, and what the reader has left."""
    with arena().reading() as session:
        found = load_race(session, slug)
        if request.args.get("screen"):
            return _screen(session, found)
        page = min(max(1, request.args.get("page", 1, type=int)), LAST_PAGE)
        board = standings.board(session, found, limit=ROWS_OF_PAGE + 1, offset=(page - 1) * ROWS_OF_PAGE)
        return render_template(
            "race.html",
            race=found,
            track=tracks.describe(found.track),
            board=board[:ROWS_OF_PAGE],
            page=page,
            has_more=len(board) > ROWS_OF_PAGE,
            mine=_own_place(session, found),
            imperfect=IMPERFECT,
            now=now(),
        )


@blueprint.get("/races/<slug>/live")
def race_screen(slug: str) -> ResponseReturnValue:
    """Show the race for a projector: board and replay, nothing else."""
    with arena().reading() as session:
        return _screen(session, load_race(session, slug))


def _screen(session: Session, found: Race) -> str:
    board = standings.board(session, found, limit=ROWS_OF_SCREEN, offset=0)
    return render_template("race_screen.html", race=found, board=board, now=now())


def _own_place(session: Session, found: Race) -> dict[str, object] | None:
    """Return what the reader has reached in a race and may still do there."""
    reader = signed_in()
    racer = queries.racer_by_handle(session, reader.handle) if reader else None
    if racer is None:
        return None
    return {
        "rank": standings.rank_of(session, found, racer),
        "left": submissions.tries_left(session, found, racer),
        "last": queries.last_submission(session, found, racer),
    }


@blueprint.get("/tracks")
def all_tracks() -> ResponseReturnValue:
    """Show every circuit that ships with the arena, with who holds its records."""
    with arena().reading() as session:
        holders = records.holders(session)
    held = {
        name: [(one, holders[one]) for one in _categories(name) if one in holders] for name in tracks.names()
    }
    described = [tracks.describe(name) for name in tracks.names()]
    return render_template("tracks.html", tracks=described, held=held)


@blueprint.get("/tracks/<name>")
def track(name: str) -> ResponseReturnValue:
    """Show a circuit with the fastest laps on it, each way round and each car by itself."""
    if name not in tracks.names():
        abort(404)
    with arena().reading() as session:
        boards = [(one, records.fastest(session, one, ROWS_OF_RECORDS)) for one in _categories(name)]
    return render_template(
        "track.html",
        track=tracks.describe(name),
        boards=[(one, rows, _possible_ms(one)) for one, rows in boards if rows],
    )


def _categories(name: str) -> list[Category]:
    ways = (Direction.FORWARD, Direction.REVERSED)
    return [Category(name, direction, car) for direction in ways for car in Car]


def _possible_ms(of: Category) -> int | None:
    """Return the fastest lap that physics allows there, where it is known."""
    way = courses.turned(tracks.load(of.track), of.direction)
    optimum = tracks.optimum_of(way, SPECS[of.car])
    return round(1000.0 * optimum.lap_s) if optimum else None
