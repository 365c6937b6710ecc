"""The one tailer of the event log: reads what is new a few times a second and hands it to the rooms.

It holds no state but its cursor. A fault, such as a database that does not answer, is logged and the log
asked again: nobody's page goes dead because of a moment's fault, and no event is skipped, because the cursor
only moves past what was handed on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from arena.league import events
from arena.league.events import LogEntry
from arena.league.models import Race, Racer
from leaderboard.context import Arena

log = logging.getLogger(__name__)

POLL_EVERY_S = 0.25
RETRY_AFTER_S = 2.0
BATCH = 500

Message = dict[str, Any]
Publish = Callable[[Sequence[Message]], None]


class StopSign(Protocol):
    """What `run` needs of an event object of threading or gevent."""

    def is_set(self) -> bool: ...

    def wait(self, timeout: float | None = None) -> Any: ...


class Feed:
    """Reads the log from where it stood at the start."""

    def __init__(self, arena: Arena, publish: Publish, cursor: int | None = None) -> None:
        self.arena = arena
        self.publish = publish
        if cursor is None:
            with arena.reading() as session:
                cursor = events.latest_id(session)
        self.cursor = cursor

    def poll(self) -> int:
        """Hand on what is new, possibly nothing; return how many events that were."""
        with self.arena.reading() as session:
            entries = events.read_after(session, self.cursor, BATCH)
            messages = as_messages(session, entries)
        self.publish(messages)
        if entries:
            self.cursor = entries[-1].id
        return len(entries)

    def run(self, stop: StopSign) -> None:
        """Poll until told to stop."""
        while not stop.is_set():
            try:
                found = self.poll()
            except Exception:
                # Whatever it is, a feed that has died would leave every page silently still.
                log.exception("The events after id %d cannot be handed on; trying again.", self.cursor)
                stop.wait(RETRY_AFTER_S)
            else:
                if found < BATCH:
                    stop.wait(POLL_EVERY_S)


def as_messages(session: Session, entries: Sequence[LogEntry]) -> list[Message]:
    """Return the events as clients get them, with the names that people read beside handles and slugs."""
    handles = {entry.racer for entry in entries if entry.racer is not None}
    slugs = {entry.race for entry in entries if entry.race is not None}
    names = _pairs(session, select(Racer.handle, Racer.name).where(Racer.handle.in_(handles)), handles)
    titles = _pairs(session, select(Race.slug, Race.title).where(Race.slug.in_(slugs)), slugs)
    return [
        entry.as_json()
        | {
            "racer_name": names.get(entry.racer or ""),
            "race_title": titles.get(entry.race or ""),
        }
        for entry in entries
    ]


def _pairs(session: Session, query: Select[str, str], wanted: set[str]) -> dict[str, str]:
    return {key: text for key, text in session.execute(query)} if wanted else {}
