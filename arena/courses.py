"""What a race of the league puts on its road, as the simulator drives it.

The league stores words and numbers (a direction, positions, a count) and knows no physics; the garage takes a
`Course` and `Rules`. Obstacles that are drawn come from the race's seed, so all entrants meet the same ones.
"""

from collections.abc import Mapping
from typing import Any

from arena.league import plans
from arena.league.errors import InvalidInput
from arena.league.models import Race
from arena.league.plans import DEFAULT_BOT_SPEED_MPS, DEFAULT_BOTS, RacePlan, columns_of
from arena.league.states import RaceType, Sense
from simulator import tracks
from simulator.bots import Bots
from simulator.course import Course, Direction
from simulator.imperfections import CALIBRATED
from simulator.objects import Kind, Obstacle, parse_obstacles, place_obstacles
from simulator.rules import Rules
from simulator.track import Track

Conditions = Race | RacePlan
# What decides how a race is driven and trained for, besides its seed; the rest is how results count.
CONDITIONS = (
    "track", "laps", "car", "training_steps", "off_track_penalty_ms", "race_type", "direction", "obstacles",
    "obstacle_count", "obstacle_kind", "bot_count", "bot_speed_mps", "bot_lane_change", "cars",
    "collision_penalty_ms", "imperfect", "senses",
)  # fmt: skip


def conditions_of(race: Conditions) -> dict[str, Any]:
    """Return the conditions of a race as plain values of JSON, without its seed."""
    return {name: getattr(race, name) for name in CONDITIONS}


def plan_of(conditions: Mapping[str, Any], seed: int) -> RacePlan:
    """Return the race of conditions that `conditions_of` wrote. Raises ValueError for what they cannot be."""
    known = {name: conditions[name] for name in CONDITIONS if name in conditions}
    try:
        plan = RacePlan(slug="again", title="Again", **known, seed=seed)
        return RacePlan(**columns_of(plan))
    except (TypeError, InvalidInput) as error:
        raise ValueError(f"These are not the conditions of a race: {error}") from error


def course_of(race: Conditions) -> Course:
    """Return the course of a race or of a plan; raise a ValueError with a sentence for what cannot be driven.

    That is a `TrackError`, `ObstacleError`, `BotError` or `CourseError`, and never an entrant's fault. A plan
    without a seed shows obstacles that fit as well as those that will be drawn.
    """
    track = tracks.load(race.track)
    bots = None
    if race.race_type is RaceType.HEAD_TO_BOTS:
        bots = Bots(
            DEFAULT_BOTS if race.bot_count is None else race.bot_count,
            DEFAULT_BOT_SPEED_MPS if race.bot_speed_mps is None else race.bot_speed_mps,
            race.bot_lane_change,
        )
    return Course(
        track,
        Direction(race.direction),
        obstacles=_obstacles(race, track),
        bots=bots,
        cars=race.cars,
        imperfections=CALIBRATED if race.imperfect else None,
    )


def senses_of(race: Conditions | None) -> tuple[str, ...]:
    """Return what entries may see by in a race, names of `Sense`; without a race whatever there is."""
    return tuple(sense.value for sense in (plans.senses_of(race.senses) if race else Sense))


def rules_of(race: Conditions) -> Rules:
    """Return the rules of a race with its penalties."""
    return Rules.object_avoidance(
        race.laps,
        off_track_penalty_s=race.off_track_penalty_ms / 1000,
        collision_penalty_s=race.collision_penalty_ms / 1000,
    )


def _obstacles(race: Conditions, track: Track) -> tuple[Obstacle, ...]:
    kind = Kind(race.obstacle_kind)
    if race.obstacles:
        return parse_obstacles(race.obstacles, kind)
    return place_obstacles(track, race.obstacle_count or 0, race.seed or 0, kind=kind)
