"""What stands in the way of starting an arena is said in words and at once: real processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from arena.serve import Child, Supervisor


def arena(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `arena ...` on a data folder of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ARENA_")}
    return subprocess.run(
        [sys.executable, "-m", "arena", *arguments],
        env=kept | {"ARENA_DATA_DIR": str(folder)} | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@pytest.mark.parametrize("command", [("serve", "--workers", "0"), ("account", "olga"), ("worker",)])
def test_a_database_that_is_none_is_named_without_a_traceback(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    (tmp_path / "arena.db").write_bytes(b"this is no database " * 300)
    port = ("--port", free_port()) if command[0] == "serve" else ()
    finished = arena(*command, *port, folder=tmp_path)
    assert finished.returncode == 3
    assert "file is not a database" in finished.stderr
    assert str(tmp_path) in finished.stderr
    assert "Traceback" not in finished.stderr


def test_a_data_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    finished = arena("account", "olga", folder=tmp_path / "file")
    assert finished.returncode == 3
    assert "ARENA_DATA_DIR" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_an_address_of_no_database_is_named(tmp_path: Path) -> None:
    finished = arena("account", "olga", folder=tmp_path, ARENA_DATABASE_URL="nonsense")
    assert finished.returncode == 3
    assert "ARENA_DATABASE_URL" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_a_taken_port_is_ours_and_not_the_entrants_fault(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        finished = arena("serve", "--port", str(taken.getsockname()[1]), folder=tmp_path)
    assert finished.returncode == 3
    assert "Choose another port with --port." in finished.stderr


def test_a_missing_secret_ends_the_arena_at_the_first_start(tmp_path: Path) -> None:
    finished = arena("serve", "--port", free_port(), "--workers", "0", folder=tmp_path)
    assert finished.returncode == 2
    assert finished.stderr.count("ARENA_SECRET_KEY is not set") == 1


def test_a_killed_process_is_started_again() -> None:
    child = Child("sleeper", [sys.executable, "-c", "import time; time.sleep(60)"])
    child.start()
    assert child.process is not None
    first = child.process
    first.send_signal(signal.SIGKILL)
    first.wait()
    supervisor = Supervisor([child])
    assert supervisor.restart(child)
    time.sleep(0.1)
    assert not child.has_stopped()
    assert child.process.pid != first.pid
    supervisor.terminate()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere processes cannot be closed to each other so")
def test_what_knows_the_secrets_is_closed_to_others_of_its_user() -> None:
    is_dumpable = "import ctypes; print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"  # PR_GET_DUMPABLE
    code = f"from arena.serve import keep_secrets; keep_secrets(); {is_dumpable}"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "0\n"
