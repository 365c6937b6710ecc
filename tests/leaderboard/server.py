"""A real server process for tests: `python -m leaderboard` on a free port, and what is needed to watch it."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import socketio


@contextmanager
def running(folder: Path, port: int) -> Iterator[str]:
    """Run the web process on an arena's folder; yields its address, and stops it cleanly."""
    environment = {
        **os.environ,
        "ARENA_DATA_DIR": str(folder),
        "ARENA_MODE": "development",
        "ARENA_RATE_LIMITS": "false",
        "HOST": "127.0.0.1",
        "PORT": str(port),
    }
    with subprocess.Popen(
        [sys.executable, "-m", "leaderboard"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert "http://" in line, f"expected the address, got {line!r}"
            yield f"http://127.0.0.1:{port}"
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0, "SIGTERM must stop the server cleanly"
        finally:
            process.kill()


@dataclass(slots=True)
class Watcher:
    """A Socket.IO client that keeps what it hears, and remembers the last event as browsers do."""

    address: str
    client: socketio.Client = field(init=False)
    heard: queue.Queue[tuple[str, dict[str, Any]]] = field(default_factory=queue.Queue)
    last: int | None = None

    def __post_init__(self) -> None:
        self.connect()

    def connect(self) -> None:
        """Connect anew, as after a lost connection."""
        self.client = socketio.Client(reconnection=False)
        self.client.on("snapshot", lambda message: self._take("snapshot", message))
        self.client.on("event", lambda message: self._take("event", message))
        self.client.connect(self.address, transports=["websocket"])

    def join(self, room: Any, since: Any = None) -> dict[str, Any]:
        """Join a room and return the acknowledgement."""
        answer: dict[str, Any] = self.client.call("join", {"room": room, "since": since}, timeout=10)
        return answer

    def next(self, within_s: float = 10.0) -> tuple[str, dict[str, Any]]:
        """Return the next message."""
        return self.heard.get(timeout=within_s)

    def _take(self, kind: str, message: dict[str, Any]) -> None:
        self.last = message["event_id" if kind == "snapshot" else "id"]
        self.heard.put((kind, message))

    def until(self, name: str, within_s: float = 10.0) -> list[dict[str, Any]]:
        """Return the events up to and including the first of a name."""
        found: list[dict[str, Any]] = []
        deadline = time.monotonic() + within_s
        while not found or found[-1]["name"] != name:
            kind, message = self.next(max(0.01, deadline - time.monotonic()))
            if kind == "event":
                found.append(message)
        return found

    def close(self) -> None:
        """Hang up."""
        if self.client.connected:
            self.client.disconnect()
