"""The one door for a new entry, used by the page's form and by the API alike.

What can be judged without running anything (size, encoding, settings) is judged here, at once. Whether the
code works is tried by a worker: an instant check is a job of the highest priority, and no try is spent on
code that fails it. Nothing here parses, compiles or runs entrant code.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from arena import courses
from arena.garage import sensing
from arena.garage.hyperparameters import Hyperparameters, parse_hyperparameters
from arena.garage.jsontext import decode_settings
from arena.garage.settings import ModelMetadata, parse_model_metadata
from arena.garage.sources import decode_source
from arena.garage.verdicts import EntrantFault
from arena.league import admission, jobs, submissions, uploads
from arena.league.errors import LeagueError, NoTriesLeft
from arena.league.models import Job, Race, Racer, Submission
from arena.league.states import Driver, Hardware, JobState
from arena.league.submissions import Entry
from leaderboard import problems
from leaderboard.context import Arena
from leaderboard.entry_files import DRIVERS, Files, Kind
from leaderboard.problems import Problem

CHECK_WITHIN_S = 15.0
POLL_EVERY_S = 0.05
CHECK_TRACK = "oval"


def read(files: Files, race: Race | None = None) -> Entry:
    """Return the files as text, or raise the Problem (422) that names what is wrong.

    A policy's file is not looked into, only stored under its key: `enter` and `check` see to that.
    """
    try:
        entry = Entry(
            source="" if files.kind is Kind.POLICY else decode_source(files.source),
            model_metadata=_settings_text(files.model_metadata, "model_metadata.json"),
            hyperparameters=_settings_text(files.hyperparameters, "hyperparameters.json"),
            driver=DRIVERS[files.kind],
            upload_key=uploads.key_of(files.policy) if files.policy else None,
            parent_id=files.parent,
        )
        admission.check_entry(entry)
        metadata, _ = _settings_of(entry, race)
    except EntrantFault as fault:
        raise problems.of_fault(fault) from fault
    except LeagueError as error:
        raise problems.of_league(error) from error
    return replace(entry, needs=_machine_for(entry, metadata))


def _machine_for(entry: Entry, metadata: ModelMetadata) -> Hardware:
    """Return what the training would like best: only pictures are worth a GPU."""
    sees = {sensing.sense_of(sensor) for sensor in metadata.sensors}
    return Hardware.GPU if entry.driver is Driver.POLICY and sensing.CAMERA in sees else Hardware.CPU


def warnings_of(entry: Entry, race: Race | None = None) -> tuple[str, ...]:
    """Return what in the settings has no effect here."""
    metadata, hyperparameters = _settings_of(entry, race)
    return (*metadata.warnings, *hyperparameters.warnings)


def _settings_of(entry: Entry, race: Race | None) -> tuple[ModelMetadata, Hyperparameters]:
    """Read the settings. Raises EntrantFault."""
    metadata = parse_model_metadata(entry.model_metadata, courses.senses_of(race))
    return metadata, parse_hyperparameters(entry.hyperparameters, metadata.algorithm)


def check(arena: Arena, racer: Racer, files: Files, *, race: Race | None = None) -> dict[str, Any]:
    """Have a worker try the files and return its result: rewards in canned states, output, warnings.

    The states are those of the race's course, or of a bare track without a race.

    Raises Problem: 422 with the verdict when they cannot race, 503 when no worker answers in time.
    """
    entry = read(files, race)
    if race is not None:
        entry = _must_be_taken(arena, race, racer, entry)
    with _stored(arena, files):
        return _checked(arena, racer, entry, race) | {"warnings": list(warnings_of(entry, race))}


def enter(arena: Arena, race: Race, racer: Racer, files: Files) -> Submission:
    """Enter a race: judge, check, then submit. Raises Problem; a try is spent only when it returns.

    A race that is closed or does not take such an entry, and a racer without tries, are told so before a
    worker is troubled.
    """
    entry = read(files, race)
    _must_be_possible(arena, race, racer)
    entry = _must_be_taken(arena, race, racer, entry)
    with _stored(arena, files):
        _checked(arena, racer, entry, race)
        return _submitted(arena, race, racer, entry, files.policy)


def _submitted(arena: Arena, race: Race, racer: Racer, entry: Entry, policy: bytes | None) -> Submission:
    try:
        with arena.transaction() as session:
            if policy is not None:
                uploads.keep(session, arena.artifacts, policy)
            own_race, own_racer = session.get_one(Race, race.id), session.get_one(Racer, racer.id)
            return submissions.submit(session, own_race, own_racer, entry, _now())
    except LeagueError as error:
        raise problems.of_league(error) from error


@contextmanager
def _stored(arena: Arena, files: Files) -> Iterator[None]:
    """Keep a policy's file where workers find it, beyond the end only if an entry has it then."""
    if files.policy is None:
        yield
        return
    key = arena.artifacts.put(files.policy)
    try:
        yield
    finally:
        with arena.transaction() as session:
            uploads.drop_unused(session, arena.artifacts, key)


def _must_be_taken(arena: Arena, race: Race, racer: Racer, entry: Entry) -> Entry:
    """Return the entry if the race takes it from the racer; else raise Problem.

    A parent is named by its id then; an entry that says nothing of its car has the parent's.
    """
    try:
        with arena.reading() as session:
            own_race, own_racer = session.get_one(Race, race.id), session.get_one(Racer, racer.id)
            admission.check_kind(own_race, entry.driver, goes_on=entry.parent_id is not None)
            if entry.parent_id is None:
                return entry
            parent_id = admission.parent_id_of(session, own_race, own_racer, entry.parent_id)
            parent = admission.check_parent(session, own_race, own_racer, parent_id)
            _must_be_the_same_car(parent, race, entry)
            metadata = entry.model_metadata or parent.model_metadata
            return replace(entry, parent_id=parent_id, model_metadata=metadata)
    except LeagueError as error:
        raise problems.of_league(error) from error


def _must_be_the_same_car(parent: Submission, race: Race, entry: Entry) -> None:
    """Raise Problem (422) where what the car may do, or sees, is said and not what it has learnt with."""
    if entry.model_metadata is None:
        return
    learnt = parse_model_metadata(parent.model_metadata, courses.senses_of(parent.race)).as_json()
    asked = parse_model_metadata(entry.model_metadata, courses.senses_of(race)).as_json()
    differing = sorted(key for key in learnt.keys() | asked.keys() if learnt.get(key) != asked.get(key))
    if differing:
        raise problems.of_verdict(
            "settings",
            f"To train on, the car must be the one that was trained before; {', '.join(differing)} in "
            f"model_metadata.json differs from entry {parent.number} in “{parent.race.title}”. Take that "
            "entry's file, or train from the beginning.",
            None,
        )


def _checked(arena: Arena, racer: Racer, entry: Entry, race: Race | None) -> dict[str, Any]:
    payload = {
        "driver": entry.driver.value,
        "source": entry.source,
        "upload_key": entry.upload_key,
        "parent_id": entry.parent_id,
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


def _settings_text(data: bytes | None, name: str) -> str | None:
    """Decode a settings file; an empty one counts as left out."""
    if data is None or not data.strip():
        return None
    return decode_settings(data, name)


def _now() -> datetime:
    return datetime.now(UTC)
