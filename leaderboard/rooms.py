"""Which rooms hear of an event, and what of it; pure.

Rooms are `race:<slug>`, `season:<slug>` and `submission:<id>`. Everybody may listen there, so what a room is
told is public: states, progress, times. What was wrong with somebody's code is told to its owner and to
organisers only; they sit in the private half of the submission's room. `stewards:desk` is the organisers'.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

Message = dict[str, Any]

ROOM = re.compile(r"(race|season|submission|stewards):([A-Za-z0-9][A-Za-z0-9-]{0,63})")
STEWARDS = "desk"
PRIVATE = "#private"

_SUBMISSION_EVENTS = frozenset(
    {
        "submission.queued",
        "submission.claimed",
        "submission.training",
        "training.progressed",
        "submission.racing",
        "submission.rejected",
        "submission.stalled",
        "submission.cancelled",
        "submission.requeued",
        "submission.recorded",
        "lap.completed",
        "trial.finished",
        "standing.changed",
    }
)
_RULINGS = frozenset({"trial.held", "trial.cleared", "trial.struck"})
_RACE_EVENTS = _SUBMISSION_EVENTS | {"race.opened", "race.closed", "badge.awarded"}
_SEASON_EVENTS = frozenset(
    {
        "season.opened",
        "season.closed",
        "race.opened",
        "race.closed",
        "racer.joined",
        "submission.recorded",
        "lap.completed",
        "standing.changed",
        "badge.awarded",
    }
)
EVENTS_OF = {
    "race": _RACE_EVENTS,
    "season": _SEASON_EVENTS,
    "submission": _SUBMISSION_EVENTS | _RULINGS,
    "stewards": _RULINGS,
}

# What only the owner of a submission and organisers may read of an event.
_PRIVATE_FIELDS = {
    "submission.rejected": ("message", "line"),
    **dict.fromkeys(_RULINGS, ("reason", "by")),
}


def rooms_of(event: Message) -> list[str]:
    """Return the rooms that hear of an event."""
    subjects = (
        ("race", event["race"]),
        ("season", event["season"]),
        ("submission", event["submission"]),
        ("stewards", STEWARDS),
    )
    return [
        f"{kind}:{name}" for kind, name in subjects if name is not None and event["name"] in EVENTS_OF[kind]
    ]


def for_room(event: Message, room: str, *, is_private: bool = False) -> Message:
    """Return what a room is told of an event."""
    hidden = () if is_private else _PRIVATE_FIELDS.get(event["name"], ())
    payload = {key: value for key, value in event["payload"].items() if key not in hidden}
    return {**event, "payload": payload, "room": room}


def coalesce(events: Iterable[Message]) -> list[Message]:
    """Leave out what a later event of the same batch makes old news; the order stays that of the ids."""
    kept: dict[object, Message] = {}
    for event in events:
        key = _superseded_by(event)
        kept.pop(key, None)
        kept[key] = event
    return list(kept.values())


def _superseded_by(event: Message) -> object:
    match event["name"]:
        case "training.progressed":
            return ("progress", event["submission"])
        case "standing.changed":
            return ("standing", event["race"], event["racer"])
        case _:
            return event["id"]


def changes_points(events: Sequence[Message]) -> bool:
    """Whether a season's points may be others now: one lap can move the points of many."""
    return any(event["name"] in ("standing.changed", "race.closed", "season.closed") for event in events)
