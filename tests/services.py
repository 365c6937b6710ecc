"""Real PostgreSQL and Redis servers for tests, each in a temporary folder on a free port of this machine.

On a machine without them the tests that need one are skipped with the reason; on CI they fail, because there
they are installed.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

START_WITHIN_S = 30.0


class NotInstalledError(Exception):
    """A server that this machine does not have."""


@dataclass(slots=True)
class Server:
    """A server process that a test may kill and start again; its data stay."""

    command: Sequence[str]
    answers: Callable[[], bool]
    user: str | None = None
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self.process = subprocess.Popen(
            self.command,
            user=self.user,
            group=pwd.getpwnam(self.user).pw_gid if self.user else None,
            extra_groups=[] if self.user else None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + START_WITHIN_S
        while not self.answers():
            assert self.process.poll() is None, f"{self.command[0]} ended with {self.process.returncode}"
            assert time.monotonic() < deadline, f"{self.command[0]} does not answer"
            time.sleep(0.02)

    def kill(self) -> None:
        """Kill the server at once (SIGKILL); PostgreSQL's own children end when they notice."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End the server, if it runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()


@contextmanager
def postgres() -> Iterator[tuple[Server, str]]:
    """Run PostgreSQL; yield the server and the address of an empty database. It does not run as root."""
    initdb, server = _program("initdb"), _program("postgres")
    user = "postgres" if os.getuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="arena-postgres-") as name:
        folder = Path(name)
        if user:
            shutil.chown(folder, user)
        data = folder / "data"
        identity = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if user else {}
        subprocess.run(
            [initdb, "--pgdata", data, "--username=arena", "--auth=trust", "--encoding=UTF8", "--no-sync"],
            check=True,
            capture_output=True,
            **identity,  # type: ignore[call-overload]
        )
        port = free_port()
        options = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": folder}
        settings = [part for key, value in options.items() for part in ("-c", f"{key}={value}")]
        running = Server([server, "-D", str(data), *settings], lambda: _postgres_answers(port), user)
        running.start()
        try:
            yield running, f"postgresql+psycopg://arena@127.0.0.1:{port}/postgres"
        finally:
            running.stop()


@contextmanager
def redis() -> Iterator[tuple[Server, str]]:
    """Run Redis; yield the server and its address. What it holds is gone when it is killed."""
    program, port = _program("redis-server"), free_port()
    with tempfile.TemporaryDirectory(prefix="arena-redis-") as folder:
        options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder]
        running = Server([program, *options], lambda: _listens(port))
        running.start()
        try:
            yield running, f"redis://127.0.0.1:{port}/0"
        finally:
            running.stop()


def require(reason: NotInstalledError) -> None:
    """Fail on CI, skip elsewhere."""
    if os.environ.get("CI"):
        pytest.fail(str(reason))
    pytest.skip(str(reason))


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _program(name: str) -> str:
    """Return the path of a program; Debian keeps those of PostgreSQL beside the path."""
    found = shutil.which(name) or next(
        map(str, sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))), None
    )
    if found is None:
        raise NotInstalledError(f"{name} is not installed here (apt-get install postgresql redis-server)")
    return found


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _postgres_answers(port: int) -> bool:
    """It listens before it serves: after a crash it first goes through its log."""
    try:
        psycopg.connect(host="127.0.0.1", port=port, user="arena", dbname="postgres").close()
    except psycopg.OperationalError:
        return False
    return True
