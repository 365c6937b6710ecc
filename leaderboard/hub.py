"""The rooms and what they have heard: every listener gets every event of its room once, in order.

The hub knows one position of the log, `cursor`: everything up to it was sent to the rooms or waits in
`pending`. Whoever joins is brought to exactly that position, under the same lock, and hears the rest like
everybody else. So nothing is lost or doubled, also when a connection breaks: the client joins again with
the id of the last event that it saw.

A quiet room hears an event at once; a busy one at most once a second, without what has become old news
meanwhile. Somebody whose connection cannot keep up is disconnected, so that the server's queue for them
stays short; their browser comes back and catches up.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from flask_socketio import SocketIO
from sqlalchemy.orm import Session

from arena.league import events, seasons
from leaderboard import rooms
from leaderboard.context import Arena
from leaderboard.feed import as_messages
from leaderboard.rooms import PRIVATE, Message
from leaderboard.snapshots import snapshot

PAUSE_S = 1.0
# More missed or waiting events than these are a snapshot: it is smaller, and nobody reads so many lines.
MOST_MISSED = 300
MOST_WAITING = 100
# Messages that may wait for one connection; at one per second and room that is a minute of silence.
MOST_QUEUED = 120


@dataclass(frozen=True, slots=True)
class Room:
    """A room by its parts; `is_private` for those who may read what was wrong with the code."""

    kind: str
    name: str
    is_private: bool = False

    @property
    def title(self) -> str:
        """The name that clients know."""
        return f"{self.kind}:{self.name}"

    @property
    def key(self) -> str:
        """The name under which Socket.IO keeps its members."""
        return self.title + (PRIVATE if self.is_private else "")


class Hub:
    """Sends the events of the feed to the rooms."""

    def __init__(self, arena: Arena, socketio: SocketIO, clock: Callable[[], float] = time.monotonic) -> None:
        self.arena = arena
        self.socketio = socketio
        self.clock = clock
        self.lock = threading.RLock()
        with arena.reading() as session:
            self.cursor = events.latest_id(session)
        self.pending: defaultdict[str, list[Message]] = defaultdict(list)
        self.sent_at: dict[str, float] = {}
        self.kept: dict[str, Message] = {}

    def publish(self, messages: Sequence[Message]) -> None:
        """Take in new events (possibly none) and send what is due."""
        with self.lock:
            for message in messages:
                if message["id"] <= self.cursor:
                    continue  # a join has taken it in already
                for title in rooms.rooms_of(message):
                    self.pending[title].append(message)
                self.cursor = message["id"]
            if messages:
                self.kept.clear()
            for title in list(self.pending):
                if self.clock() - self.sent_at.get(title, -PAUSE_S) >= PAUSE_S:
                    self._send(title)

    def join(self, sid: str, room: Room, since: int | None, enter: Callable[[str], None]) -> bool:
        """Bring a newcomer to the position of the room; False when there is nothing of that name."""
        with self.lock, self.arena.reading() as session:
            self._take_in(session)
            self._send(room.title)
            missed = None if since is None else self._missed(session, room, since)
            shown = self._snapshot(session, room) if missed is None else None
            if missed is None and shown is None:
                return False
            enter(room.key)
            if shown is not None:
                self.socketio.emit("snapshot", shown, to=sid)
            for message in missed or ():
                told = rooms.for_room(message, room.title, is_private=room.is_private)
                self.socketio.emit("event", told, to=sid)
            return True

    def close(self) -> None:
        """End every connection in order; browsers come back by themselves when the server does."""
        server = self.socketio.server
        for sid, _ in list(server.manager.get_participants("/", None)):
            server.disconnect(sid)

    def _take_in(self, session: Session) -> None:
        """Go to the end of the log as the session sees it: a snapshot must not know more than the cursor."""
        while new := events.read_after(session, self.cursor):
            self.publish(as_messages(session, new))

    def _send(self, title: str) -> None:
        """Send what waits for a room to all who are in it."""
        waiting = rooms.coalesce(self.pending.pop(title, ()))
        if not waiting:
            return
        kind, name = title.split(":", 1)
        for room in (Room(kind, name), Room(kind, name, is_private=True)):
            if not self._members(room):
                continue
            self.sent_at[title] = self.clock()
            self._drop_the_slow(room)
            if len(waiting) <= MOST_WAITING:
                for message in waiting:
                    told = rooms.for_room(message, title, is_private=room.is_private)
                    self.socketio.emit("event", told, to=room.key)
            if len(waiting) > MOST_WAITING or (kind == "season" and rooms.changes_points(waiting)):
                with self.arena.reading() as session:
                    self.socketio.emit("snapshot", self._snapshot(session, room), to=room.key)

    def _missed(self, session: Session, room: Room, since: int) -> list[Message] | None:
        """Return the events of a room after `since` up to the cursor; None where a snapshot must do."""
        subject = _subject(session, room)
        if since > self.cursor or subject is None:
            return None
        names = rooms.EVENTS_OF[room.kind]
        found = events.read_after(session, since, MOST_MISSED + 1, names=names, **subject)
        if len(found) > MOST_MISSED:
            return None
        return rooms.coalesce(as_messages(session, [entry for entry in found if entry.id <= self.cursor]))

    def _snapshot(self, session: Session, room: Room) -> Message | None:
        """Return the state of a room; kept until the next event, because many come at the same moment."""
        if room.key not in self.kept:
            state = snapshot(session, room.kind, room.name, is_private=room.is_private)
            if state is None:
                return None
            self.kept[room.key] = {"room": room.title, "event_id": self.cursor, **state}
        return self.kept[room.key]

    def _members(self, room: Room) -> list[tuple[str, str]]:
        """Return (session, connection) of everybody in a room."""
        return list(self.socketio.server.manager.get_participants("/", room.key))

    def _drop_the_slow(self, room: Room) -> None:
        server = self.socketio.server
        for sid, connection in self._members(room):
            socket = server.eio.sockets.get(connection)
            if socket is not None and socket.queue.qsize() > MOST_QUEUED:
                server.disconnect(sid)


def _subject(session: Session, room: Room) -> dict[str, Any] | None:
    """Return what narrows the log down to a room."""
    if room.kind == "stewards":
        return {}
    if room.kind == "submission":
        return {"submission_id": room.name}
    find = seasons.find_race if room.kind == "race" else seasons.find_season
    found = find(session, room.name)
    return {f"{room.kind}_id": found.id} if found else None
