"""What everybody may read: seasons, races, boards, tracks, replays and traces."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask_smorest import Blueprint
from sqlalchemy import select
from sqlalchemy.orm import Session

import starter_kits
from arena.league import records, standings
from arena.league.models import Race, Trial
from arena.league.records import Category
from arena.league.states import COUNTING, Car, Direction
from leaderboard import problems, queries
from leaderboard.api import schemas, shapes, traces
from leaderboard.api.operations import Operation, operation
from leaderboard.auth import load_race, load_season, now
from leaderboard.context import arena
from simulator import tracks
from simulator.track import TrackError

blueprint = Blueprint("api_public", __name__, url_prefix="/api/v1")

# More cars than this are a crowd on the picture.
CARS_OF_REPLAY = 8


@operation(blueprint, "GET", "/seasons", Operation("watching", schemas.Season(many=True)))
def seasons() -> list[dict[str, Any]]:
    """List all seasons with their races, the newest first."""
    with arena().reading() as session:
        return [shapes.season(found, now()) for found in queries.seasons(session)]


@operation(blueprint, "GET", "/seasons/<slug>", Operation("watching", schemas.SeasonDetail()))
def season(slug: str) -> dict[str, Any]:
    """Show a season with its races and its table."""
    with arena().reading() as session:
        found = load_season(session, slug)
        board = [row.as_json() for row in standings.season_board(session, found)]
        return shapes.season(found, now()) | {"board": board}


@operation(blueprint, "GET", "/races/<slug>", Operation("watching", schemas.Race()))
def race(slug: str) -> dict[str, Any]:
    """Show a race and its rules."""
    with arena().reading() as session:
        return shapes.race(load_race(session, slug), now())


@operation(
    blueprint, "GET", "/races/<slug>/board", Operation("watching", schemas.Board(), takes=schemas.Page())
)
def board(page: dict[str, int], slug: str) -> dict[str, Any]:
    """Show a page of a race's board, the best first."""
    with arena().reading() as session:
        found = load_race(session, slug)
        rows = standings.board(session, found, **page)
        return {"rows": rows, "total": standings.board_size(session, found), **page}


@operation(blueprint, "GET", "/races/<slug>/replay", Operation("watching", schemas.Replay()))
def replay(slug: str) -> dict[str, Any]:
    """Name the drives to show: the best of the race, and the newest one."""
    with arena().reading() as session:
        found = load_race(session, slug)
        return _replay(found, _cars(session, found))


@operation(blueprint, "GET", "/tracks", Operation("watching", schemas.Track(many=True)))
def all_tracks() -> list[Any]:
    """List the circuits that come with the arena, easiest first."""
    return [tracks.describe(name) for name in tracks.names()]


@operation(
    blueprint,
    "GET",
    "/tracks/<name>",
    Operation("watching", schemas.TrackGeometry(), takes=schemas.Way()),
)
def track(way: dict[str, Any], name: str) -> dict[str, Any]:
    """Show a circuit with its centre line and borders, the way it is driven; alternate begins forward."""
    try:
        return shapes.geometry(name, way["direction"])
    except TrackError as error:
        raise problems.of_status(404, f"{error}") from error


@operation(
    blueprint,
    "GET",
    "/tracks/<name>/records",
    Operation("watching", schemas.Record(many=True), takes=schemas.RecordsWanted()),
)
def track_records(wanted: dict[str, Any], name: str) -> list[Any]:
    """List the fastest laps of time trials on a circuit, one way round and with one car."""
    if name not in tracks.names():
        raise problems.of_status(404, f"There is no track “{name[:60]}”. See /api/v1/tracks.")
    category = Category(name, Direction(wanted["direction"]), Car(wanted["car"]))
    with arena().reading() as session:
        return records.fastest(session, category, wanted["limit"])


@operation(blueprint, "GET", "/kits", Operation("watching", schemas.Kit(many=True)))
def kits() -> list[starter_kits.Kit | starter_kits.AgentKit]:
    """List the starter kits, from the first idea to the fastest, then those for agents."""
    return [*starter_kits.kits(), *starter_kits.agent_kits()]


@operation(blueprint, "GET", "/kits/<name>", Operation("watching", schemas.Kit()))
def kit(name: str) -> starter_kits.Kit | starter_kits.AgentKit:
    """Show a starter kit."""
    try:
        return starter_kits.load_agent(name) if name in starter_kits.AGENTS else starter_kits.load(name)
    except KeyError as error:
        raise problems.of_status(404, str(error.args[0])) from error


@operation(
    blueprint,
    "GET",
    "/trials/<int:trial_id>/replay",
    Operation("watching", schemas.Replay(), takes=schemas.Beside()),
)
def trial_replay(wanted: dict[str, int], trial_id: int) -> dict[str, Any]:
    """Name one drive to show, whether it stands on the board or not, and another one beside it."""
    with arena().reading() as session:
        found = _trial(session, trial_id)
        drives = [found, *([_trial(session, wanted["beside"])] if "beside" in wanted else [])]
        if drives[-1].race_id != found.race_id:
            raise problems.of_status(404, f"Trial {wanted['beside']} is of another race.")
        cars = [_car(drive) for drive in drives]
        if len(cars) > 1 and cars[0]["name"] == cars[1]["name"]:  # two drives of one racer
            for car, drive in zip(cars, drives, strict=True):
                car["name"] += f" #{drive.submission.number}"
        return _replay(found.submission.race, cars)


@operation(blueprint, "GET", "/trials/<int:trial_id>/trace", Operation("watching", schemas.Trace()))
def trace(trial_id: int) -> Response:
    """Show a recorded drive; it never changes and may be cached for ever."""
    with arena().reading() as session:
        found = _trial(session, trial_id)
        facts = {
            "trial_id": found.id,
            "race": found.submission.race.slug,
            "racer": found.submission.racer.handle,
            "track": found.submission.race.track,
            "laps": [shapes.lap(one) for one in found.laps],
        }
        key = found.trace_key
    return traces.answer(arena().artifacts, key, facts)


def _replay(found: Race, cars: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "race": found.slug,
        "track": found.track,
        "laps": found.laps,
        "direction": found.direction,
        "track_url": shapes.track_url(found),
        "cars": cars,
    }


def _cars(session: Session, found: Race) -> list[dict[str, Any]]:
    """Return the best cars in the order of the board; the newest drive is among them whatever its time."""
    rows = standings.board(session, found, limit=CARS_OF_REPLAY)
    cars = [{**row.as_json(), "trace_url": shapes.trace_url(row.trial_id)} for row in rows]
    counting = select(Trial).where(Trial.race_id == found.id, Trial.ruling.in_(COUNTING))
    newest = session.scalar(counting.order_by(Trial.id.desc()).limit(1))
    if newest is None or newest.id in {car["trial_id"] for car in cars}:
        return cars
    return [*cars[: CARS_OF_REPLAY - 1], _car(newest)]


def _trial(session: Session, trial_id: int) -> Trial:
    found = session.get(Trial, trial_id) if trial_id < 2**31 else None
    if found is None:
        raise problems.of_status(404, f"There is no trial {trial_id}. The replay of a race names its trials.")
    return found


def _car(found: Trial) -> dict[str, Any]:
    """Return a drive as a car of a replay, without a place."""
    racer = found.submission.racer
    return {
        "racer": racer.handle,
        "name": racer.name,
        "team": racer.team.name if racer.team else None,
        "rank": None,
        "is_house": racer.is_house,
        "official_ms": found.official_ms,
        "trial_id": found.id,
        "trace_url": shapes.trace_url(found.id),
    }
