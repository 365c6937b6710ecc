"""The log: what clients get, cursors, and that nothing is skipped."""

from __future__ import annotations

import json
import threading
from datetime import datetime

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from arena.league import db, events
from arena.league.events import Subject
from arena.league.models import Race
from tests.conftest import Cast
from tests.driving import enter


def test_an_event_leaves_with_public_names(session: Session, race: Race, cast: Cast, now: datetime) -> None:
    cursor = events.latest_id(session)
    submission = enter(session, race, cast.ann, now)
    first = events.read_after(session, cursor)[0].as_json()
    assert first == {
        "id": cursor + 1,
        "at": "2026-11-23T12:00:00.000Z",
        "name": "submission.queued",
        "season": "autumn",
        "race": "oval-sprint",
        "racer": "ann",
        "submission": submission.id,
        "payload": {"number": 1, "place": 1},
    }


def test_payloads_are_json_for_every_reader(session: Session, now: datetime) -> None:
    payload = {"mean_return": float("nan"), "laps": [float("inf"), 1.5], "text": "a\x00"}
    events.append(session, "training.progressed", Subject(), at=now, payload=payload)
    [entry] = events.read_after(session, 0)
    text = json.dumps(entry.as_json(), allow_nan=False)
    assert json.loads(text)["payload"] == {"mean_return": None, "laps": [None, 1.5], "text": "a\ufffd"}


def test_readers_go_on_from_their_cursor(session: Session, now: datetime) -> None:
    assert events.latest_id(session) == 0
    for i in range(5):
        events.append(session, "racer.joined", Subject(), at=now, payload={"i": i})
    seen, cursor = [], 0
    while batch := events.read_after(session, cursor, limit=2):
        seen += [entry.payload["i"] for entry in batch]
        cursor = batch[-1].id
    assert seen == [0, 1, 2, 3, 4]
    assert cursor == events.latest_id(session)


def test_a_room_hears_only_its_own(session: Session, race: Race, cast: Cast, now: datetime) -> None:
    ann, ben = (enter(session, race, person, now) for person in (cast.ann, cast.ben))
    about_ann = events.read_after(session, 0, submission_id=ann.id)
    assert {entry.submission for entry in about_ann} == {ann.id}
    in_race = events.read_after(session, 0, race_id=race.id, names=["submission.queued"])
    assert [entry.submission for entry in in_race] == [ann.id, ben.id]
    assert all(entry.season == "autumn" for entry in events.read_after(session, 0, season_id=race.season_id))
    newest = events.read_latest(session, 1, race_id=race.id, names=["submission.queued"])
    assert [entry.submission for entry in newest] == [ben.id]


def test_two_writers_never_hide_an_event_from_a_reader(engine: Engine, now: datetime) -> None:
    """A reader that goes on from the last id it saw must meet every event, whoever committed first."""
    per_writer = 60
    seen: list[tuple[str, int]] = []

    def write(name: str) -> None:
        for i in range(per_writer):
            with db.transaction(engine) as session:
                events.append(session, name, Subject(), at=now, payload={"i": i})

    writers = [threading.Thread(target=write, args=(f"writer.{k}",)) for k in range(2)]
    for writer in writers:
        writer.start()
    cursor = 0
    while len(seen) < 2 * per_writer:
        alive = any(writer.is_alive() for writer in writers)
        with db.reading(engine) as session:
            batch = events.read_after(session, cursor, 7)
        seen += [(entry.name, entry.payload["i"]) for entry in batch]
        cursor = batch[-1].id if batch else cursor
        assert alive or batch or len(seen) == 2 * per_writer
    for writer in writers:
        writer.join()
    assert sorted(seen) == [(f"writer.{k}", i) for k in range(2) for i in range(per_writer)]
