"""The hub by itself: what a crowd of events becomes, and who hears what was wrong with the code."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask_socketio import SocketIOTestClient

from arena.league import db
from leaderboard.auth import account_of
from leaderboard.feed import Feed
from leaderboard.hub import MOST_WAITING, Hub
from tests.leaderboard.live_fixtures import arena_stage, grounds, live_app
from tests.leaderboard.stage import Stage

__all__ = ["arena_stage", "grounds", "live_app"]


@pytest.fixture
def hub(live_app: Flask) -> Hub:
    found = live_app.extensions["arena_hub"]
    assert isinstance(found, Hub)
    return found


def connect(app: Flask, stage: Stage, handle: str = "") -> SocketIOTestClient:
    """Connect as somebody, with the session that signing in leaves."""
    browser = app.test_client()
    if handle:
        with db.reading(stage.engine) as session:
            account = account_of(session.merge(stage.people[handle], load=False))
        with browser.session_transaction() as kept:
            kept["_user_id"] = account.get_id()
    return app.extensions["socketio"].test_client(app, flask_test_client=browser)


def heard(client: SocketIOTestClient) -> list[tuple[str, dict[str, Any]]]:
    return [(message["name"], message["args"][0]) for message in client.get_received()]


def test_a_crowd_of_events_becomes_one_snapshot(live_app: Flask, hub: Hub, arena_stage: Stage) -> None:
    room = f"race:{arena_stage.race.slug}"
    client = connect(live_app, arena_stage)
    assert client.emit("join", {"room": room, "since": None}, callback=True) == {"ok": True}
    heard(client)
    usual: dict[str, Any] = {
        "race": arena_stage.race.slug,
        "season": None,
        "racer": "ann",
        "submission": None,
        "payload": {},
    }
    crowd = [usual | {"id": hub.cursor + n, "name": "lap.completed"} for n in range(1, MOST_WAITING + 10)]
    before = hub.cursor
    hub.publish(crowd)
    (message,) = heard(client)
    assert message[0] == "snapshot"
    assert message[1]["event_id"] == crowd[-1]["id"]
    hub.cursor = before  # these events were never in the log
    client.disconnect()


def test_the_owner_hears_what_was_wrong_and_others_hear_that_it_was(
    live_app: Flask, hub: Hub, arena_stage: Stage
) -> None:
    submission = arena_stage.enter("ann")
    clients = {who: connect(live_app, arena_stage, who) for who in ("ann", "olga", "cleo", "")}
    for client in clients.values():
        answer = client.emit("join", {"room": f"submission:{submission.id}", "since": None}, callback=True)
        assert answer == {"ok": True}
        heard(client)
    arena_stage.reject(arena_stage.claim(submission), "runtime", "KeyError: 'sped'", line=2)
    Feed(hub.arena, hub.publish, cursor=hub.cursor).poll()
    hub.publish([])
    for who, client in clients.items():
        rejected = next(message for _, message in heard(client) if message["name"] == "submission.rejected")
        assert ("line" in rejected["payload"]) == (who in ("ann", "olga")), who
        client.disconnect()


def test_who_leaves_a_room_hears_no_more(live_app: Flask, hub: Hub, arena_stage: Stage) -> None:
    room = f"race:{arena_stage.race.slug}"
    client = connect(live_app, arena_stage)
    client.emit("join", {"room": room, "since": None}, callback=True)
    assert client.emit("leave", {"room": room}, callback=True) == {"ok": True}
    heard(client)
    arena_stage.result("ann")
    Feed(hub.arena, hub.publish, cursor=hub.cursor).poll()
    assert heard(client) == []
    client.disconnect()
