"""What organisers send: a season, a race, a ruling of the stewards; ranges and defaults are the league's."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from arena.league.plans import BOT_SPEED_RANGE_MPS, NUMBER_RANGES, RacePlan, senses_of
from arena.league.states import Car, Direction, ObstacleKind, RaceType, Sense, Timing
from arena.league.stewards import REASON_LENGTH
from leaderboard.api.schemas import Lap, note

_PLAN = RacePlan(slug="", title="", track="")


def _whole(name: str) -> fields.Integer:
    """A number of a race's plan, with the league's own range and default."""
    lowest, highest = NUMBER_RANGES[name]
    return fields.Integer(
        strict=True, validate=validate.Range(lowest, highest), load_default=getattr(_PLAN, name)
    )


def _maybe(name: str, text: str) -> fields.Integer:
    """A number that only one kind of race has."""
    lowest, highest = NUMBER_RANGES[name]
    return fields.Integer(
        strict=True,
        allow_none=True,
        validate=validate.Range(lowest, highest),
        load_default=None,
        metadata=note(text),
    )


class SeasonPlan(Schema):
    """A season to open."""

    slug = fields.String(required=True, metadata=note("Short name: a-z, 0-9 and -."))
    title = fields.String(required=True)
    opens_at = fields.AwareDateTime(required=True)
    closes_at = fields.AwareDateTime(required=True)
    points = fields.List(fields.Integer(strict=True), metadata=note("From first place down."))


class NewRace(Schema):
    """A race to open; times that are left out are those of the season."""

    slug = fields.String(required=True, metadata=note("Short name: a-z, 0-9 and -."))
    title = fields.String(required=True)
    track = fields.String(required=True, metadata=note("A name from /tracks."))
    timing = fields.Enum(Timing, by_value=True, load_default=_PLAN.timing)
    average_laps = fields.Integer(strict=True, allow_none=True, load_default=None)
    car = fields.Enum(Car, by_value=True, load_default=_PLAN.car)
    opens_at = fields.AwareDateTime(load_default=None, allow_none=True)
    closes_at = fields.AwareDateTime(load_default=None, allow_none=True)
    laps = _whole("laps")
    training_steps = _whole("training_steps")
    max_submissions = _whole("max_submissions")
    max_queued = _whole("max_queued")
    is_live = fields.Boolean(
        load_default=_PLAN.is_live, metadata=note("Its entries go first; a worker is kept free for them.")
    )
    off_track_penalty_ms = _whole("off_track_penalty_ms")
    seed = fields.Integer(strict=True, load_default=None, allow_none=True)
    race_type = fields.Enum(RaceType, by_value=True, load_default=_PLAN.race_type)
    direction = fields.Enum(Direction, by_value=True, load_default=_PLAN.direction)
    obstacles = fields.String(
        load_default=None,
        allow_none=True,
        metadata=note("Object avoidance: fraction,lane;fraction,lane, or instead obstacle_count."),
    )
    obstacle_count = _maybe("obstacle_count", "Object avoidance: how many are drawn from the race's seed.")
    obstacle_kind = fields.Enum(ObstacleKind, by_value=True, load_default=_PLAN.obstacle_kind)
    bot_count = _maybe("bot_count", "Head to bots; without it 3.")
    bot_speed_mps = fields.Float(
        load_default=None,
        allow_none=True,
        validate=validate.Range(*BOT_SPEED_RANGE_MPS),
        metadata=note("Head to bots; without it 0.2."),
    )
    bot_lane_change = fields.Boolean(load_default=_PLAN.bot_lane_change)
    cars = fields.Integer(
        strict=True,
        load_default=_PLAN.cars,
        validate=validate.Range(1, NUMBER_RANGES["cars"][1]),
        metadata=note("Head to head: 2 to 8 on the grid, the entry's own among them."),
    )
    collision_penalty_ms = _whole("collision_penalty_ms")
    imperfect = fields.Boolean(load_default=_PLAN.imperfect)
    takes_agents = fields.Boolean(load_default=_PLAN.takes_agents)
    takes_policies = fields.Boolean(
        load_default=_PLAN.takes_policies, metadata=note("Policies that were trained elsewhere.")
    )
    may_continue = fields.Boolean(
        load_default=_PLAN.may_continue,
        metadata=note("Trainings may go on from earlier entries of the same racer."),
    )
    senses = fields.List(
        fields.Enum(Sense, by_value=True),
        load_default=lambda: list(senses_of(_PLAN.senses)),
        validate=validate.Length(min=1),
        metadata=note("What entries may see by, at least one."),
    )


class Decision(Schema):
    """Why the stewards decide so."""

    reason = fields.String(
        load_default="",
        validate=validate.Length(max=REASON_LENGTH),
        metadata=note("The racer reads it. A drive is struck for a reason; clearing needs none."),
    )


class HeldLap(Lap):
    """A lap of a drive that is held."""

    optimum_ms = fields.Integer(
        required=True, allow_none=True, metadata=note("The fastest possible lap in its direction.")
    )
    is_suspicious = fields.Boolean(required=True, metadata=note("More than 0.5 % faster than possible."))


class HeldTrial(Schema):
    """A drive that waits for the stewards, and why."""

    trial_id = fields.Integer(required=True)
    submission_id = fields.String(required=True)
    url = fields.String(required=True, metadata=note("The page of its entry, with the replay."))
    race = fields.String(required=True)
    racer = fields.String(required=True)
    driven_at = fields.AwareDateTime(required=True)
    best_lap_ms = fields.Integer(allow_none=True)
    why = fields.String(allow_none=True)
    laps = fields.List(fields.Nested(HeldLap), required=True)
