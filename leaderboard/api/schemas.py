"""What goes into the API and comes out of it, field by field; the OpenAPI description is made from these."""

from __future__ import annotations

from typing import Any

from marshmallow import EXCLUDE, Schema, fields, validate

from arena.league.states import Car, Direction, Driver, ObstacleKind, RaceType, Sense, Timing


def note(text: str, **more: Any) -> dict[str, Any]:
    return {"description": text, **more}


class ProblemDocument(Schema):
    """RFC 9457: what went wrong."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True, metadata=note("What was expected, what came, what to do."))
    verdict = fields.String(metadata=note("What is wrong in the entrant's own files."))
    line = fields.Integer(allow_none=True, metadata=note("The line in the entrant's own file."))
    errors = fields.Dict(keys=fields.String(), values=fields.String(), metadata=note("By field."))


class Beside(Schema):
    """Another drive to show together with the one asked for."""

    beside = fields.Integer(validate=validate.Range(1), metadata=note("A trial of the same race."))


class Page(Schema):
    """Which part of a long list."""

    class Meta:
        unknown = EXCLUDE

    limit = fields.Integer(load_default=100, validate=validate.Range(1, 500))
    offset = fields.Integer(load_default=0, validate=validate.Range(0, 10_000_000))


class Race(Schema):
    """A race and its rules."""

    slug = fields.String(required=True)
    title = fields.String(required=True)
    season = fields.String(required=True)
    track = fields.String(required=True)
    laps = fields.Integer(required=True)
    timing = fields.Enum(Timing, by_value=True, required=True)
    average_laps = fields.Integer(allow_none=True)
    car = fields.Enum(Car, by_value=True, required=True)
    opens_at = fields.AwareDateTime(required=True)
    closes_at = fields.AwareDateTime(required=True)
    is_open = fields.Boolean(required=True)
    training_steps = fields.Integer(required=True)
    max_submissions = fields.Integer(required=True)
    max_queued = fields.Integer(required=True, metadata=note("Entries of a racer that may wait at once."))
    is_live = fields.Boolean(required=True, metadata=note("Its entries go first."))
    off_track_penalty_ms = fields.Integer(required=True)
    race_type = fields.Enum(RaceType, by_value=True, required=True)
    direction = fields.Enum(Direction, by_value=True, required=True)
    obstacles = fields.String(allow_none=True, metadata=note("fraction,lane;fraction,lane; or null."))
    obstacle_count = fields.Integer(allow_none=True, metadata=note("Drawn from the race's seed, or null."))
    obstacle_kind = fields.Enum(ObstacleKind, by_value=True, required=True)
    bot_count = fields.Integer(allow_none=True)
    bot_speed_mps = fields.Float(allow_none=True)
    bot_lane_change = fields.Boolean(required=True)
    cars = fields.Integer(required=True, metadata=note("On the grid, the entry's own among them."))
    collision_penalty_ms = fields.Integer(required=True, metadata=note("Of no effect in time trials."))
    imperfect = fields.Boolean(required=True, metadata=note("Grip, delay and noise vary by the seed."))
    takes_agents = fields.Boolean(required=True)
    takes_policies = fields.Boolean(required=True, metadata=note("Policies that were trained elsewhere."))
    may_continue = fields.Boolean(
        required=True, metadata=note("Trainings may go on from earlier entries of the same racer.")
    )
    senses = fields.List(
        fields.Enum(Sense, by_value=True), required=True, metadata=note("What entries may see by.")
    )
    driven = fields.String(required=True, metadata=note("What is driven, in plain words."))


class Season(Schema):
    """A season and its races."""

    slug = fields.String(required=True)
    title = fields.String(required=True)
    opens_at = fields.AwareDateTime(required=True)
    closes_at = fields.AwareDateTime(required=True)
    points = fields.List(fields.Integer(), required=True)
    races = fields.List(fields.Nested(Race), required=True)


class SeasonCell(Schema):
    """A racer's result in one race of the season."""

    rank = fields.Integer(required=True)
    official_ms = fields.Integer(required=True)
    points = fields.Integer(required=True)


class SeasonRow(Schema):
    """A row of a season's table."""

    rank = fields.Integer(required=True)
    racer = fields.String(required=True)
    name = fields.String(required=True)
    team = fields.String(allow_none=True)
    points = fields.Integer(required=True)
    races = fields.Dict(keys=fields.String(), values=fields.Nested(SeasonCell), required=True)


class SeasonDetail(Season):
    """A season with its table."""

    board = fields.List(fields.Nested(SeasonRow), required=True)


class BoardRow(Schema):
    """A racer's best result in a race. House cars have no rank."""

    rank = fields.Integer(required=True, allow_none=True)
    racer = fields.String(required=True)
    name = fields.String(required=True)
    team = fields.String(allow_none=True)
    official_ms = fields.Integer(required=True)
    gap_ms = fields.Integer(required=True)
    laps = fields.Integer(required=True)
    crashes = fields.Integer(required=True)
    submissions = fields.Integer(required=True)
    achieved_at = fields.AwareDateTime(required=True)
    submission_id = fields.String(required=True)
    trial_id = fields.Integer(required=True)
    is_house = fields.Boolean(required=True)
    driver = fields.Enum(Driver, by_value=True, required=True, metadata=note("Who drove this time."))
    is_continued = fields.Boolean(required=True, metadata=note("Its training went on from an earlier entry."))


class Board(Schema):
    """A page of a race's board."""

    rows = fields.List(fields.Nested(BoardRow), required=True)
    total = fields.Integer(required=True)
    limit = fields.Integer(required=True)
    offset = fields.Integer(required=True)


class ReplayCar(Schema):
    """A car of the replay; its drive is at trace_url."""

    racer = fields.String(required=True)
    name = fields.String(required=True)
    team = fields.String(allow_none=True)
    rank = fields.Integer(allow_none=True)
    is_house = fields.Boolean(required=True)
    official_ms = fields.Integer(allow_none=True)
    trial_id = fields.Integer(required=True)
    trace_url = fields.String(required=True)


class Replay(Schema):
    """The best drives of a race, and the newest one."""

    race = fields.String(required=True)
    track = fields.String(required=True)
    laps = fields.Integer(required=True)
    direction = fields.Enum(Direction, by_value=True, required=True)
    track_url = fields.String(required=True, metadata=note("The track turned the way it is driven."))
    cars = fields.List(fields.Nested(ReplayCar), required=True)


class Way(Schema):
    """Which way round."""

    class Meta:
        unknown = EXCLUDE

    direction = fields.Enum(Direction, by_value=True, load_default=Direction.FORWARD)


class RecordsWanted(Schema):
    """Which fastest laps: one way round (never alternate), with one car."""

    class Meta:
        unknown = EXCLUDE

    direction = fields.String(
        load_default=Direction.FORWARD.value,
        validate=validate.OneOf([Direction.FORWARD.value, Direction.REVERSED.value]),
    )
    car = fields.String(load_default=Car.CLASSIC.value, validate=validate.OneOf([car.value for car in Car]))
    limit = fields.Integer(load_default=10, validate=validate.Range(1, 100))


class Record(Schema):
    """A racer's fastest lap on a track. House cars have no rank."""

    rank = fields.Integer(required=True, allow_none=True)
    racer = fields.String(required=True)
    name = fields.String(required=True)
    lap_time_ms = fields.Integer(required=True)
    driven_at = fields.AwareDateTime(required=True)
    race = fields.String(required=True)
    submission_id = fields.String(required=True)
    trial_id = fields.Integer(required=True)
    lap = fields.Integer(required=True, metadata=note("The number of the lap in its drive."))
    is_house = fields.Boolean(required=True)
    driver = fields.Enum(Driver, by_value=True, required=True)
    is_continued = fields.Boolean(required=True)


class Track(Schema):
    """What there is to know of a circuit."""

    name = fields.String(required=True)
    title = fields.String(required=True)
    description = fields.String(required=True)
    difficulty = fields.Integer(required=True)
    length_m = fields.Float(required=True)
    width_m = fields.Float(required=True)
    min_radius_m = fields.Float(required=True)
    version = fields.String(required=True)


_POINTS = fields.List(fields.List(fields.Float()), required=True, metadata=note("[n, 2], metres, closed."))


class TrackGeometry(Track):
    """A circuit with its lines; the first point of each is on the finish line."""

    is_ccw = fields.Boolean(required=True)
    center = _POINTS
    inner = _POINTS
    outer = _POINTS


class Kit(Schema):
    """A starter kit: a small, complete entry to begin with."""

    name = fields.String(required=True)
    title = fields.String(required=True)
    summary = fields.String(required=True)
    reward_function = fields.String(metadata=note("Absent where the kit is an agent."))
    model_metadata = fields.String()
    hyperparameters = fields.String()
    agent = fields.String(metadata=note("The source of an agent; absent elsewhere."))


class Lap(Schema):
    """One complete circuit; the time includes the penalties served in it."""

    number = fields.Integer(required=True)
    direction = fields.Enum(Direction, by_value=True, required=True)
    lap_time_ms = fields.Integer(required=True)
    off_track_count = fields.Integer(required=True)
    crash_count = fields.Integer(required=True)
    reset_count = fields.Integer(required=True)
    penalty_ms = fields.Integer(required=True)


class TraceObject(Schema):
    """A box or a car on the road: a value per row of the drive, or one where it stands; null while away."""

    length_m = fields.Float(required=True)
    width_m = fields.Float(required=True)
    x_m = fields.List(fields.Float(allow_none=True), required=True)
    y_m = fields.List(fields.Float(allow_none=True), required=True)
    yaw_rad = fields.List(fields.Float(), required=True)


class Trace(Schema):
    """A recorded drive, column by column; positions are those of the car's nose."""

    trial_id = fields.Integer(required=True)
    race = fields.String(required=True)
    racer = fields.String(required=True)
    track = fields.String(required=True)
    columns = fields.Dict(keys=fields.String(), values=fields.List(fields.Float()), required=True)
    laps = fields.List(fields.Nested(Lap), required=True)
    objects = fields.List(fields.Nested(TraceObject), metadata=note("Absent where the road was free."))


class Me(Schema):
    """Who is calling."""

    handle = fields.String(required=True)
    name = fields.String(required=True)
    team = fields.String(allow_none=True)
    is_organiser = fields.Boolean(required=True)


class TokenRequest(Schema):
    """What a new token is for."""

    label = fields.String(required=True, validate=validate.Length(1, 60))


class Token(Schema):
    """A new token; it cannot be seen again."""

    token = fields.String(required=True)
    label = fields.String(required=True)
