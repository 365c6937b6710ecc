"""What a race of the league puts on its road, as the simulator drives it.

The league stores words and numbers (a direction, positions, a count) and knows no physics; the garage takes a
`Course` and `Rules`. Obstacles that are drawn come from the race's seed, so all entrants meet the same ones.
"""

from arena.league.models import Race
from arena.league.plans import DEFAULT_BOT_SPEED_MPS, DEFAULT_BOTS, RacePlan
from arena.league.states import RaceType
from simulator import tracks
from simulator.bots import Bots
from simulator.course import Course, Direction
from simulator.imperfections import CALIBRATED
from simulator.objects import Kind, Obstacle, parse_obstacles, place_obstacles
from simulator.rules import Rules
from simulator.track import Track


def course_of(race: Race | RacePlan) -> Course:
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


def rules_of(race: Race) -> Rules:
    """Return the rules of a race with its penalties."""
    return Rules.object_avoidance(
        race.laps,
        off_track_penalty_s=race.off_track_penalty_ms / 1000,
        collision_penalty_s=race.collision_penalty_ms / 1000,
    )


def _obstacles(race: Race | RacePlan, track: Track) -> tuple[Obstacle, ...]:
    kind = Kind(race.obstacle_kind)
    if race.obstacles:
        return parse_obstacles(race.obstacles, kind)
    return place_obstacles(track, race.obstacle_count or 0, race.seed or 0, kind=kind)
