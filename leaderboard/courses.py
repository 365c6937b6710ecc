"""What a race puts on its road, checked against the track and drawn: for the organiser's form and every page.

The league stores words (a direction, positions, a count); here they become a `simulator.course.Course`, whose
objections are told beside the field that they concern.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from markupsafe import Markup

from arena.league.errors import InvalidInput
from arena.league.plans import DEFAULT_BOTS, RacePlan
from arena.league.states import Direction, ObstacleKind, RaceType
from leaderboard.course_words import driven
from leaderboard.drawing import course_svg, track_svg
from simulator import tracks
from simulator.bots import BotError, Bots
from simulator.course import Course, CourseError
from simulator.course import Direction as Way
from simulator.objects import Kind, Obstacle, ObstacleError, parse_obstacles, place_obstacles
from simulator.track import Track, TrackError


class Road(Protocol):
    """What a race or the plan of one says about its road."""

    @property
    def track(self) -> str: ...
    @property
    def seed(self) -> int | None: ...
    @property
    def race_type(self) -> RaceType: ...
    @property
    def direction(self) -> Direction: ...
    @property
    def obstacles(self) -> str | None: ...
    @property
    def obstacle_count(self) -> int | None: ...
    @property
    def obstacle_kind(self) -> ObstacleKind: ...
    @property
    def bot_count(self) -> int | None: ...


def turned(track: Track, direction: Direction) -> Track:
    """Return a track the way a lap in this direction drives it; alternate laps begin forward."""
    return track.reversed() if direction is Direction.REVERSED else track


def check(road: Road) -> None:
    """Raise InvalidInput, with the field, unless the race can be driven on its track."""
    if road.track not in tracks.names():
        known = ", ".join(tracks.names())
        raise InvalidInput("track", f"There is no track “{road.track[:60]}”. There are {known}.")
    track = tracks.load(road.track)
    try:
        places = _obstacles(track, road.obstacles, road.obstacle_count, road.obstacle_kind, road.seed)
        Course(track, Way(road.direction), obstacles=places)
        _bots(road, track)
    except BotError as error:
        raise InvalidInput("bot_count", _as_sentence(error)) from error
    except (ObstacleError, CourseError) as error:
        field = "obstacles" if road.obstacles else "obstacle_count"
        raise InvalidInput(field, _as_sentence(error)) from error


@dataclass(frozen=True, slots=True)
class Preview:
    """What a form says of the road: a picture with a sentence, or what is wrong with it."""

    drawing: Markup
    sentence: str
    fault: str = ""


def preview(plan: RacePlan, fault: str = "") -> Preview:
    """Draw the road of a plan; `fault` is what is known to be wrong already."""
    try:
        check(plan)
    except InvalidInput as error:
        fault = fault or error.message
    return Preview(drawing(plan), f"{driven(plan)}.", fault)


def drawing(road: Road) -> Markup:
    """Draw the track the way it is driven, with what stands on it; without that where it cannot stand."""
    places = (road.obstacles, road.obstacle_count, road.obstacle_kind, road.seed)
    return _drawing(road.track, road.direction, *places)


@lru_cache(maxsize=256)
def _drawing(
    track: str,
    direction: Direction,
    positions: str | None,
    count: int | None,
    kind: ObstacleKind,
    seed: int | None,
) -> Markup:
    try:
        way = turned(tracks.load(track), direction)
    except TrackError:
        return track_svg(track)
    try:
        return course_svg(way, _obstacles(way, positions, count, kind, seed))
    except ObstacleError:
        return course_svg(way, ())


def _bots(road: Road, track: Track) -> None:
    """Raise `BotError` unless there is room for the bots."""
    if road.race_type is RaceType.HEAD_TO_BOTS:
        Bots(road.bot_count or DEFAULT_BOTS).slack_m(track.length_m)


def _obstacles(
    track: Track, positions: str | None, count: int | None, kind: ObstacleKind, seed: int | None
) -> tuple[Obstacle, ...]:
    """Return the obstacles of a race, in the direction of driving; without a seed any that fit as well."""
    if positions:
        return parse_obstacles(positions, Kind(kind))
    return place_obstacles(track, count, seed or 0, kind=Kind(kind)) if count else ()


def _as_sentence(error: ValueError) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
