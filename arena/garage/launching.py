"""How a child comes to life and how its end is learnt: forked and locked by a zygote, or, where a person has
trusted their own code and there is no lock, started as an ordinary process.

Each process that needs children keeps one zygote, started at the first need and replaced when it dies; its
children die with it, which is our fault and nobody else's.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from arena.garage import workplace
from arena.garage.limits import Usage
from arena.garage.lock import Profile
from arena.garage.protection import Protection
from arena.garage.verdicts import SandboxError, SandboxUnavailableError
from arena.garage.wire import ENDED, MAX_MESSAGE_BYTES, Program

_ROOT: Final = str(Path(__file__).resolve().parents[2])
_START: Final = (
    "import sys; sys.path.append(sys.argv[1]); from arena.garage import zygote; zygote.{}(sys.argv[2])"
)
_START_WAIT_S: Final = 60.0  # a machine under load, a cold disk
_FORK_WAIT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Pipes:
    """The child's ends of its pipes."""

    requests: int
    prints: int
    replies: int
    stack: int


class Process(Protocol):
    """A child process, however it was started."""

    pid: int
    exit_fd: int | None
    """Becomes readable when the process has ended, even if one of its own keeps the pipes open."""

    def send_signal(self, number: int) -> None: ...
    def has_ended(self) -> bool: ...
    def kill(self) -> None: ...
    def reap(self, within_s: float) -> tuple[int, Usage] | None:
        """Return the exit status (or minus the signal) and what it used; None if it has not ended by then."""

    def release(self) -> None:
        """Close what belongs to this handle."""


def launch(protection: Protection, pipes: Pipes, options: dict[str, Any]) -> Process:
    """Start a child. Raises `SandboxError` and, when it cannot be locked, `SandboxUnavailableError`."""
    if protection.profile is None:
        return Spawned(pipes, options)
    # With SciPy and onnxruntime in it, a child crashed where the parser wants a deep stack (tests/hostile).
    networks = protection.profile is Profile.STRICT and options["program"] == Program.POLICY
    found = _zygote_of(protection.profile, networks)
    try:
        return found.fork(pipes, options)
    except SandboxError:
        if found.is_usable:
            raise
        # It died between the look at it and the request: nothing of the child has run.
        return _zygote_of(protection.profile, networks).fork(pipes, options)


@dataclass(frozen=True, slots=True)
class Walls:
    """What holds the children beside the lock, where the system allows it."""

    namespaces: bool
    """They see a root and a network of their own, and nothing of the machine."""
    spare_uid: int | None
    """The user that they are, where their parent is root."""


def walls(profile: Profile) -> Walls:
    """Return the further walls around the children of this process."""
    return _zygote_of(profile).walls


class ZygoteGoneError(SandboxError):
    """The zygote has ended; another one can take its place."""


class Zygote:
    """The parent's end of one zygote."""

    def __init__(self, profile: Profile, networks: bool = False) -> None:
        self.profile = profile
        self.folder = workplace.folder()
        self.owner_pid = os.getpid()
        self._turn = threading.Lock()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        options = {
            "control": theirs.fileno(),
            "profile": profile,
            "networks": networks,
            "folder": str(self.folder),
            "root": _ROOT,
        }
        with tempfile.TemporaryFile() as errors, theirs:
            self.process = _python("main", options, [theirs.fileno()], errors, self.folder)
            theirs.close()
            try:
                facts = self._answer(_START_WAIT_S)
            except SandboxError as error:
                self.close()
                errors.seek(0)
                raise SandboxUnavailableError(
                    f"{error} {errors.read()[-500:].decode(errors='replace')}".strip()
                ) from error

        self.walls = Walls(bool(facts["namespaces"]), facts["spare_uid"])

    @property
    def is_usable(self) -> bool:
        return (
            self.owner_pid == os.getpid()
            and self._control.fileno() >= 0
            and self.process.poll() is None
            and self.folder.is_dir()
        )

    def fork(self, pipes: Pipes, options: dict[str, Any]) -> Forked:
        """Have a child forked. Raises `SandboxError`."""
        ended, theirs = os.pipe()
        descriptors = [pipes.requests, pipes.prints, pipes.replies, pipes.stack]
        descriptors.insert(ENDED, theirs)
        try:
            with self._turn:
                socket.send_fds(self._control, [json.dumps(options).encode()], descriptors)
                answer = self._answer(_FORK_WAIT_S)
        except (OSError, SandboxError) as error:
            os.close(ended)
            if isinstance(error, ConnectionError | ZygoteGoneError):
                self.close()
            raise SandboxError(f"The reward process could not be started: {error}") from error
        finally:
            os.close(theirs)
        return Forked(self, int(answer["pid"]), ended)

    def send_signal(self, pid: int, number: int) -> None:
        """Signal a child; nothing happens when it has ended already."""
        with contextlib.suppress(OSError), self._turn:
            self._control.send(json.dumps({"signal": number, "pid": pid}).encode())

    def _answer(self, within_s: float) -> dict[str, Any]:
        self._control.settimeout(within_s)
        try:
            message = self._control.recv(MAX_MESSAGE_BYTES)
        except TimeoutError:
            raise SandboxError(f"The zygote gave no answer within {within_s:.0f} s.") from None
        if not message:
            raise ZygoteGoneError("The zygote has ended.")
        answer: dict[str, Any] = json.loads(message)
        if "error" in answer:
            raise SandboxError(answer["error"])
        return answer

    def close(self) -> None:
        """End the zygote and with it its children."""
        self._control.close()
        if self.owner_pid == os.getpid():
            self.process.kill()
            self.process.wait()


_zygotes: dict[tuple[Profile, bool], Zygote] = {}
_zygotes_turn = threading.Lock()


def _zygote_of(profile: Profile, networks: bool = False) -> Zygote:
    """Return this process's zygote of a profile; `networks`: the one that has onnxruntime loaded."""
    with _zygotes_turn:
        found = _zygotes.get((profile, networks))
        if found is None or not found.is_usable:
            if found is not None:
                found.close()
            if not _zygotes:
                atexit.register(close_zygotes)
            found = _zygotes[profile, networks] = Zygote(profile, networks)
        return found


def close_zygotes() -> None:
    """End this process's zygotes; the next child starts a new one."""
    while _zygotes:
        _zygotes.popitem()[1].close()


class Forked:
    """A locked child; the zygote signals and reaps it."""

    def __init__(self, parent: Zygote, pid: int, ended: int) -> None:
        self.pid = pid
        self.exit_fd: int | None = ended
        self._zygote = parent
        self._ended = ended

    def send_signal(self, number: int) -> None:
        self._zygote.send_signal(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def has_ended(self) -> bool:
        poll = select.poll()
        poll.register(self._ended, select.POLLIN)
        return bool(poll.poll(0))

    def reap(self, within_s: float) -> tuple[int, Usage] | None:
        poll = select.poll()
        poll.register(self._ended, select.POLLIN)
        if not poll.poll(1000 * within_s):
            return None
        record = os.read(self._ended, MAX_MESSAGE_BYTES)
        if not record:  # the zygote has ended before it, and so the kernel has killed it
            return -signal.SIGKILL, Usage(0.0, 0.0)
        ending = json.loads(record)
        return ending["status"], Usage(ending["cpu_s"], ending["peak_mb"])

    def release(self) -> None:
        os.close(self._ended)


class Spawned:
    """A child without a lock, as on macOS; with everything that it starts it is one process group."""

    def __init__(self, pipes: Pipes, options: dict[str, Any]) -> None:
        passed = {"requests": pipes.requests, "replies": pipes.replies, "stack": pipes.stack}
        arguments = {**options, **passed, "parent_pid": os.getpid(), "root": _ROOT}
        try:
            self._process = _python("alone", arguments, [*passed.values()], pipes.prints, workplace.folder())
        except OSError as error:
            raise SandboxError(f"The reward process could not be started: {error}.") from error
        self.pid = self._process.pid
        self.exit_fd: int | None = None
        self._peak_mb = 0.0
        if hasattr(os, "pidfd_open"):
            self.exit_fd = os.pidfd_open(self.pid)

    def send_signal(self, number: int) -> None:
        with contextlib.suppress(OSError):
            self._process.send_signal(number)

    def kill(self) -> None:
        self._peak_mb = peak_mb(self.pid)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)  # not reaped yet, so the number is still its own

    def has_ended(self) -> bool:
        if not hasattr(os, "waitid"):  # macOS before Python 3.13
            return False
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def reap(self, within_s: float) -> tuple[int, Usage] | None:
        ends = time.monotonic() + within_s
        while time.monotonic() < ends:
            pid, status, used = os.wait4(self.pid, os.WNOHANG)
            if pid:
                self._process.returncode = os.waitstatus_to_exitcode(status)
                # not ru_maxrss: a child that was started with vfork inherits its parent's peak there
                return self._process.returncode, Usage(used.ru_utime + used.ru_stime, self._peak_mb)
            time.sleep(0.001)
        return None

    def release(self) -> None:
        if self.exit_fd is not None:
            os.close(self.exit_fd)


def peak_mb(pid: int) -> float:
    """Return the most memory that a living process has used, 0.0 where that cannot be read."""
    with contextlib.suppress(OSError):
        if found := re.search(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{pid}/status").read_text()):
            return int(found[1]) / 1024
    return 0.0


def _python(
    entry: str, arguments: dict[str, Any], descriptors: list[int], output: Any, folder: Path
) -> subprocess.Popen[bytes]:
    """Start Python on `zygote.<entry>` with a clean environment and nothing open but the descriptors."""
    # -P and -s keep the working folder and the home out of the path, the environment is ours: that is
    # all of -I, which would ignore the fixed hash seed
    command = [sys.executable, "-s", "-P", "-c", _START.format(entry), _ROOT, json.dumps(arguments)]
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        pass_fds=descriptors,
        cwd=folder,
        env=_clean_environment(str(folder)),
        start_new_session=True,
    )


def _clean_environment(folder: str) -> dict[str, str]:
    """Return all that the child gets to see of the environment: no secret, no path of ours, a fixed hash
    seed.
    """
    environment = {
        "HOME": folder,
        "TMPDIR": folder,
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }
    if "LD_LIBRARY_PATH" in os.environ:  # some Pythons do not start without it
        environment["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
    return environment
