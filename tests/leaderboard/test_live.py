"""The rooms over a real server process and a real Socket.IO client: snapshot, deltas, catching up."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.leaderboard.live_fixtures import address, arena_stage, grounds
from tests.leaderboard.server import Watcher
from tests.leaderboard.stage import Pursuit, Stage

__all__ = ["address", "arena_stage", "grounds"]


@pytest.fixture
def room(arena_stage: Stage) -> str:
    return f"race:{arena_stage.race.slug}"


@pytest.fixture
def watcher(address: str) -> Iterator[Watcher]:
    watcher = Watcher(address)
    yield watcher
    watcher.close()


def test_a_newcomer_gets_the_board_and_then_each_change_with_rising_ids(
    arena_stage: Stage, watcher: Watcher, room: str
) -> None:
    arena_stage.result("ben", Pursuit(top_mps=2.2))
    assert watcher.join(room) == {"ok": True}
    kind, snapshot = watcher.next()
    assert (kind, snapshot["room"]) == ("snapshot", room)
    assert [row["racer"] for row in snapshot["board"]] == ["ben"]

    submission = arena_stage.result("ann")
    events = [event for event in watcher.until("standing.changed") if event["racer"] == "ann"]
    names = [event["name"] for event in events]
    for name in ("submission.queued", "submission.training", "submission.racing", "trial.finished"):
        assert name in names
    assert names.count("lap.completed") == 3
    ids = [event["id"] for event in events]
    assert ids == sorted(set(ids))
    assert min(ids) > snapshot["event_id"]
    changed = events[-1]
    assert changed["room"] == room
    assert changed["submission"] == submission.id
    assert changed["payload"]["row"]["rank"] == 1
    assert changed["racer_name"] == "Ann Arbor"


def test_after_a_lost_connection_nothing_is_missed_and_nothing_comes_twice(
    arena_stage: Stage, watcher: Watcher, room: str
) -> None:
    watcher.join(room)
    watcher.next()
    arena_stage.result("ann", Pursuit(top_mps=2.2))
    seen = watcher.until("standing.changed")
    while not watcher.heard.empty():
        seen.append(watcher.next()[1])
    watcher.client.eio.disconnect()  # the wire is cut, nobody says good-bye

    arena_stage.result("ben", Pursuit(top_mps=2.0))
    watcher.connect()
    assert watcher.join(room, since=watcher.last) == {"ok": True}
    arena_stage.result("cleo", Pursuit(top_mps=2.4))
    while not any(event["racer"] == "cleo" and event["name"] == "standing.changed" for event in seen):
        kind, message = watcher.next()
        assert kind == "event"
        seen.append(message)

    ids = [event["id"] for event in seen]
    assert ids == sorted(set(ids))
    for handle in ("ann", "ben", "cleo"):
        laps = [event for event in seen if event["racer"] == handle and event["name"] == "lap.completed"]
        assert [event["payload"]["number"] for event in laps] == [1, 2, 3]


def test_who_missed_too_much_gets_a_new_snapshot(arena_stage: Stage, watcher: Watcher, room: str) -> None:
    watcher.join(room)
    _, first = watcher.next()
    lease = arena_stage.claim(arena_stage.enter("ann"))
    arena_stage.train(lease)
    for step in range(320):
        arena_stage.report(lease, steps=step)
    wait_for_quiet(watcher)
    assert watcher.join(room, since=first["event_id"]) == {"ok": True}
    kind, snapshot = watcher.next()
    assert kind == "snapshot"
    assert snapshot["active"][0]["state"] == "training"


def test_a_busy_room_hears_the_newest_progress_at_most_about_once_a_second(
    arena_stage: Stage, watcher: Watcher
) -> None:
    submission = arena_stage.enter("ann")
    lease = arena_stage.claim(submission)
    arena_stage.train(lease)
    watcher.join(f"submission:{submission.id}")
    watcher.next()
    started = time.monotonic()
    for step in range(60):
        arena_stage.report(lease, steps=100 * step)
        time.sleep(0.05)
    passed = time.monotonic() - started
    heard: list[dict[str, Any]] = []
    while not heard or heard[-1]["payload"]["steps"] != 5900:
        heard.append(watcher.next()[1])
    assert 2 <= len(heard) <= passed + 2


def test_the_season_room_gets_a_fresh_table_when_points_change(arena_stage: Stage, watcher: Watcher) -> None:
    watcher.join(f"season:{arena_stage.season.slug}")
    assert watcher.next()[1]["board"] == []
    arena_stage.result("ann")
    watcher.until("standing.changed")
    kind, snapshot = watcher.next()
    while kind != "snapshot":
        kind, snapshot = watcher.next()
    assert [(row["racer"], row["points"]) for row in snapshot["board"]] == [("ann", 25)]


def test_strangers_are_not_told_what_was_wrong_with_the_code(arena_stage: Stage, watcher: Watcher) -> None:
    submission = arena_stage.enter("ann")
    watcher.join(f"submission:{submission.id}")
    watcher.next()
    lease = arena_stage.claim(submission)
    arena_stage.reject(lease, "syntax", "Line 3: my secret idea is not Python.", line=3)
    rejected = watcher.until("submission.rejected")[-1]
    assert rejected["payload"] == {"verdict": "syntax"}
    watcher.join(f"submission:{submission.id}")
    _, snapshot = watcher.next()
    assert snapshot["submission"]["verdict"] == "syntax"
    assert snapshot["submission"]["message"] is None


BAD_MESSAGES: list[Any] = [
    None,
    "race:oval-sprint",
    [],
    {},
    {"room": 7},
    {"room": "race:"},
    {"room": "kitchen:sink"},
    {"room": "race:../etc"},
    {"room": "race:no-such-race"},
    {"room": "submission:nobody"},
    {"room": {"$ne": 1}, "since": None},
]


def test_bad_messages_are_answered_with_an_error_and_harm_nothing(watcher: Watcher, room: str) -> None:
    positions: list[Any] = ["soon", -1, True, 1.5, []]
    bad_positions = [{"room": room, "since": since} for since in positions]
    for message in [*BAD_MESSAGES, *bad_positions]:
        answer = watcher.client.call("join", message, timeout=10)
        assert answer["ok"] is False, message
        assert answer["error"], message
    assert watcher.join(room) == {"ok": True}


def test_joining_again_and_again_is_refused_for_a_while(watcher: Watcher, room: str) -> None:
    answers = [watcher.join(room)["ok"] for _ in range(32)]
    assert answers[0] is True
    assert answers[-1] is False


def wait_for_quiet(watcher: Watcher, quiet_s: float = 1.5) -> None:
    """Swallow what comes until nothing has come for a while."""
    deadline = time.monotonic() + 15
    last = time.monotonic()
    while time.monotonic() - last < quiet_s and time.monotonic() < deadline:
        while not watcher.heard.empty():
            watcher.next()
            last = time.monotonic()
        time.sleep(0.05)
