"""The talk after the race: all that a training and its race say of a reward function, from one call."""

from __future__ import annotations

from typing import Protocol

from arena.garage import lines
from arena.garage.diagnosis import Diagnosis, diagnose
from arena.garage.patterns import Evidence
from arena.garage.policy import Policy
from arena.garage.recording import DriveRecorder
from arena.garage.trials import Trial
from simulator.course import Course
from simulator.params import FIRST_CALL_STEPS


class Trained(Protocol):
    """What the talk needs to know of a training (`training.Training`, without loading what learns)."""

    @property
    def policy(self) -> Policy: ...
    @property
    def steps(self) -> int: ...
    @property
    def wall_s(self) -> float: ...
    @property
    def reward_call_us(self) -> float: ...
    @property
    def seed(self) -> int: ...


def debrief(
    source: str,
    course: Course,
    trained: Trained,
    trial: Trial,
    recorder: DriveRecorder,
    first_step: int = FIRST_CALL_STEPS,
) -> Diagnosis | None:
    """Return the diagnosis of a training with `source`, None where no recorded drive was completed.

    A few calls of the reward function are made once more, in a locked child (`lines.study`).
    """
    evidence = Evidence.of(recorder, trial, course, trained.policy.actions)
    if not evidence.drives:
        return None
    evidence = evidence.with_lines(
        lines.study(source, course, recorder.sample, seed=trained.seed, first_step=first_step)
    )
    return diagnose(evidence, budget=trained.steps, wall_s=trained.wall_s, call_us=trained.reward_call_us)
