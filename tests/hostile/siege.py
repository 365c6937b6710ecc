"""Make every attack in one circumstance and print what came of it as JSON.

`python -m tests.hostile.siege CIRCUMSTANCE`, a process of its own for each circumstance, because some of them
cannot be left again. After each group of attacks an honest function must work as before, and at the end
nothing of the arena may have been touched.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from arena.garage import child, conversation, landlock, launching, protection
from arena.garage.limits import Limits
from arena.garage.sandbox import RewardSandbox
from arena.garage.verdicts import EntrantFault
from simulator import tracks
from simulator.canned import canned_states
from simulator.track import Track
from tests.hostile import payloads, tricks
from tests.hostile.circumstances import ENTER, Circumstance
from tests.hostile.payloads import HARMLESS, Payload, filled

CARS: Final = 4
AT_ONCE: Final = 3  # attacks, so that those that sleep cost no time of their own
QUICK: Final = Limits(message_s=0.1, load_s=0.2, memory_mb=512, output_total_mb=8, cpu_s=30)
SECRET: Final = "sword" + "fish"
GROUPS: Final = {
    "files": payloads.FILES,
    "secrets": payloads.SECRETS,
    "network": payloads.NETWORK,
    "processes": payloads.PROCESSES,
    "signals": payloads.SIGNALS,
    "resources": payloads.RESOURCES,
    "frames": tricks.FRAMES,
    "python": tricks.PYTHON,
    "sources": tricks.SOURCES,
}
HONEST: Final = """
import math
import numpy as np
from shapely.geometry import LineString, Point

def reward_function(params):
    line = LineString(params["waypoints"])
    offset = line.distance(Point(params["x"], params["y"]))
    return float(np.exp(-offset)) + math.cos(offset) + len(params) / 100
"""


@dataclass(slots=True)
class Siege:
    """What came of all attacks."""

    circumstance: str
    profile: str
    uid: int
    namespaces: bool
    attacks: int = 0
    verdicts: dict[str, str] = field(default_factory=dict)
    breaches: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def take_down(self, payload: Payload, outcome: str, text: str) -> None:
        """Keep what came of one attack."""
        self.attacks += 1
        self.verdicts[payload.name] = outcome
        if outcome not in payload.expected:
            self.breaches.append(f"{payload.name}: {outcome}, expected {payload.expected}: {text[:300]}")
        if SECRET in text:
            self.breaches.append(f"{payload.name}: the secret is in what the entrant gets to see")


@dataclass(frozen=True, slots=True)
class Field:
    """Where the functions are called: a track and the params rows of a few cars."""

    track: Track
    rows: NDArray[np.float64]

    def outcome_of(self, source: str) -> tuple[str, str]:
        """Return the verdict, or HARMLESS, or what went wrong; and all the text that the entrant sees."""
        entry = RewardSandbox(source, self.track, CARS, limits=QUICK)
        try:
            with entry as reward:
                for _ in range(2):
                    got = float(np.abs(reward(self.rows, np.arange(CARS))).sum())
        except EntrantFault as fault:
            return str(fault.verdict), fault.message + fault.detail + entry.output
        except Exception as error:  # a SandboxError, which costs no try: an attack must not come to one
            return f"{type(error).__name__}: {error}", ""
        return (HARMLESS if got == 0.0 else f"it has got {got}"), entry.output

    def honest_rewards(self) -> list[float]:
        with RewardSandbox(HONEST, self.track, CARS) as reward:
            return [float(each) for each in reward(self.rows, np.arange(CARS))]


@contextlib.contextmanager
def arena_to_attack() -> Iterator[dict[str, object]]:
    """Lay out what the attacks are after and yield the names of its parts; at the end all must be as before.

    Raises AssertionError.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_UNIX) as local,
        socket.socket(socket.AF_UNIX) as abstract,
    ):
        root = Path(folder)
        for name in ("canary.txt", "arena.db", "rival.py"):
            (root / name).write_text(SECRET)
        local.bind(f"{folder}/socket")
        abstract.bind(f"\0{root / 'rival.py'}")
        before = _looks_of(root)
        for listening in (server, local, abstract):
            listening.listen()
            listening.settimeout(0.0)
        yield {
            "CANARY": root / "canary.txt",
            "DATABASE": root / "arena.db",
            "RIVAL": root / "rival.py",
            "TARGET": root / "target",
            "FOLDER": root,
            "PID": os.getpid(),
            "PORT": server.getsockname()[1],
        }
        assert _looks_of(root) == before
        for listening in (server, local, abstract):
            with contextlib.suppress(BlockingIOError):
                raise AssertionError(f"a connection has arrived: {listening.accept()}")


def _looks_of(folder: Path) -> dict[str, tuple[int, ...]]:
    looks: dict[str, tuple[int, ...]] = {}
    for path in folder.iterdir():
        stat = path.stat()
        looks[path.name] = (stat.st_mode, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_uid)
    return looks


def lay_siege(circumstance: Circumstance) -> Siege:
    """Attack in all ways of the table."""
    began = time.monotonic()
    track = tracks.load("oval")
    field = Field(track, np.array([state.row for state in canned_states(track)[:CARS]]))
    profile = protection.settle().profile
    assert profile is not None
    siege = Siege(circumstance, profile, os.getuid(), launching.walls(profile).namespaces)
    os.environ["ARENA_SECRET"] = SECRET
    honest = field.honest_rewards()
    groups = {**GROUPS, "kernel": payloads.kernel_calls(platform.machine())}
    if platform.machine() == "x86_64":
        groups["numbering"] = (tricks.X32,)
    with arena_to_attack() as places, ThreadPoolExecutor(AT_ONCE) as pool:
        for group, table in groups.items():
            sources = [filled(payload.source, places) for payload in table]
            for payload, outcome in zip(table, pool.map(field.outcome_of, sources), strict=True):
                siege.take_down(payload, *outcome)
            if field.honest_rewards() != honest:
                siege.breaches.append(f"after {group}: an honest function gets other rewards")
    siege.seconds = round(time.monotonic() - began, 1)
    return siege


def main() -> None:
    circumstance = Circumstance(sys.argv[1])
    ENTER[circumstance]()
    if circumstance is Circumstance.NO_LANDLOCK:
        landlock.abi = lambda: 0
    vars(conversation)["_LEAST_WALL_S"] = 2.0  # who sleeps is found out sooner,
    vars(child)["_STACK_WAIT_S"] = 0.3  # and who has silenced the fault handler
    json.dump(asdict(lay_siege(circumstance)), sys.stdout)


if __name__ == "__main__":
    main()
