"""Your own account and its tokens, and what organisers do."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from arena.league import accounts, seasons
from arena.league.plans import RacePlan
from arena.league.scoring import DEFAULT_POINTS
from leaderboard import courses
from leaderboard.api import plans, schemas, shapes
from leaderboard.api.operations import Operation, operation
from leaderboard.auth import load_racer, load_season, now
from leaderboard.context import arena

blueprint = Blueprint("api_own", __name__, url_prefix="/api/v1")


@operation(blueprint, "GET", "/me", Operation("account", schemas.Me(), needs_account=True))
def me() -> dict[str, Any]:
    """Say whose token this is."""
    with arena().reading() as session:
        racer = load_racer(session)
        return {
            "handle": racer.handle,
            "name": racer.name,
            "team": racer.team.name if racer.team else None,
            "is_organiser": racer.is_organiser,
        }


@operation(
    blueprint,
    "POST",
    "/me/tokens",
    Operation("account", schemas.Token(), status=201, takes=schemas.TokenRequest(), needs_account=True),
)
def issue_token(asked: dict[str, str]) -> dict[str, str]:
    """Make a token for a program; it is shown this once."""
    with arena().transaction() as session:
        token = accounts.issue_token(session, load_racer(session), asked["label"], now())
    return {"token": token, "label": asked["label"]}


@operation(
    blueprint,
    "POST",
    "/seasons",
    Operation("organising", schemas.Season(), status=201, takes=plans.SeasonPlan(), organisers_only=True),
)
def open_season(plan: dict[str, Any]) -> dict[str, Any]:
    """Open a season."""
    points = tuple(plan.pop("points", DEFAULT_POINTS))
    with arena().transaction() as session:
        season = seasons.open_season(session, **plan, points=points, by=load_racer(session), now=now())
        return shapes.season(season, now())


@operation(
    blueprint,
    "POST",
    "/seasons/<slug>/races",
    Operation("organising", schemas.Race(), status=201, takes=plans.NewRace(), organisers_only=True),
)
def open_race(plan: dict[str, Any], slug: str) -> dict[str, Any]:
    """Add a race to a season."""
    asked = RacePlan(**plan | {"senses": ",".join(plan["senses"])})
    courses.check(asked)
    with arena().transaction() as session:
        season = load_season(session, slug)
        race = seasons.open_race(session, season, asked, by=load_racer(session), now=now())
        return shapes.race(race, now())
