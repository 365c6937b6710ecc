"""Golden traces: drives whose commands are on record, and what the simulator made of them.

The same commands must give the same drive for as long as the versions of rules, car and track stay. Only the
commands are the reference driver's, rounded; they are stored, so that the driver may change without changing
a trace.

    python -m tests.simulator.golden            prints what the drives give here, as JSON
    python -m tests.simulator.golden --record   drives anew and writes traces.json: after a version was raised

Numbers that people can read are compared within a tolerance, everywhere. The hash of a whole trace is
compared only on the kind of machine that it was taken on: NumPy works out sines and tangents by the
instructions that a processor has, and their last bits differ.
"""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator import tracks
from simulator.bots import Bots
from simulator.car import CAR_VERSION, CLASSIC, V6, CarSpec
from simulator.driver import FULL_RANGE, ReferenceDriver
from simulator.laps import Outcome
from simulator.objects import Lane, Obstacle
from simulator.rules import RULES_VERSION, Rules, Status
from simulator.starts import Starts
from simulator.trace import Trace
from simulator.track import Track
from simulator.vector import TrackVectorEnv

TRACES = Path(__file__).with_name("traces.json")
SAMPLED = 25
"""Every so many steps a state stands in the file, and where the objects are (x, y, heading each)."""
SAMPLED_COLUMNS = ("x_m", "y_m", "yaw_rad", "speed_mps", "steering_rad", "progress", "status")


@dataclass(frozen=True, slots=True)
class Scene:
    """What is driven. In the steps `asleep` the recorded driver held the wheel straight at 3 m/s."""

    track_name: str
    rules: Rules
    is_reversed: bool = False
    spec: CarSpec = CLASSIC
    obstacles: tuple[Obstacle, ...] = ()
    bots: Bots | None = None
    asleep: range = range(0)

    @property
    def track(self) -> Track:
        """Return the track in the direction of driving."""
        track = tracks.load(self.track_name)
        return track.reversed() if self.is_reversed else track

    def environment(self) -> TrackVectorEnv:
        """Return one car on the start line."""
        env = TrackVectorEnv(
            self.track,
            actions=FULL_RANGE,
            spec=self.spec,
            rules=self.rules,
            starts=Starts.LINE,
            obstacles=self.obstacles,
            bots=self.bots,
        )
        env.reset(seed=0)
        return env


SCENES = {
    "time_trial": Scene("oval", Rules.time_trial(2)),
    "time_trial_reversed_v6": Scene("switchback", Rules.time_trial(1), is_reversed=True, spec=V6),
    "off_track_and_put_back": Scene("oval", Rules.time_trial(2), asleep=range(15, 45)),
    "obstacles": Scene(
        "needle",
        Rules.object_avoidance(1),
        obstacles=(Obstacle(0.3, Lane.INNER), Obstacle(0.55, Lane.OUTER)),
    ),
    "bots": Scene("oval", Rules.object_avoidance(2), bots=Bots(lane_change=True)),
}


def record(scene: Scene) -> NDArray[np.float64]:
    """Return the commands [steps, 2] (deg, m/s) of the reference driver, to two decimals."""
    env = scene.environment()
    plan = tracks.plan(scene.track_name, is_reversed=scene.is_reversed, spec=scene.spec)
    driver = ReferenceDriver(plan, scene.spec)
    commands: list[NDArray[np.float64]] = []
    while not env.outcomes:
        asleep = len(commands) in scene.asleep
        wanted = np.array([[0.0, 3.0]]) if asleep else driver.commands(env.state)
        commands.append(np.clip(wanted, (-30.0, 0.1), (30.0, 4.0)).round(2))
        env.drive(commands[-1])
    return np.concatenate(commands)


def drive(scene: Scene, commands: NDArray[np.float64]) -> tuple[Trace, Outcome]:
    """Follow commands [steps, 2] until the drive ends, by the last of them or sooner; return both."""
    env = scene.environment()
    rows, objects = [], []
    for command in commands:
        env.drive(command[None])
        rows.append(env.trace_rows())
        objects.append(env.object_rows())
        if env.outcomes:
            break
    outcome = env.outcomes.get(0) or env.book.close(0, Status.IN_PROGRESS, len(rows) + 1, 0.0)
    return Trace(np.concatenate(rows), np.concatenate(objects), env.object_sizes), outcome


def described(scene: Scene, commands: NDArray[np.float64]) -> dict[str, Any]:
    """Return a drive as the file has it, commands left out."""
    trace, outcome = drive(scene, commands)
    samples = np.column_stack([trace[name] for name in SAMPLED_COLUMNS])
    samples = np.hstack([samples, trace.objects.reshape(len(trace), -1)])[::SAMPLED]
    return {
        "track": {"name": scene.track_name, "version": scene.track.version},
        "outcome": {
            "status": outcome.status.name,
            "steps": outcome.steps,
            "lap_times_ms": " ".join(str(lap.lap_time_ms) for lap in outcome.laps),
            "off_tracks": outcome.off_track_count,
            "crashes": outcome.crash_count,
            "resets": outcome.reset_count,
            "penalty_ms": outcome.penalty_ms,
        },
        "samples": [" ".join(f"{number:.9f}" for number in state) for state in samples],
        "sha256": hashlib.sha256(trace.rows.tobytes() + trace.objects.tobytes()).hexdigest(),
    }


def written(commands: NDArray[np.float64]) -> dict[str, str]:
    """Return commands [steps, 2] as text."""
    steering, speed = (" ".join(f"{number:g}" for number in column) for column in commands.T)
    return {"steering_deg": steering, "speed_mps": speed}


def read(text: dict[str, str]) -> NDArray[np.float64]:
    """Return the commands [steps, 2] of such text."""
    return np.column_stack([np.array(text[key].split(), float) for key in ("steering_deg", "speed_mps")])


def machine() -> str:
    """Return what the last bits depend on: the processor, NumPy, the instructions it uses, the C library."""
    instructions = np.show_config(mode="dicts")["SIMD Extensions"]
    found = " ".join([*instructions["baseline"], *instructions["found"]])
    return f"{platform.machine()}; numpy {np.__version__}; {found}; {' '.join(platform.libc_ver())}"


def versions() -> dict[str, str]:
    """Return what a trace is a promise of."""
    return {"rules": RULES_VERSION, "car": CAR_VERSION}


def recorded() -> dict[str, Any]:
    """Return the content of a new file."""
    drives = {}
    for name, scene in SCENES.items():
        commands = record(scene)
        drives[name] = {**described(scene, commands), "commands": written(commands)}
    return {"versions": versions(), "machine": machine(), "drives": drives}


def stored() -> dict[str, Any]:
    """Return the content of the file."""
    content: dict[str, Any] = json.loads(TRACES.read_text())
    return content
