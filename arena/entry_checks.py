"""The instant check of an entry, as a worker does it: settings first, then its code or file, locked.

A policy's file comes beside the payload, which has its key: whoever asks for the check has stored it.
"""

from __future__ import annotations

from typing import Any

from arena import courses
from arena.courses import Conditions
from arena.garage import sandbox
from arena.garage.hyperparameters import parse_hyperparameters
from arena.garage.settings import ModelMetadata, parse_model_metadata
from arena.garage.verdicts import EntrantFault
from arena.league.states import Driver
from simulator import tracks
from simulator.car import CLASSIC, SPECS
from simulator.course import Course

Json = dict[str, Any]


def check_entry(payload: Json, race: Conditions | None, upload: bytes | None) -> Json:
    """Check the files of an entry on the race's course, or on a bare track without a race.

    `upload` is a policy's file. Raises a ValueError for a race that cannot be driven.
    """
    senses = courses.senses_of(race)
    course, spec = _course_of(payload, race), SPECS[race.car] if race else CLASSIC
    try:
        metadata = parse_model_metadata(payload.get("model_metadata"), senses)
        parse_hyperparameters(payload.get("hyperparameters"), metadata.algorithm)
    except EntrantFault as fault:
        return _refused(fault)
    match Driver(payload.get("driver") or Driver.POLICY):
        case Driver.AGENT:
            from arena.garage.agent_check import check_agent

            return check_agent(payload["source"], course, spec=spec).as_json()
        case Driver.TRAINED:
            from arena.garage.uploads import check_policy

            own: ModelMetadata | None = metadata if payload.get("model_metadata") else None
            return check_policy(upload or b"", own, course, spec=spec, senses=senses).as_json()
        case _:
            return sandbox.check(payload["source"], course).as_json()


def _course_of(payload: Json, race: Conditions | None) -> Course:
    if race is not None:
        return courses.course_of(race)
    return Course(tracks.load(payload.get("track") or tracks.names()[0]))


def _refused(fault: EntrantFault) -> Json:
    found = {"ok": False, "verdict": fault.verdict.value, "message": fault.message, "line": fault.line}
    return found | {"rewards": []}
