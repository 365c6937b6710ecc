"""What is driven, in plain words: for the head of a race's page, its card, its form and its rules."""

from __future__ import annotations

from flask import Flask

from arena.league.models import Race
from arena.league.plans import RacePlan
from arena.league.states import Direction, ObstacleKind, RaceType
from leaderboard.words import count
from simulator import tracks
from simulator.track import TrackError

Driven = Race | RacePlan

RACE_TYPES = {
    RaceType.TIME_TRIAL: "Time trial",
    RaceType.OBJECT_AVOIDANCE: "Object avoidance",
    RaceType.HEAD_TO_BOTS: "Head to bots",
    RaceType.HEAD_TO_HEAD: "Head to head",
}
ABOUT_RACE_TYPES = {
    RaceType.TIME_TRIAL: "Alone on the road, against the clock.",
    RaceType.OBJECT_AVOIDANCE: "Boxes or parked cars stand in the way.",
    RaceType.HEAD_TO_BOTS: "Slow cars of the house drive along a lane and have to be passed.",
    RaceType.HEAD_TO_HEAD: "Against other cars that race, from a grid. Who drives into a car pays.",
}
DIRECTIONS = {
    Direction.FORWARD: "Forward",
    Direction.REVERSED: "Reversed",
    Direction.ALTERNATE: "Both ways in turn",
}
KINDS = {ObstacleKind.BOX: ("box", "boxes"), ObstacleKind.PARKED_CAR: ("parked car", "parked cars")}
IMPERFECT = (
    "As with real cars, grip, the delay of commands and the noise of the senses are never quite the same. "
    "Cars train with ever changing ones; in the race everybody meets the same."
)


def race_type_name(race: Driven) -> str:
    """Name the kind of a race: Object avoidance."""
    return RACE_TYPES[race.race_type]


def driven(race: Driven) -> str:
    """Say what is driven in one line: Object avoidance on Kidney, reversed: 6 boxes, 5 s for a crash."""
    where = f"{RACE_TYPES[race.race_type]} on {_title(race.track)}"
    if race.direction is not Direction.FORWARD:
        where += f", {DIRECTIONS[race.direction].lower()}"
    road = [on_the_road(race), crash_price(race), "an imperfect car" if race.imperfect else ""]
    found = ", ".join(filter(None, road))
    return f"{where}: {found}" if found else where


def on_the_road(race: Driven) -> str:
    """Say what is on the road besides the car, "" for nothing: 6 boxes."""
    match race.race_type:
        case RaceType.OBJECT_AVOIDANCE:
            return count(obstacle_count(race), *KINDS[race.obstacle_kind])
        case RaceType.HEAD_TO_BOTS:
            lanes = " that change lanes" if race.bot_lane_change else ""
            return f"{count(race.bot_count, 'bot')} at {race.bot_speed_mps:g} m/s{lanes}"
        case RaceType.HEAD_TO_HEAD:
            return f"{count(race.cars - 1, 'other car')} of the house"
        case _:
            return ""


def obstacle_count(race: Driven) -> int:
    """Count what stands in the way."""
    if race.obstacles:
        return sum(bool(part.strip()) for part in race.obstacles.split(";"))
    return race.obstacle_count or 0


def crash_price(race: Driven) -> str:
    """Say what a crash costs, "" where there is nothing to crash into."""
    if race.race_type is RaceType.TIME_TRIAL:
        return ""
    if not race.collision_penalty_ms:
        return "no penalty for a crash"
    return f"{race.collision_penalty_ms / 1000:g} s for a crash"


def direction_name(direction: Direction) -> str:
    """Name a direction: Both ways in turn."""
    return DIRECTIONS[Direction(direction)]


def has_crashes(race: Driven) -> bool:
    """Whether there is anything to crash into."""
    return race.race_type is not RaceType.TIME_TRIAL


def _title(track: str) -> str:
    try:
        return tracks.describe(track).title
    except TrackError:
        return track


def register(app: Flask) -> None:
    """Make the words available to every template."""
    for word in (driven, crash_price, on_the_road, race_type_name, direction_name, has_crashes):
        app.jinja_env.filters[word.__name__] = word
