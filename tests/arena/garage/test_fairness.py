"""The same code, race and settings give the same bytes, whoever trained before and in whatever process.

stable-baselines3 and PyTorch draw from generators that are global to the process, and reward functions may
draw, hash and keep things: each of these could carry something from one entrant to the next.
"""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest

from arena.garage.hyperparameters import Hyperparameters
from arena.garage.racing import drive
from arena.garage.settings import ModelMetadata
from arena.garage.training import train
from arena.garage.verdicts import EntrantFault
from simulator import tracks
from simulator.actions import Discrete
from simulator.course import Bots, Course, Direction
from simulator.imperfections import CALIBRATED
from tests.arena.garage.conftest import PROGRESS_REWARD

STEPS = 2048
# What differs from process to process, and from run to run, unless somebody sees to it.
LUCKY_REWARD = """
import random
import numpy as np

names = list({"left", "right", "inner", "outer", "apex"})
seen = {}

def reward_function(params):
    seen[len(seen)] = params["progress"]
    luck = random.random() + np.random.normal() + hash("car") % 7 + names.index("apex")
    return luck + params["speed"] + len(seen) % 3
"""
FAILING_REWARD = """
import random
calls = []

def reward_function(params):
    calls.append(random.random())
    return 1.0 / (len(calls) < 40)
"""
STEERING = Discrete(tuple((angle, 1.5) for angle in (-20.0, -5.0, 0.0, 5.0, 20.0)))


@dataclass(frozen=True)
class Entry:
    """Code and what it is trained for."""

    source: str
    course: Course
    metadata: ModelMetadata = ModelMetadata()  # noqa: RUF009  (frozen)
    hyperparameters: Hyperparameters = Hyperparameters()  # noqa: RUF009  (frozen)

    def result(self) -> str:
        """Train and race; return a digest of weights, drive and laps."""
        trained = train(
            self.source,
            self.course,
            metadata=self.metadata,
            hyperparameters=self.hyperparameters,
            steps=STEPS,
            seed=5,
        )
        trial = drive(trained.policy, self.course, laps=1, seed=5)
        laps = repr([lap.lap_time_ms for lap in trial.laps]).encode()
        return hashlib.sha256(trained.policy.to_bytes() + trial.trace.to_bytes() + laps).hexdigest()


def entries() -> list[Entry]:
    """Return entries that are as different as can be."""
    oval = tracks.load("oval")
    return [
        Entry(PROGRESS_REWARD, Course(oval)),
        Entry(LUCKY_REWARD, Course(oval, bots=Bots(2)), ModelMetadata(STEERING)),
        Entry(
            PROGRESS_REWARD,
            Course(oval, Direction.ALTERNATE, imperfections=CALIBRATED),
            hyperparameters=Hyperparameters(num_epochs=2, loss_type="huber"),
        ),
    ]


@pytest.fixture(scope="module")
def results() -> list[str]:
    """What the entries came to in this process, one after the other."""
    return [entry.result() for entry in entries()]


def test_the_order_of_trainings_does_not_matter(results: list[str]) -> None:
    backwards = [entry.result() for entry in reversed(entries())]
    assert backwards == results[::-1]


def test_what_stopped_failed_or_drew_before_leaves_nothing_behind(results: list[str]) -> None:
    oval = tracks.load("oval")
    train(LUCKY_REWARD, oval, steps=STEPS, should_stop=lambda: True)
    with pytest.raises(EntrantFault):
        train(FAILING_REWARD, oval, steps=STEPS)
    random.seed(1)
    np.random.seed(1)
    assert entries()[0].result() == results[0]


def test_another_process_with_another_environment_gives_the_same(results: list[str]) -> None:
    code = "from tests.arena.garage.test_fairness import entries; print(entries()[1].result())"
    others = {"PYTHONHASHSEED": "77", "OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2", "TZ": "Asia/Tokyo"}
    command = [sys.executable, "-c", code]
    environment = os.environ | others
    printed = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    assert printed.strip() == results[1]
