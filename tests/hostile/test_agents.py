"""What a reward function may not do an agent may not do either: while it is loaded, made, reset and asked.

The attacks are those of `payloads.py` and `tricks.py`, turned into agents, and some of their own; the lock is
the same, so one circumstance and a part of the table suffice.
"""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
import pytest

from arena.garage import agents, child, conversation, lock
from arena.garage.agents import Agent
from arena.garage.limits import Limits
from arena.garage.observing import COLUMNS
from arena.garage.verdicts import EntrantFault
from tests.hostile import payloads, tricks
from tests.hostile.payloads import (
    BAD_VALUE,
    CRASHED,
    HARMLESS,
    IMPORT,
    MEMORY,
    NO_FUNCTION,
    RUNTIME,
    TIMEOUT,
    Payload,
    filled,
)
from tests.hostile.siege import AT_ONCE, SECRET, arena_to_attack
from tests.hostile.tricks import forged

pytestmark = pytest.mark.skipif(lock.best_profile() is None, reason=lock.refusal())

QUICK: Final = Limits(load_s=0.2, memory_mb=512, output_total_mb=8, cpu_s=30)
SHAPE: Final = {"readings": 36, "points": 11, "objects": 0}
INFO: Final[dict[str, object]] = {
    "track": {"waypoints": [[0, 0]], "left_border": [], "right_border": [], "widths": []}
}
ROW: Final = np.zeros(len(COLUMNS) + 36 + 22)
HONEST: Final = """
import math
import numpy as np
from shapely.geometry import Point

class Agent:
    def reset(self, info):
        self.points = len(info["track"]["waypoints"])
    def act(self, observation):
        return float(np.exp(Point(1, 1).distance(Point(0, 0)))) + self.points, len(observation)
"""
IN_ACT: Final = """
class Agent:
    def act(self, observation):
        return reward_function(observation), 1.0
"""
IN_RESET: Final = """
class Agent:
    def reset(self, info):
        self.got = reward_function(info)
    def act(self, observation):
        return self.got, 1.0
"""
IN_INIT: Final = """
class Agent:
    def __init__(self):
        self.got = reward_function({})
    def act(self, observation):
        return self.got, 1.0
"""
# These are about the value of a reward, or about the frames that rewards travel in.
NOT_OF_AGENTS: Final = frozenset(
    {"a number that lies", "the host's limit lifted", "the host's loop replaced"}
)
GROUPS: Final = (
    payloads.FILES[::3],
    payloads.SECRETS,
    payloads.NETWORK[::3],
    payloads.PROCESSES,
    payloads.SIGNALS[::2],
    payloads.RESOURCES[::3],
    tricks.PYTHON[::2],
)


def acting(name: str, body: str, *expected: str) -> Payload:
    """An attack by a method `act` of a few lines."""
    lines = "".join(f"        {line}\n" for line in body.splitlines())
    return Payload(
        name,
        f"{payloads.HEAD}class Agent:\n    def act(self, observation):\n{lines}",
        expected or (RUNTIME,),
    )


ACTION: Final = 22
OWN: Final = (
    acting("an action that is not a number", "return float('nan'), 1.0", BAD_VALUE),
    acting("a forged action before the true one", "os.write(4, struct.pack('<4sHHIIQ2d', b'APEX', 1, 22, 2, "
           "2, 16, 9, 9))\nreturn 0.0, 1.0", CRASHED),
    acting("a forged action of another tick", forged(ACTION, struct.pack("<2d", 0, 1), 2, 9), CRASHED),
    acting("a forged action of no numbers", forged(ACTION, struct.pack("<2d", 0, math.nan), 2, 2), CRASHED),
    acting("a forged action of three numbers", forged(ACTION, struct.pack("<3d", 0, 1, 2), 3, 2), CRASHED),
    acting("rewards instead of an action", forged(20, struct.pack("<2d", 0, 1), 2, 2), CRASHED),
    acting("a frame of 2**60 bytes", "os.write(4, struct.pack('<4sHHIIQ', b'APEX', 1, 22, 2, 2, 1 << 60))\n"
           "return 0.0, 1.0", CRASHED),
    acting("a verdict of its own", forged(21, b'{"verdict": "ok", "message": "won"}', 0, 2), CRASHED),
    acting("its own requests read away", "os.read(3, 1 << 20)\nreturn 0.0, 1.0", TIMEOUT),
    acting("a sequence that never ends", "import itertools\nreturn itertools.count()", BAD_VALUE),
    acting("a row whose length lies", "class Row(list):\n    def __iter__(self):\n        while True:\n"
           "            pass\nreturn Row()", TIMEOUT),
    acting("a mapping that leaves", "class Row(dict):\n    def __getitem__(self, key):\n        os._exit(0)\n"
           "return Row()", CRASHED),
    acting("a class that lies about itself", "class Odd:\n    @property\n    def __class__(self):\n"
           "        raise SystemExit\nreturn Odd()"),
    acting("the loop of the host replaced", "import arena.garage.host_agent as host\n"
           "host.Driving._act = lambda *_: b'x' * 32\nreturn 0.0, 1.0", CRASHED),
    acting("time that stands still", "time.process_time = lambda: 0.0\nwhile True:\n    pass", TIMEOUT),
    Payload("torch while loading", "import torch\n" + HONEST, (IMPORT, TIMEOUT, MEMORY, CRASHED)),
    Payload("a metaclass that loops", "class Meta(type):\n    def __call__(self):\n        while True: pass\n"
            "class Agent(metaclass=Meta):\n    def act(self, o): return 0, 1\n", (TIMEOUT,)),
    Payload("attributes of every name", "class Agent:\n    def __getattr__(self, name): return 3\n",
            (NO_FUNCTION,)),
    Payload("a fork in a destructor", "import os\nclass Late:\n    def __del__(self): os.fork()\nLate()\n"
            + IN_ACT.replace("reward_function(observation)", "0.0"), (HARMLESS,)),
)  # fmt: skip


def attacks() -> Iterator[Payload]:
    """Yield the attacks, in turn from each place in which an agent's code runs."""
    places = itertools.cycle((IN_ACT, IN_RESET, IN_INIT))
    for payload, place in zip(itertools.chain(*GROUPS), places, strict=False):
        if payload.name not in NOT_OF_AGENTS:
            yield Payload(payload.name, payload.source + place, payload.expected)
    yield from OWN


def outcome_of(source: str) -> tuple[str, str]:
    """Return the verdict, or HARMLESS, or what went wrong; and all the text that the entrant sees."""
    agent = Agent(source, limits=QUICK)
    try:
        with agent:
            agent.reset(INFO, SHAPE)
            commands = {agent.act(ROW) for _ in range(2)}
    except EntrantFault as fault:
        return str(fault.verdict), fault.message + fault.detail + agent.output
    except Exception as error:  # a SandboxError, which costs no try: an attack must not come to one
        return f"{type(error).__name__}: {error}", ""
    return (HARMLESS if commands == {(0.0, 1.0)} else f"it has got {commands}"), agent.output


def honest_command() -> tuple[float, float]:
    with Agent(HONEST) as agent:
        agent.reset(INFO, SHAPE)
        return agent.act(ROW)


def test_every_attack_of_an_agent_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "_LEAST_WALL_S", 2.0)  # who sleeps is found out sooner,
    monkeypatch.setattr(child, "_STACK_WAIT_S", 0.3)  # and who has silenced the fault handler
    monkeypatch.setattr(agents, "HARD_ACT_S", 0.15)
    monkeypatch.setattr(agents, "RESET_S", 0.15)
    monkeypatch.setenv("ARENA_SECRET", SECRET)
    honest = honest_command()
    breaches = []
    table = list(attacks())
    with arena_to_attack() as places, ThreadPoolExecutor(AT_ONCE) as pool:
        sources = [filled(payload.source, places) for payload in table]
        for payload, (outcome, text) in zip(table, pool.map(outcome_of, sources), strict=True):
            if outcome not in payload.expected or SECRET in text:
                breaches.append(f"{payload.name}: {outcome}, expected {payload.expected}: {text[:300]}")
        assert honest_command() == honest
    assert breaches == []
    assert len(table) > 70
