"""An arena of real processes that a test may hit with SIGKILL: web, workers, dispatcher; what dies is started
again, as systemd would.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests import services

RESTART_AFTER_S = 0.3
"""A process that cannot start, for the database is down, is not tried without a pause."""


@dataclass(slots=True)
class Program:
    """One process of the arena, and how often it was started."""

    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0
    due: float = 0.0


@dataclass(slots=True)
class Site:
    """The processes of an arena by their names, all on one database."""

    folder: Path
    database_url: str
    broker_url: str | None = None
    lease_s: float = 4.0
    programs: dict[str, Program] = field(default_factory=dict)
    port: int = field(default_factory=services.free_port)

    def environment(self) -> dict[str, str]:
        """Return what the processes see."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ARENA_")}
        own = {
            "ARENA_DATA_DIR": str(self.folder),
            "ARENA_DATABASE_URL": self.database_url,
            "ARENA_LEASE_S": str(self.lease_s),
            "ARENA_SECRET_KEY": "storm" * 10,
            "PORT": str(self.port),
            "OMP_NUM_THREADS": "1",
        }
        return kept | own | ({"ARENA_BROKER_URL": self.broker_url} if self.broker_url else {})

    def build(self, workers: int) -> None:
        """Name the processes; `tend` starts them."""
        celery = ["--celery"] if self.broker_url else []
        self.programs["web"] = Program(["leaderboard"])
        for number in range(workers):
            command = ["arena", "worker", "--name", f"worker-{number}", *celery]
            self.programs[f"worker-{number}"] = Program(command)
        if self.broker_url:
            self.programs["dispatcher"] = Program(["arena", "dispatch"])

    def tend(self) -> None:
        """Start what does not run."""
        now = time.monotonic()
        for name, program in self.programs.items():
            if (program.process is not None and program.process.poll() is None) or now < program.due:
                continue
            with (self.folder / f"{name}.log").open("ab") as log:
                program.process = subprocess.Popen(
                    [sys.executable, "-m", *program.command],
                    env=self.environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            program.starts += 1
            program.due = now + RESTART_AFTER_S

    def kill(self, name: str) -> bool:
        """Kill one of the processes; False where it does not run."""
        process = self.programs[name].process
        if process is None or process.poll() is not None:
            return False
        process.kill()
        process.wait()
        return True

    def kill_below(self, name: str, depth: int) -> bool:
        """Kill a descendant of one of the processes: 1 is a worker's pit, 2 what holds entrants' code."""
        process = self.programs[name].process
        found = [] if process is None else [process.pid]
        for _ in range(depth):
            found = [child for pid in found for child in children_of(pid)]
        for pid in found[-1:]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                return False
        return bool(found)

    def end(self) -> None:
        """Kill everything that this site started."""
        for program in self.programs.values():
            if program.process is not None:
                with suppress(ProcessLookupError):
                    os.killpg(program.process.pid, signal.SIGKILL)
                program.process.wait()


def children_of(parent: int) -> Iterator[int]:
    """Yield the numbers of a process' children, oldest first, as Linux tells them."""
    for entry in sorted(Path("/proc").glob("[0-9]*"), key=lambda path: int(path.name)):
        try:
            after_name = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(after_name[1]) == parent and after_name[0] != "Z":
            yield int(entry.name)
