"""What an entry is in the API: its files, the check of them, and what became of it."""

from __future__ import annotations

from marshmallow import Schema, fields

from arena.league.states import Driver, Ruling, SubmissionState
from leaderboard.api.schemas import Lap, note


class Entry(Schema):
    """The files of an entry: one of reward_function, agent and policy, as far as the race takes them.

    Settings may be the JSON itself or its text; without them the defaults apply.
    """

    reward_function = fields.String(metadata=note("Python source, up to 140,000 characters."))
    agent = fields.String(metadata=note("Python source of a class Agent that drives by itself."))
    policy = fields.Raw(
        metadata=note(
            "A .safetensors or .onnx file of up to 20 MB, in multipart/form-data only.",
            type="string",
            format="binary",
        )
    )
    parent = fields.String(
        metadata=note(
            "The id of your entry from which the training goes on, or its number in the race; "
            "with a reward_function only. Without model_metadata the entry has that one's."
        )
    )
    model_metadata = fields.Raw(metadata=note("The action space, in DeepRacer's form. Not for agents."))
    hyperparameters = fields.Raw(metadata=note("In DeepRacer's form; for what is trained here."))


class CheckRequest(Entry):
    """What is to be checked, and on which track."""

    race = fields.String(metadata=note("Check on this race's track; without it on the oval."))


class CannedReward(Schema):
    """What the reward function gives in a typical state of the car."""

    state = fields.String(required=True)
    reward = fields.Float(required=True, allow_none=True)


class Check(Schema):
    """What a check found."""

    ok = fields.Boolean(required=True)
    verdict = fields.String(required=True)
    message = fields.String(required=True)
    line = fields.Integer(allow_none=True)
    rewards = fields.List(
        fields.Nested(CannedReward), required=True, metadata=note("Of a reward function; else empty.")
    )
    output = fields.String(load_default="", dump_default="")
    warnings = fields.List(fields.String(), required=True)


class Progress(Schema):
    """A point of the learning curve."""

    steps = fields.Integer(required=True)
    budget = fields.Integer(required=True)
    elapsed_s = fields.Float(required=True)
    eta_s = fields.Float(allow_none=True)
    steps_per_s = fields.Float(allow_none=True)
    episodes = fields.Integer(required=True)
    completed_laps = fields.Integer(required=True)
    mean_return = fields.Float(allow_none=True)
    mean_progress = fields.Float(allow_none=True)
    best_lap_ms = fields.Integer(allow_none=True)


class Submission(Schema):
    """A submission and what became of it. What was wrong with it is for its owner and organisers."""

    id = fields.String(required=True)
    url = fields.String(required=True, metadata=note("Its page."))
    race = fields.String(required=True)
    racer = fields.String(required=True)
    number = fields.Integer(required=True)
    driver = fields.Enum(
        Driver,
        by_value=True,
        required=True,
        metadata=note("policy: trained here by a reward function; trained: elsewhere."),
    )
    parent = fields.String(allow_none=True, metadata=note("The id of the entry it was trained on from."))
    total_steps = fields.Integer(
        allow_none=True, metadata=note("Of its training and those of all ancestors; null without any.")
    )
    state = fields.Enum(SubmissionState, by_value=True, required=True)
    place = fields.Integer(allow_none=True, metadata=note("In the queue; 1 is next."))
    expected_wait_s = fields.Float(allow_none=True)
    verdict = fields.String(allow_none=True)
    message = fields.String(allow_none=True)
    line = fields.Integer(allow_none=True)
    detail = fields.String(allow_none=True)
    output = fields.String(allow_none=True)
    official_ms = fields.Integer(allow_none=True)
    best_lap_ms = fields.Integer(allow_none=True)
    trial_id = fields.Integer(allow_none=True)
    trace_url = fields.String(allow_none=True)
    crash_count = fields.Integer(allow_none=True)
    ruling = fields.Enum(
        Ruling, by_value=True, allow_none=True, metadata=note("Of the stewards; a held drive has no time.")
    )
    ruling_reason = fields.String(allow_none=True)
    created_at = fields.AwareDateTime(required=True)
    finished_at = fields.AwareDateTime(allow_none=True)
    laps = fields.List(fields.Nested(Lap), required=True)
    curve = fields.List(fields.Nested(Progress), required=True)


class Sector(Schema):
    """An equal share of the lap, beside the same piece of the fastest possible lap."""

    number = fields.Integer(required=True)
    from_m = fields.Float(required=True, metadata=note("Along the centre line, from the start line."))
    to_m = fields.Float(required=True)
    time_ms = fields.Integer(required=True)
    optimum_ms = fields.Integer(required=True)
    lost_ms = fields.Integer(required=True, allow_none=True, metadata=note("null in a lap from rest."))
    lowest_speed_mps = fields.Float(required=True)
    optimum_lowest_speed_mps = fields.Float(required=True)
    off_line_m = fields.Float(required=True, metadata=note("Mean distance from the optimum's line."))


class LapSectors(Schema):
    """The best lap of a submission in sectors, a flying lap where there is one."""

    number = fields.Integer(required=True)
    lap_time_ms = fields.Integer(required=True)
    is_standing_start = fields.Boolean(required=True)
    sectors = fields.List(fields.Nested(Sector), required=True)


class Source(Schema):
    """The files of a submission, as they were sent."""

    reward_function = fields.String(allow_none=True, metadata=note("null for other kinds of entries."))
    agent = fields.String(allow_none=True)
    model_metadata = fields.String(allow_none=True)
    hyperparameters = fields.String(allow_none=True)
