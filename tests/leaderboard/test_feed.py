"""The feed and the rooms' rules: what is handed on, to whom, and what a database fault does."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import text

from leaderboard import feed, rooms
from leaderboard.context import Arena
from leaderboard.feed import Feed
from tests.leaderboard import stage
from tests.leaderboard.live_fixtures import arena_stage, grounds
from tests.leaderboard.stage import Stage

__all__ = ["arena_stage", "grounds"]

Message = dict[str, Any]


def event(number: int, name: str, **more: Any) -> Message:
    return {
        "id": number,
        "name": name,
        "season": "s",
        "race": "r",
        "racer": "ann",
        "submission": "x",
        "payload": {},
    } | more


@pytest.fixture
def arena(arena_stage: Stage) -> Arena:
    return Arena(arena_stage.engine, arena_stage.artifacts, stage.settings(arena_stage))


def test_the_feed_hands_on_every_event_once_and_in_order(arena: Arena, arena_stage: Stage) -> None:
    heard: list[Message] = []
    follower = Feed(arena, heard.extend)
    arena_stage.result("ann")
    while follower.poll():
        pass
    ids = [message["id"] for message in heard]
    assert ids == sorted(set(ids))
    assert [m["name"] for m in heard].count("lap.completed") == 3
    changed = next(m for m in heard if m["name"] == "standing.changed")
    assert (changed["season"], changed["race"], changed["racer_name"]) == (
        arena_stage.season.slug,
        arena_stage.race.slug,
        "Ann Arbor",
    )
    assert changed["race_title"] == arena_stage.race.title


def test_the_feed_begins_where_the_log_stands(arena: Arena, arena_stage: Stage) -> None:
    arena_stage.result("ann")
    heard: list[Message] = []
    assert Feed(arena, heard.extend).poll() == 0
    assert heard == []


def test_the_feed_survives_a_database_fault_and_loses_nothing(
    arena: Arena, arena_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "RETRY_AFTER_S", 0.05)
    heard: list[Message] = []
    stop = threading.Event()
    follower = Feed(arena, heard.extend)
    with arena_stage.engine.begin() as connection:
        connection.execute(text("ALTER TABLE event RENAME TO event_elsewhere"))
    thread = threading.Thread(target=follower.run, args=(stop,))
    thread.start()
    stop.wait(0.3)
    with arena_stage.engine.begin() as connection:
        connection.execute(text("ALTER TABLE event_elsewhere RENAME TO event"))
    arena_stage.enter("ann")
    for _ in range(100):
        if any(message["name"] == "submission.queued" for message in heard):
            break
        stop.wait(0.05)
    stop.set()
    thread.join()
    assert any(message["name"] == "submission.queued" for message in heard)


def test_an_event_goes_to_the_rooms_that_it_concerns() -> None:
    assert rooms.rooms_of(event(1, "lap.completed")) == ["race:r", "season:s", "submission:x"]
    assert rooms.rooms_of(event(1, "training.progressed")) == ["race:r", "submission:x"]
    assert rooms.rooms_of(event(1, "season.closed", race=None, submission=None)) == ["season:s"]


@pytest.mark.parametrize(
    "name", ["token.issued", "racer.password_changed", "check.finished", "something.new"]
)
def test_what_is_nobody_elses_business_goes_to_no_room(name: str) -> None:
    assert rooms.rooms_of(event(1, name)) == []


def test_only_the_newest_progress_and_standing_of_a_batch_are_told() -> None:
    batch = [
        event(1, "training.progressed", submission="x"),
        event(2, "training.progressed", submission="y"),
        event(3, "lap.completed"),
        event(4, "standing.changed"),
        event(5, "training.progressed", submission="x"),
        event(6, "lap.completed"),
        event(7, "standing.changed"),
    ]
    assert [message["id"] for message in rooms.coalesce(batch)] == [2, 3, 5, 6, 7]


def test_the_fault_in_somebodys_code_is_for_the_private_half_of_the_room() -> None:
    rejected = event(1, "submission.rejected", payload={"verdict": "syntax", "message": "line 3", "line": 3})
    assert rooms.for_room(rejected, "race:r")["payload"] == {"verdict": "syntax"}
    assert rooms.for_room(rejected, "submission:x", is_private=True)["payload"]["line"] == 3
    assert rejected["payload"]["line"] == 3
