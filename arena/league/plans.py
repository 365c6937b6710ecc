"""What an organiser may write about a season and a race, checked field by field.

Whether a track exists, and whether obstacles can stand on it where they are asked to, is asked where tracks
are known (the form, the API): the league stores a name and checks the shape of the positions.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import Any, TypeVar

from arena.league.accounts import checked_name
from arena.league.columns import as_utc_text
from arena.league.errors import InvalidInput
from arena.league.models import Season
from arena.league.scoring import DEFAULT_POINTS
from arena.league.states import Car, Direction, ObstacleKind, RaceType, Sense, Timing

Word = TypeVar("Word", bound=StrEnum)

SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?")
TRACK = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,59}")
TITLE_LENGTH = 120
NUMBER_RANGES = {
    "laps": (1, 100),
    "training_steps": (10_000, 20_000_000),
    "max_submissions": (1, 10_000),
    "max_queued": (1, 100),
    "off_track_penalty_ms": (0, 60_000),
    "collision_penalty_ms": (0, 60_000),
    "seed": (0, 2**31 - 1),
    "obstacle_count": (1, 20),
    "bot_count": (1, 6),
    "cars": (2, 8),
}
# DeepRacer's own head to bots (NUMBER_OF_BOT_CARS, BOT_CAR_SPEED).
DEFAULT_BOTS = 3
DEFAULT_BOT_SPEED_MPS = 0.2
BOT_SPEED_RANGE_MPS = (0.1, 4.0)
# What every race has a number of; the others belong to one race type each.
_EVERY_RACE = ("laps", "training_steps", "max_submissions", "max_queued", "off_track_penalty_ms", "seed")
_OBSTACLE = re.compile(
    r"\s*(\d{1,2}(?:\.\d{0,12})?|\.\d{1,12})\s*,\s*(inner|outer|-?1)\s*", re.ASCII | re.IGNORECASE
)
OBSTACLES_LENGTH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class RacePlan:
    """What an organiser says about a race; times left out are those of the season."""

    slug: str
    title: str
    track: str
    laps: int = 3
    timing: Timing = Timing.TOTAL
    average_laps: int | None = None
    car: Car = Car.CLASSIC
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    training_steps: int = 500_000
    max_submissions: int = 50
    max_queued: int = 3
    """How many entries of a racer may wait or train at once."""
    is_live: bool = False
    """A live event: its entries go first, and one of several workers is kept free for them."""
    off_track_penalty_ms: int = 2_000
    seed: int | None = None
    """None draws one; it is stored and part of every training seed of the race."""
    race_type: RaceType = RaceType.TIME_TRIAL
    direction: Direction = Direction.FORWARD
    obstacles: str | None = None
    """Object avoidance: DeepRacer's "fraction,lane;fraction,lane"; or `obstacle_count`, drawn by the seed."""
    obstacle_count: int | None = None
    obstacle_kind: ObstacleKind = ObstacleKind.BOX
    bot_count: int | None = None
    """Head to bots; None takes DeepRacer's 3 bots at 0.2 m/s."""
    bot_speed_mps: float | None = None
    bot_lane_change: bool = False
    cars: int = 1
    """Head to head: the entrant's car and the reference drivers together."""
    collision_penalty_ms: int = 5_000
    imperfect: bool = False
    takes_agents: bool = False
    takes_policies: bool = False
    may_continue: bool = True
    senses: str = Sense.VECTOR.value
    """What an entry may see by: `Sense`s with commas between; stored in their own order."""


def checked_slug(slug: str) -> str:
    """Return the short name, or raise InvalidInput."""
    slug = slug.strip()
    if not SLUG.fullmatch(slug):
        raise InvalidInput(
            "slug",
            "A short name has 1 to 60 characters, only a-z, 0-9 and -, and begins and ends with a letter or "
            f"digit; “{slug[:40]}” does not fit. For example: spring-oval.",
        )
    return slug


def check_order(opens_at: datetime, closes_at: datetime) -> None:
    """Raise InvalidInput unless both times have a zone and the closing time comes later."""
    for name, moment in (("opens_at", opens_at), ("closes_at", closes_at)):
        if moment.tzinfo is None:
            raise InvalidInput(name, f"{name} needs a time zone, {moment.isoformat()} has none. Add one.")
    if closes_at <= opens_at:
        raise InvalidInput(
            "closes_at",
            f"The closing time must come after the opening time {as_utc_text(opens_at)}; "
            f"{as_utc_text(closes_at)} does not. Choose a later one.",
        )


def check_within(season: Season, opens_at: datetime, closes_at: datetime) -> None:
    """Raise InvalidInput unless the times lie within the season."""
    if opens_at < season.opens_at or closes_at > season.closes_at:
        first, last = as_utc_text(season.opens_at), as_utc_text(season.closes_at)
        field_name = "opens_at" if opens_at < season.opens_at else "closes_at"
        raise InvalidInput(
            field_name,
            f"A race lies within its season, {first} to {last}; {as_utc_text(opens_at)} to "
            f"{as_utc_text(closes_at)} does not. Choose other times.",
        )


def check_points(points: tuple[int, ...]) -> None:
    """Raise InvalidInput unless a better place is never worth less."""
    falling = all(a >= b >= 0 for a, b in pairwise(points))
    if not 1 <= len(points) <= 100 or points[0] < 1 or points[0] > 10_000 or not falling:
        raise InvalidInput(
            "points",
            "Points are 1 to 100 whole numbers from first place down, none larger than the one before, up to "
            f"10000; got {list(points)[:12]}. For example: {', '.join(map(str, DEFAULT_POINTS))}.",
        )


def columns_of(plan: RacePlan) -> dict[str, Any]:
    """Return the columns of a race from a plan."""
    seed = secrets.randbelow(2**31) if plan.seed is None else plan.seed
    numbers = {name: getattr(plan, name) for name in _EVERY_RACE} | {"seed": seed}
    for name, number in numbers.items():
        _check_number(name, number, *NUMBER_RANGES[name])
    return {
        "slug": checked_slug(plan.slug),
        "title": checked_name("title", plan.title, TITLE_LENGTH),
        "track": _checked_track(plan.track),
        "timing": _checked_word("timing", "timing method", Timing, plan.timing),
        "car": _checked_word("car", "car", Car, plan.car),
        "average_laps": _checked_average(plan),
        "imperfect": _checked_switch("imperfect", plan.imperfect),
        **_entries_of(plan),
        **numbers,
        **_road_of(plan),
    }


def senses_of(senses: str) -> tuple[Sense, ...]:
    """Return the senses of a race's column, in their own order. Raises InvalidInput for none or others."""
    asked = {word.strip() for word in senses.split(",")} - {""}
    if not asked or asked - set(Sense):
        got = f"“{senses[:40]}”" if asked else "none"
        raise InvalidInput(
            "senses",
            f"Cars see by at least one of {', '.join(Sense)}; got {got}. For example: vector,camera.",
        )
    return tuple(sense for sense in Sense if sense in asked)


def _entries_of(plan: RacePlan) -> dict[str, Any]:
    """Return the columns of what may be entered besides reward functions, and what cars may see by."""
    return {
        "is_live": _checked_switch("is_live", plan.is_live),
        "takes_agents": _checked_switch("takes_agents", plan.takes_agents),
        "takes_policies": _checked_switch("takes_policies", plan.takes_policies),
        "may_continue": _checked_switch("may_continue", plan.may_continue),
        "senses": ",".join(senses_of(plan.senses)),
    }


def _road_of(plan: RacePlan) -> dict[str, Any]:
    """Return the columns of what is on the road; what the race type has no use for is dropped."""
    race_type = _checked_word("race_type", "race type", RaceType, plan.race_type)
    road: dict[str, Any] = {
        "race_type": race_type,
        "direction": _checked_word("direction", "direction", Direction, plan.direction),
    }
    if race_type is RaceType.TIME_TRIAL:
        return road
    _check_number("collision_penalty_ms", plan.collision_penalty_ms, *NUMBER_RANGES["collision_penalty_ms"])
    road["collision_penalty_ms"] = plan.collision_penalty_ms
    if race_type is RaceType.OBJECT_AVOIDANCE:
        return road | _obstacles_of(plan)
    if race_type is RaceType.HEAD_TO_BOTS:
        return road | _bots_of(plan)
    _check_number("cars", plan.cars, *NUMBER_RANGES["cars"])
    return road | {"cars": plan.cars}


def _obstacles_of(plan: RacePlan) -> dict[str, Any]:
    kind = _checked_word("obstacle_kind", "kind of obstacle", ObstacleKind, plan.obstacle_kind)
    positions = _checked_positions(plan.obstacles or "")
    if positions and plan.obstacle_count is not None:
        raise InvalidInput(
            "obstacle_count",
            "Give either the obstacles' positions or how many are drawn, not both. Clear one of the two.",
        )
    if positions:
        return {"obstacles": positions, "obstacle_kind": kind}
    if plan.obstacle_count is None:
        raise InvalidInput(
            "obstacle_count",
            "Object avoidance needs obstacles. Say how many are drawn, or give their positions.",
        )
    _check_number("obstacle_count", plan.obstacle_count, *NUMBER_RANGES["obstacle_count"])
    return {"obstacle_count": plan.obstacle_count, "obstacle_kind": kind}


def _checked_positions(text: str) -> str | None:
    """Return the positions without stray blanks, None for none of them."""
    parts = [part for part in text.split(";") if part.strip()]
    for part in parts:
        if not _OBSTACLE.fullmatch(part):
            raise InvalidInput(
                "obstacles",
                "Positions are a share of the lap and a lane, fraction,lane;fraction,lane; "
                f"“{part.strip()[:40]}” does not fit. For example: 0.25,inner;0.6,outer.",
            )
    most = NUMBER_RANGES["obstacle_count"][1]
    clean = ";".join("".join(part.split()).lower() for part in parts)
    if len(parts) > most or len(clean) > OBSTACLES_LENGTH:
        raise InvalidInput(
            "obstacles",
            f"A race has up to {most} obstacles, in up to {OBSTACLES_LENGTH} characters; these are "
            f"{len(parts)} in {len(clean)}. Leave some out.",
        )
    return clean or None


def _bots_of(plan: RacePlan) -> dict[str, Any]:
    count = DEFAULT_BOTS if plan.bot_count is None else plan.bot_count
    speed_mps = DEFAULT_BOT_SPEED_MPS if plan.bot_speed_mps is None else plan.bot_speed_mps
    _check_number("bot_count", count, *NUMBER_RANGES["bot_count"])
    lowest, highest = BOT_SPEED_RANGE_MPS
    is_number = isinstance(speed_mps, int | float) and not isinstance(speed_mps, bool)
    if not is_number or not lowest <= speed_mps <= highest:
        raise InvalidInput(
            "bot_speed_mps",
            f"Bots drive at {lowest} to {highest} m/s; got {speed_mps!r}. Choose a speed in between.",
        )
    return {
        "bot_count": count,
        "bot_speed_mps": float(speed_mps),
        "bot_lane_change": _checked_switch("bot_lane_change", plan.bot_lane_change),
    }


def _checked_switch(name: str, value: bool) -> bool:
    if not isinstance(value, bool):
        raise InvalidInput(name, f"{name} is true or false; got {value!r}.")
    return value


def _check_number(name: str, number: int, lowest: int, highest: int) -> None:
    if not isinstance(number, int) or isinstance(number, bool) or not lowest <= number <= highest:
        raise InvalidInput(
            name,
            f"{name} is a whole number from {lowest} to {highest}; got {number!r}. Choose one in between.",
        )


def _checked_track(track: str) -> str:
    if not TRACK.fullmatch(track):
        raise InvalidInput(
            "track",
            f"“{track[:40]}” is not a track's name (letters, digits, - and _). See `arena tracks`.",
        )
    return track


def _checked_word(field: str, title: str, kind: type[Word], word: str) -> Word:
    try:
        return kind(word)
    except ValueError:
        raise InvalidInput(field, f"The {title} is one of {', '.join(kind)}; got “{word}”.") from None


def _checked_average(plan: RacePlan) -> int | None:
    """Return the k of the average; the other methods have none, what a form sends along is dropped."""
    if plan.timing != Timing.AVERAGE:
        return None
    if plan.average_laps is None:
        raise InvalidInput(
            "average_laps", "The average needs its number of consecutive laps. Give average_laps."
        )
    _check_number("average_laps", plan.average_laps, 1, plan.laps)
    return plan.average_laps
