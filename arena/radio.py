"""What a worker and its pit say to each other: short JSON and files, over a pair of sockets.

Neither side reads a pickle. A message is a frame of JSON that names its files and how long they are, then one
frame per file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from multiprocessing.connection import Connection
from typing import Any, Final

MAX_JSON_BYTES: Final = 16 << 20
MAX_FILE_BYTES: Final = 1 << 30


class Kind(StrEnum):
    """What a message is: the first two are orders, the others answers."""

    CHECK = "check"
    DRIVE = "drive"
    READY = "ready"
    PROGRESS = "progress"
    CHECKPOINT = "checkpoint"
    RACING = "racing"
    DONE = "done"
    FAULT = "fault"
    """The entrant's: a verdict."""
    STOPPED = "stopped"
    UNAVAILABLE = "unavailable"
    """No code can be held here: nothing was run."""
    IMPOSSIBLE = "impossible"
    """The race itself cannot be driven."""
    FAILED = "failed"
    """Ours; the pit has logged it."""


ENDS: Final = frozenset((Kind.DONE, Kind.FAULT, Kind.STOPPED, Kind.UNAVAILABLE, Kind.IMPOSSIBLE, Kind.FAILED))
"""The last words about an order."""


@dataclass(frozen=True, slots=True)
class Message:
    """Facts as JSON can carry them, and files by name."""

    kind: Kind
    facts: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)


def send(line: Connection, message: Message) -> None:
    """Send a message. Raises OSError when the other side is gone."""
    sizes = {name: len(content) for name, content in message.files.items()}
    head = {"kind": message.kind, "facts": message.facts, "files": sizes}
    line.send_bytes(json.dumps(head).encode())
    for content in message.files.values():
        line.send_bytes(content)


def receive(line: Connection) -> Message:
    """Wait for a message. Raises EOFError or OSError when the other side is gone."""
    head = json.loads(line.recv_bytes(MAX_JSON_BYTES))
    files = {name: line.recv_bytes(MAX_FILE_BYTES) for name in head["files"]}
    return Message(Kind(head["kind"]), head["facts"], files)
