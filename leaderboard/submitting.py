"""The one door for a new entry, used by the page's form and by the API alike.

What can be judged without running anything (size, encoding, settings) is judged here, at once. Whether the
code works is tried by a worker: an instant check is a job of the highest priority, and no try is spent on
code that fails it. Nothing here parses, compiles or runs entrant code.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import Request

from arena.garage import settings as garage_settings
from arena.garage.jsontext import decode_settings
from arena.garage.sources import decode_source
from arena.garage.verdicts import EntrantFault
from arena.league import jobs, submissions
from arena.league.errors import LeagueError, NoTriesLeft
from arena.league.models import Job, Race, Racer, Submission
from arena.league.states import JobState
from arena.league.submissions import Entry
from leaderboard import problems
from leaderboard.context import Arena
from leaderboard.problems import Problem

CHECK_WITHIN_S = 15.0
POLL_EVERY_S = 0.05
CHECK_TRACK = "oval"


@dataclass(frozen=True, slots=True)
class Files:
    """The files of an entry as they were sent; None where one was left out."""

    source: bytes
    model_metadata: bytes | None = None
    hyperparameters: bytes | None = None

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(map(len, filter(None, (self.source, self.model_metadata, self.hyperparameters))))


def files_of_request(request: Request) -> Files:
    """Return the files of a form (text areas or uploads; an upload wins) or of a JSON body.

    In JSON the settings may be text or the object itself. Raises Problem when a value is neither.
    """
    if request.is_json:
        return _files_of_json(request.get_json())
    source = _sent(request, "reward_function")
    if source is None:  # an empty file is not none: it must not enter what happens to stand in the editor
        source = _sent(request, "source")
    return Files(source or b"", _sent(request, "model_metadata"), _sent(request, "hyperparameters"))


def too_large(size: int, limit: int) -> Problem:
    """Return what to say of files that are no reward function any more."""
    return problems.of_status(
        413,
        f"The files have {size:,} bytes; at most {limit:,} are accepted. "
        "A reward function is one short text file. Choose the .py file itself, not a model or an archive.",
    )


def read(files: Files) -> Entry:
    """Return the files as text, or raise the Problem (422) that names what is wrong."""
    try:
        entry = Entry(
            source=decode_source(files.source),
            model_metadata=_settings_text(files.model_metadata, "model_metadata.json"),
            hyperparameters=_settings_text(files.hyperparameters, "hyperparameters.json"),
        )
        garage_settings.parse_model_metadata(entry.model_metadata)
        garage_settings.parse_hyperparameters(entry.hyperparameters)
    except EntrantFault as fault:
        raise problems.of_fault(fault) from fault
    return entry


def warnings_of(entry: Entry) -> tuple[str, ...]:
    """Return what in the settings has no effect here."""
    metadata = garage_settings.parse_model_metadata(entry.model_metadata)
    return (*metadata.warnings, *garage_settings.parse_hyperparameters(entry.hyperparameters).warnings)


def check(arena: Arena, racer: Racer, files: Files, *, race: Race | None = None) -> dict[str, Any]:
    """Have a worker try the files and return its result: rewards in canned states, output, warnings.

    The states are those of the race's course, or of a bare track without a race.

    Raises Problem: 422 with the verdict when they cannot race, 503 when no worker answers in time.
    """
    entry = read(files)
    return _checked(arena, racer, entry, race) | {"warnings": list(warnings_of(entry))}


def enter(arena: Arena, race: Race, racer: Racer, files: Files) -> Submission:
    """Enter a race: judge, check, then submit. Raises Problem; a try is spent only when it returns.

    A race that is closed or a racer without tries is told so before a worker is troubled.
    """
    entry = read(files)
    _must_be_possible(arena, race, racer)
    _checked(arena, racer, entry, race)
    try:
        with arena.transaction() as session:
            own_race, own_racer = session.get_one(Race, race.id), session.get_one(Racer, racer.id)
            return submissions.submit(session, own_race, own_racer, entry, _now())
    except LeagueError as error:
        raise problems.of_league(error) from error


def _checked(arena: Arena, racer: Racer, entry: Entry, race: Race | None) -> dict[str, Any]:
    payload = {
        "source": entry.source,
        "model_metadata": entry.model_metadata,
        "hyperparameters": entry.hyperparameters,
        "track": race.track if race else CHECK_TRACK,
        "race": race.slug if race else None,
    }
    with arena.transaction() as session:
        job_id = jobs.request_check(session, racer, payload, _now()).id
    result = _result_of(arena, job_id)
    if not result.get("ok"):
        raise refusal(result)
    return result


def refusal(result: dict[str, Any]) -> Problem:
    """Return the verdict of a failed check; a fault of ours is none of the entrant's."""
    if result.get("verdict") == "unavailable":
        return problems.of_status(503, str(result.get("message")))
    return problems.of_verdict(str(result.get("verdict")), str(result.get("message")), result.get("line"))


def _must_be_possible(arena: Arena, race: Race, racer: Racer) -> None:
    try:
        submissions.check_window(race, _now())
        with arena.reading() as session:
            left = submissions.tries_left(session, race, racer)
        if left < 1:
            raise NoTriesLeft(
                f"You have used {race.max_submissions} of {race.max_submissions} submissions in "
                f"“{race.title}”. Your best result stands; the next race starts with new tries."
            )
    except LeagueError as error:
        raise problems.of_league(error) from error


def _result_of(arena: Arena, job_id: int) -> dict[str, Any]:
    """Wait for a check by looking at its row: the row is the truth, whoever works on it."""
    deadline = time.monotonic() + CHECK_WITHIN_S
    while time.monotonic() < deadline:
        with arena.reading() as session:
            job = session.get_one(Job, job_id)
            if job.result is not None:
                return dict(job.result)
            is_waiting = job.state is JobState.QUEUED
        time.sleep(POLL_EVERY_S)
    with arena.transaction() as session:
        jobs.withdraw_check(session, job_id, _now())
    within = f"within {CHECK_WITHIN_S:.0f} s"
    if is_waiting:
        raise problems.of_status(
            503,
            f"No worker took the check {within}: probably none is running. No try is spent. "
            "Try again in a minute; if it stays so, ask an organiser to start a worker (`arena worker`).",
        )
    raise problems.of_status(
        503, f"The check did not end {within}. No try is spent. Try again; if it stays so, ask an organiser."
    )


def _files_of_json(body: object) -> Files:
    if not isinstance(body, dict):
        raise problems.of_status(400, 'Expected a JSON object with the key "reward_function".')
    source = body.get("reward_function", body.get("source"))
    if not isinstance(source, str):
        message = "Expected the Python source as text under the key reward_function."
        raise problems.of_status(422, message, errors={"reward_function": message})
    settings = {name: _json_text(name, body.get(name)) for name in ("model_metadata", "hyperparameters")}
    return Files(source.encode("utf-8", "replace"), **settings)


def _json_text(name: str, value: object) -> bytes | None:
    if value is None:
        return None
    if isinstance(value, dict | list):
        return json.dumps(value).encode()
    if isinstance(value, str):
        return value.encode("utf-8", "replace")
    message = f"Expected {name} as a JSON object or as its text, got {type(value).__name__}."
    raise problems.of_status(422, message, errors={name: message})


def _sent(request: Request, name: str) -> bytes | None:
    """Return an uploaded file or a text field; an empty file field counts as none."""
    upload = request.files.get(name)
    if upload is not None and upload.filename:
        return bytes(upload.read())
    text = request.form.get(name)
    return None if text is None else text.encode("utf-8", "replace")


def _settings_text(data: bytes | None, name: str) -> str | None:
    """Decode a settings file; an empty one counts as left out."""
    if data is None or not data.strip():
        return None
    return decode_settings(data, name)


def _now() -> datetime:
    return datetime.now(UTC)
