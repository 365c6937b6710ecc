"""What a race puts on its road, checked against the track and drawn: for the organiser's form and every page.

`arena.courses` makes a course of the league's words; its objections are told beside the field that they
concern.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from markupsafe import Markup

from arena.courses import course_of
from arena.league.errors import InvalidInput
from arena.league.models import Race
from arena.league.plans import RacePlan
from arena.league.states import Direction, RaceType
from leaderboard.course_words import driven
from leaderboard.drawing import course_svg, track_svg
from simulator import tracks
from simulator.objects import Obstacle
from simulator.track import Track

# The field that is to blame for a road on which nobody can drive.
FIELDS = {
    RaceType.OBJECT_AVOIDANCE: "obstacle_count",
    RaceType.HEAD_TO_BOTS: "bot_count",
    RaceType.HEAD_TO_HEAD: "cars",
}


@dataclass(frozen=True, slots=True)
class Preview:
    """What a form says of the road: a picture with a sentence, or what is wrong with it."""

    drawing: Markup
    sentence: str
    fault: str = ""


# The same turned track each time: what is kept by track is then found again.
@lru_cache(maxsize=64)
def turned(track: Track, direction: Direction) -> Track:
    """Return a track the way a lap in this direction drives it; alternate laps begin forward."""
    return track.reversed() if direction is Direction.REVERSED else track


def check(plan: RacePlan) -> None:
    """Raise InvalidInput, with the field, unless the race can be driven on its track."""
    if plan.track not in tracks.names():
        known = ", ".join(tracks.names())
        raise InvalidInput("track", f"There is no track “{plan.track[:60]}”. There are {known}.")
    try:
        course_of(plan)
    except ValueError as error:
        field = "obstacles" if plan.obstacles else FIELDS.get(plan.race_type, "track")
        raise InvalidInput(field, _as_sentence(error)) from error


def preview(plan: RacePlan, fault: str = "") -> Preview:
    """Draw the road of a plan; `fault` is what is known to be wrong already."""
    try:
        check(plan)
    except InvalidInput as error:
        fault = fault or error.message
    return Preview(drawing(plan), f"{driven(plan)}.", fault)


def drawing(race: Race | RacePlan) -> Markup:
    """Draw the track the way it is driven, with what stands on it; without that where it cannot stand."""
    try:
        obstacles = course_of(race).obstacles
    except ValueError:
        obstacles = ()
    return _drawing(race.track, race.direction, obstacles)


@lru_cache(maxsize=256)
def _drawing(track: str, direction: Direction, obstacles: tuple[Obstacle, ...]) -> Markup:
    if track not in tracks.names():
        return track_svg(track)
    return course_svg(turned(tracks.load(track), direction), obstacles)


def _as_sentence(error: ValueError) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
