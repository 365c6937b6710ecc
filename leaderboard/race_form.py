"""The form of a race: what stands in it at first, and the plan that is read from what was typed.

Every field is there whatever the race type, so that it works without JavaScript; what a type has no use for
is not read. Only the shape of the input is judged here; the league judges the plan, `courses` its road.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from enum import StrEnum
from typing import Any

from flask import render_template

from arena.league.models import Season
from arena.league.plans import (
    BOT_SPEED_RANGE_MPS,
    DEFAULT_BOT_SPEED_MPS,
    DEFAULT_BOTS,
    NUMBER_RANGES,
    OBSTACLES_LENGTH,
    TITLE_LENGTH,
    RacePlan,
)
from arena.league.states import Car, Direction, ObstacleKind, RaceType, Sense, Timing
from leaderboard import course_words, courses, entry_words
from leaderboard.forms import Form
from leaderboard.words import local_input
from simulator import tracks

HIGHEST_PENALTY_S = NUMBER_RANGES["collision_penalty_ms"][1] / 1000
SEEDS = NUMBER_RANGES["seed"][1] + 1


def first_values(season: Season, this_hour: datetime) -> dict[str, str]:
    """Return the usual rules, with the season's times."""
    return {
        "opens_at": local_input(max(season.opens_at, this_hour)),
        "closes_at": local_input(season.closes_at),
        "track": tracks.names()[0],
        "race_type": RaceType.TIME_TRIAL.value,
        "direction": Direction.FORWARD.value,
        "obstacle_kind": ObstacleKind.BOX.value,
        "obstacle_count": "6",
        "bot_count": str(DEFAULT_BOTS),
        "bot_speed_mps": f"{DEFAULT_BOT_SPEED_MPS:g}",
        "cars": "4",
        "collision_penalty_s": "5",
        "seed": str(secrets.randbelow(SEEDS)),
        "timing": Timing.BEST_LAP.value,
        "car": Car.CLASSIC.value,
        "laps": "3",
        "average_laps": "3",
        "training_steps": "500,000",
        "max_submissions": "50",
        "max_queued": "3",
        "penalty_s": "2",
        "house_car": "on",
        "may_continue": "on",
        f"sees_{Sense.VECTOR}": "on",
    }


def page(season: Season, form: Form) -> str:
    """Show the form with everything that was typed and all that is wrong with it."""
    return render_template(
        "organise/race_form.html",
        season=season,
        form=form,
        tracks=[tracks.describe(name) for name in tracks.names()],
        words=course_words,
        entry_words=entry_words,
        RaceType=RaceType,
        preview=preview_of(Form(form.values, form.zone)),
    )


def plan_of(form: Form) -> RacePlan:
    """Read the form; use the plan only when the form is at no fault."""
    timing = Timing(_word(form, "timing", "What counts", Timing))
    average = None
    if timing is Timing.AVERAGE:
        average = _number(form, "average_laps", "laps", "The number of laps to average")
    road = road_of(form)
    opens_at = form.moment("opens_at", label="The opening time")
    return RacePlan(
        slug=form.slug("slug", label="The short name"),
        title=form.text("title", longest=TITLE_LENGTH, label="The title"),
        laps=_number(form, "laps", "laps", "The number of laps"),
        timing=timing,
        average_laps=average,
        car=Car(_word(form, "car", "The car", Car)),
        opens_at=opens_at,
        closes_at=form.moment("closes_at", label="The closing time"),
        training_steps=_number(form, "training_steps", "training_steps", "The training budget"),
        max_submissions=_number(form, "max_submissions", "max_submissions", "The number of tries"),
        max_queued=_number(form, "max_queued", "max_queued", "How many may wait"),
        is_live=form.checked("is_live"),
        off_track_penalty_ms=form.seconds_as_ms("penalty_s", label="The penalty", high_s=60),
        imperfect=form.checked("imperfect"),
        takes_agents=form.checked("takes_agents"),
        takes_policies=form.checked("takes_policies"),
        may_continue=form.checked("may_continue"),
        senses=_senses(form),
        **road,
    )


def preview_of(form: Form) -> courses.Preview:
    """Draw what the form says of the road, or say what is wrong with it; whatever else is in the form."""
    road = road_of(form)
    fault = next(iter(form.faults.values()), "")
    return courses.preview(RacePlan(slug="preview", title="Preview", **road), fault)


def road_of(form: Form) -> dict[str, Any]:
    """Read which track is driven which way, and what is on it."""
    race_type = RaceType(_word(form, "race_type", "The kind of race", RaceType, RaceType.TIME_TRIAL))
    road: dict[str, Any] = {
        "track": form.choice("track", tracks.names(), label="The track"),
        "race_type": race_type,
        "direction": Direction(_word(form, "direction", "The direction", Direction, Direction.FORWARD)),
        "seed": _seed(form),
    }
    if race_type is not RaceType.TIME_TRIAL:
        label = "The penalty for a crash"
        road["collision_penalty_ms"] = form.seconds_as_ms(
            "collision_penalty_s", label=label, high_s=HIGHEST_PENALTY_S
        )
    match race_type:
        case RaceType.OBJECT_AVOIDANCE:
            return road | _obstacles(form)
        case RaceType.HEAD_TO_BOTS:
            return road | _bots(form)
        case RaceType.HEAD_TO_HEAD:
            return road | {"cars": _number(form, "cars", "cars", "The number of cars")}
        case _:
            return road


def _obstacles(form: Form) -> dict[str, Any]:
    """Read positions, or how many are drawn where none are given."""
    kind = ObstacleKind(_word(form, "obstacle_kind", "What stands in the way", ObstacleKind))
    typed = form.text("obstacles", longest=OBSTACLES_LENGTH, label="The positions", required=False)
    if typed:
        return {"obstacle_kind": kind, "obstacles": typed}
    number = _number(form, "obstacle_count", "obstacle_count", "The number of obstacles")
    return {"obstacle_kind": kind, "obstacle_count": number}


def _bots(form: Form) -> dict[str, Any]:
    lowest, highest = BOT_SPEED_RANGE_MPS
    return {
        "bot_count": _number(form, "bot_count", "bot_count", "The number of bots"),
        "bot_speed_mps": form.decimal("bot_speed_mps", label="Their speed", low=lowest, high=highest),
        "bot_lane_change": form.checked("bot_lane_change"),
    }


def _senses(form: Form) -> str:
    """Read what cars may see by, at least one sense."""
    ticked = [sense for sense in Sense if form.checked(f"sees_{sense}")]
    if not ticked:
        form.fault("senses", "Cars must see by something. Tick at least one, like the road ahead as numbers.")
    return ",".join(ticked or [Sense.VECTOR])


def _seed(form: Form) -> int | None:
    """Read the hidden number that obstacles are drawn from; without it the league draws one."""
    typed = form.typed("seed").strip()
    return int(typed) if typed.isdecimal() and len(typed) < 11 and int(typed) < SEEDS else None


def _word(form: Form, name: str, label: str, words: type[StrEnum], default: str = "") -> str:
    return form.choice(name, [word.value for word in words], label=label, default=default)


def _number(form: Form, name: str, limits: str, label: str) -> int:
    low, high = NUMBER_RANGES[limits]
    return form.integer(name, label=label, low=low, high=high)
