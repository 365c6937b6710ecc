"""Whether the lock holds on this machine, tried out by attacking it.

A kernel may name a feature and not enforce it (a container's profile, an emulator), so every worker starts a
few locked children that try to get out, and looks at the effect: was the file read, the connection opened,
the process started? The attacks do no harm where they succeed. `tests/hostile` has many more.
"""

from __future__ import annotations

import os
import re
import socket
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np

from arena.garage import launching, protection
from arena.garage.launching import Walls
from arena.garage.limits import Limits
from arena.garage.protection import Protection
from arena.garage.sandbox import RewardSandbox
from arena.garage.verdicts import EntrantFault
from simulator import tracks
from simulator.canned import canned_states

LIMITS: Final = Limits(message_s=2.0, load_s=2.0, memory_mb=512)

# name -> what the function does; it returns 1.0 when the attack has worked, and fails when it was stopped
ATTACKS: Final[dict[str, str]] = {
    "read a file of the arena": "return len(open({canary!r}).read())",
    "list the folder of the arena": "return len(os.listdir({folder!r})) > 0",
    "write a file": "return os.write(os.open({target!r}, os.O_WRONLY | os.O_CREAT), b'x')",
    "read the worker's environment": "return len(open('/proc/{pid}/environ', 'rb').read()) > 0",
    "find a secret in its own environment": "return any(name[:5] == 'ARENA' for name in os.environ)",
    "signal the worker": "return os.kill({pid}, 0) is None",
    "trace the worker": "return call(libc.ptrace, 0x4206, {pid}, 0, 0) == 0",
    "connect by TCP": "return socket.socket().connect(('127.0.0.1', {port})) is None",
    "send by UDP": "return socket.socket(socket.AF_INET, socket.SOCK_DGRAM) is not None",
    "open a local socket": "return socket.socket(socket.AF_UNIX) is not None",
    "start a process": "return os.fork() >= 0 or os._exit(0)",
    "start a program": "return os.posix_spawn('/bin/true', ['true'], {{}}) > 0",
    "become a program": "return os.execv('/bin/true', ['true']) is None",
    "start a thread": "return threading.Thread(target=int).start() is None",
    "raise its limits": "return resource.setrlimit(resource.RLIMIT_NPROC, (9, 9)) is None",
    "take 2 GB of memory": "return len(bytearray(2 << 30)) > 0",
    "make memory executable": "return mmap.mmap(-1, 4096, prot=7) is not None",
    "make a file in memory": "return os.memfd_create('x') > 0",
    "open an io_uring": "return call(libc.syscall, 425, 1, ctypes.create_string_buffer(120)) >= 0",
    "enter a namespace of its own": "return call(libc.unshare, 0x10000000) == 0",
}
_REFUSALS: Final = (
    "PermissionError",
    "FileNotFoundError",
    "out of memory",
    "can't start new thread",
    "not allowed to raise",
)
_HEAD: Final = """\
import ctypes, mmap, os, resource, socket, threading
libc = ctypes.CDLL(None, use_errno=True)

def call(function, *arguments):
    answer = function(*arguments)
    if answer == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer

def reward_function(params):
    """
_HONEST: Final = """\
import math
import numpy as np
from shapely.geometry import LineString, Point

def reward_function(params):
    line = LineString(params["waypoints"])
    offset = line.distance(Point(params["x"], params["y"]))
    return float(np.exp(-offset)) + math.cos(offset)
"""


@dataclass(frozen=True, slots=True)
class Trial:
    """One attack, or the honest function: whether all is well, and what was seen."""

    name: str
    passed: bool
    seen: str


@dataclass(frozen=True, slots=True)
class Report:
    """What the probe has found out about the protection that is in force."""

    protection: Protection
    trials: tuple[Trial, ...]
    walls: Walls | None

    @property
    def further_walls(self) -> str:
        """Say what holds the code beside the lock, or what would."""
        if self.walls is None:
            return "no further walls"
        own = (
            "a root and a network of its own" if self.walls.namespaces else "no namespaces (not allowed here)"
        )
        if self.walls.spare_uid is not None:
            return f"further walls: {own}, user {self.walls.spare_uid}"
        if os.geteuid() == 0:
            return f"further walls: {own}; WARNING: runs as root, without rights; use an ordinary user"
        return f"further walls: {own}"

    @property
    def holds(self) -> bool:
        return self.protection.profile is not None and all(trial.passed for trial in self.trials)

    def as_json(self) -> dict[str, object]:
        return {
            "holds": self.holds,
            "profile": self.protection.profile,
            "sandbox": self.protection.sentence,
            "walls": asdict(self.walls) if self.walls else None,
            "trials": [
                {"name": trial.name, "passed": trial.passed, "seen": trial.seen} for trial in self.trials
            ],
        }


def run() -> Report:
    """Attack the protection that is in force. Raises `SandboxUnavailableError` where nothing may run."""
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.create_server(("127.0.0.1", 0)) as server,
    ):
        canary = Path(folder, "canary.txt")
        canary.write_text("a secret")
        places = {
            "canary": str(canary),
            "folder": folder,
            "target": str(Path(folder, "written.txt")),
            "pid": os.getpid(),
            "port": server.getsockname()[1],
        }
        trials = [attempt(name, _HEAD + body.format(**places)) for name, body in ATTACKS.items()]
    held = protection.current()
    walls = launching.walls(held.profile) if held.profile else None
    return Report(held, (*trials, honest_work()), walls)


def attempt(name: str, source: str) -> Trial:
    """Run one attack; it passes the probe when it was refused, and not when it failed in another way."""
    try:
        reward = _reward(source)
    except EntrantFault as fault:
        seen = re.sub(r"^reward_function failed in line \d+: ", "", fault.message)
        return Trial(name, any(word in seen for word in _REFUSALS), seen)
    return Trial(name, reward == 0.0, "nothing to find" if reward == 0.0 else "IT WORKED")


def honest_work() -> Trial:
    """Run a function as people write them, with NumPy and shapely."""
    name = "an honest function with NumPy and shapely works"
    try:
        return Trial(name, True, f"reward {_reward(_HONEST):.3f}")
    except EntrantFault as fault:
        return Trial(name, False, fault.message)


def _reward(source: str) -> float:
    track = tracks.load(tracks.names()[0])
    row = np.array([canned_states(track)[0].row])
    with RewardSandbox(source, track, 1, limits=LIMITS) as reward:
        return float(reward(row, np.zeros(1, np.int64))[0])
