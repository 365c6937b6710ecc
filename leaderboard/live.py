"""Socket.IO: who may join a room, how often, and what a bad message is answered.

Client: `join {"room": "race:<slug>", "since": <event id or null>}` and `leave {"room": ...}`, both
acknowledged with {"ok": true} or {"ok": false, "error": "..."}. Server: `snapshot` and `event`; see
hub.py for what is promised, and web/src/protocol.ts for every field. Same origin only; nobody needs an
account to watch.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from flask import Flask, request
from flask_socketio import SocketIO, join_room, leave_room

from arena.league.submissions import find_submission
from leaderboard import rooms
from leaderboard.auth import may_read_source, signed_in
from leaderboard.context import Arena, arena
from leaderboard.feed import Feed, StopSign
from leaderboard.hub import Hub, Room

log = logging.getLogger(__name__)

MOST_JOINS = 30
WITHIN_S = 10.0
# A join is a few hundred bytes; nothing that a client may say is longer.
MOST_BYTES = 10_000

Answer = dict[str, Any]


class Refused(Exception):  # noqa: N818
    """A message that is answered with an error and changes nothing."""


class JoinLimit:
    """How often one connection may join: each join reads the database."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.joins: dict[str, deque[float]] = {}

    def count(self, sid: str) -> None:
        """Count a join. Raises Refused when there were too many."""
        now = self.clock()
        joins = self.joins.setdefault(sid, deque())
        while joins and now - joins[0] > WITHIN_S:
            joins.popleft()
        if len(joins) >= MOST_JOINS:
            raise Refused(
                f"More than {MOST_JOINS} joins within {WITHIN_S:.0f} s. Wait a moment and join again."
            )
        joins.append(now)

    def forget(self, sid: str) -> None:
        """Drop the count of a connection that has ended."""
        self.joins.pop(sid, None)


def register(app: Flask) -> SocketIO:
    """Add the rooms to the app; `run_feed` brings them to life."""
    socketio = SocketIO(
        app,
        async_mode=arena(app).settings.async_mode,
        max_http_buffer_size=MOST_BYTES,
        ping_interval=20,
        ping_timeout=20,
        # Boards are small and many; permessage-deflate costs more CPU than it saves here.
        http_compression=False,
        websocket_compression=False,
    )
    hub = Hub(arena(app), socketio)
    app.extensions["arena_hub"] = hub
    limit = JoinLimit()

    def forget(*_reason: Any) -> None:
        limit.forget(_sid())

    socketio.on_event("join", lambda message=None: _answered(lambda: _join(hub, limit, message)))
    socketio.on_event("leave", lambda message=None: _answered(lambda: _leave(message)))
    socketio.on_event("disconnect", forget)
    return socketio


def run_feed(app: Flask, stop: StopSign) -> None:
    """Follow the event log until told to stop; run it once, in the background of the server."""
    hub: Hub = app.extensions["arena_hub"]
    Feed(arena(app), hub.publish, cursor=hub.cursor).run(stop)


def _join(hub: Hub, limit: JoinLimit, message: Any) -> None:
    limit.count(_sid())
    room = _room(hub.arena, message)
    since = message.get("since")
    if since is not None and (not isinstance(since, int) or isinstance(since, bool) or since < 0):
        raise Refused(f'Expected "since" to be null or the id of an event, got {str(since)[:40]!r}.')
    if not hub.join(_sid(), room, since, join_room):
        raise Refused(f"There is no {room.kind} “{room.name}”.")


def _leave(message: Any) -> None:
    kind, name = _parts(message)
    for is_private in (False, True):
        leave_room(Room(kind, name, is_private).key)


def _room(where: Arena, message: Any) -> Room:
    kind, name = _parts(message)
    if kind == "stewards" and not _is_organiser():
        raise Refused("Only organisers are stewards. Sign in as one.")
    return Room(kind, name, is_private=kind == "submission" and _may_read(where, name))


def _parts(message: Any) -> tuple[str, str]:
    title = message.get("room") if isinstance(message, dict) else None
    match = rooms.ROOM.fullmatch(title) if isinstance(title, str) else None
    if match is None:
        raise Refused('Expected {"room": "race:<slug>"}, "season:<slug>" or "submission:<id>".')
    return match[1], match[2]


def _is_organiser() -> bool:
    reader = signed_in()
    return reader is not None and reader.is_organiser


def _may_read(where: Arena, public_id: str) -> bool:
    if signed_in() is None:
        return False
    with where.reading() as session:
        found = find_submission(session, public_id)
        return found is not None and may_read_source(found)


def _answered(act: Callable[[], None]) -> Answer:
    try:
        act()
    except Refused as refusal:
        return {"ok": False, "error": str(refusal)}
    except Exception:
        log.exception("A message of a live connection failed.")
        return {"ok": False, "error": "That was our fault. Try again in a moment."}
    return {"ok": True}


def _sid() -> str:
    sid: str = request.sid  # type: ignore[attr-defined]
    return sid
