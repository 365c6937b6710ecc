"""Training: stable-baselines3's PPO on a batch of cars, with the entrant's reward function in its sandbox.

The budget is counted in steps and never exceeded, and the seed is a function of the race, the code's syntax
tree and the settings: the same code gives the same weights, bit for bit, on one machine type. One thread
each: two trainings belong on two cores. A completed lap ends an episode as a truncation whose value is
bootstrapped. The final policy is the result, not the one that happened to lap best.

stable-baselines3 seeds the global random generators of this process. Only the `training*` files import it or
torch: `training_recipe` has what decides what is learnt, `training_stints` drives it stint by stint,
`training_learner` has what learns, `training_ppo` the inner loops, `training_cars` the cars;
`training_checkpoint` is what is kept of a training under way, `training_state` what a learner knows.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

import torch

from arena.garage.hyperparameters import Hyperparameters
from arena.garage.policy import Policy
from arena.garage.progress import Meter, Progress
from arena.garage.recording import DriveRecorder
from arena.garage.settings import ModelMetadata
from arena.garage.training_checkpoint import Checkpoint, CheckpointError
from arena.garage.training_learner import extract_policy, warm_up
from arena.garage.training_recipe import MIN_STEPS, Recipe, plan_updates, training_seed
from arena.garage.training_stints import (
    OnCheckpoint,
    OnProgress,
    ShouldStop,
    Watch,
    Work,
    require_same_car,
)
from simulator.car import CLASSIC, CarSpec
from simulator.course import Course
from simulator.params import FIRST_CALL_STEPS
from simulator.starts import Starts
from simulator.track import Track

__all__ = [
    "MIN_STEPS",
    "Checkpoint",
    "CheckpointError",
    "Progress",
    "Training",
    "plan_updates",
    "train",
    "training_seed",
    "warm_up",
]

DEFAULT_STEPS: Final = 500_000


@dataclass(frozen=True, slots=True)
class Training:
    """A finished training. `curve` has one entry per update of the policy."""

    policy: Policy
    steps: int
    wall_s: float
    steps_per_s: float
    episodes: int
    completed_laps: int
    curve: tuple[Progress, ...]
    stopped: bool
    output: str
    seed: int
    digest: str
    reward_call_us: float
    continuation: Checkpoint
    """What another training may go on from."""
    usage: dict[str, float] | None = None
    """What the reward function has used: cpu_s, wall_s, peak_mb."""

    @property
    def total_steps(self) -> int:
        """Return the steps of this training and of all that it went on from."""
        return self.continuation.total_steps


def train(
    source: str,
    course: Course | Track,
    *,
    metadata: ModelMetadata | None = None,
    hyperparameters: Hyperparameters | None = None,
    steps: int = DEFAULT_STEPS,
    seed: int = 0,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
    recorder: DriveRecorder | None = None,
    first_step: int = FIRST_CALL_STEPS,
    spec: CarSpec = CLASSIC,
    starts: Starts = Starts.SPREAD,
    parent: Checkpoint | None = None,
    start: Checkpoint | None = None,
    on_checkpoint: OnCheckpoint | None = None,
) -> Training:
    """Train a policy with the reward function `source`; `seed` is the race's, a bare track a time trial.

    Where the course has several cars, the policy drives them all and learns from each. With objects on the
    course it sees the next two, and a crash ends an episode. `recorder` keeps drives for logs; `first_step`
    is what `steps` is in the first call of an episode.

    `on_checkpoint` is told of each stop but the last; `start` goes on from one, to the same bits. With
    `parent`, another training's `continuation`, the policy is trained on, not begun.

    Raises `EntrantFault` (its `output` holds what was printed), `SandboxError`, `CheckpointError` for a
    `start` of another training, or `ValueError` for a budget below `MIN_STEPS`.
    """
    torch.set_num_threads(1)
    recipe = Recipe(
        seed,
        Course.of(course),
        metadata or ModelMetadata(),
        hyperparameters or Hyperparameters(),
        steps,
        spec,
        starts,
        first_step,
        parent.policy_sha256 if parent else "",
    )
    if parent:
        require_same_car(parent, recipe)
    plan = recipe.plan()
    watch = Watch(Meter(plan.steps, plan.num_cars), on_progress, should_stop, recipe.is_enough)
    work = Work(source, recipe, plan, watch, recorder, parent)
    work.drive(start, on_checkpoint)
    return _result(work)


def _result(work: Work) -> Training:
    watch, meter, last = work.watch, work.watch.meter, work.watch.meter.progress()
    policy = extract_policy(work.learner, work.recipe.metadata, work.recipe.about(work.seed))
    sha256 = hashlib.sha256(policy.to_bytes()).hexdigest()
    return Training(
        policy=policy,
        steps=meter.steps,
        wall_s=last.elapsed_s,
        steps_per_s=last.steps_per_s,
        episodes=meter.episodes,
        completed_laps=meter.completed_laps,
        curve=tuple(watch.curve),
        stopped=watch.stopped,
        output=work.output,
        seed=work.seed,
        digest=work.digest,
        reward_call_us=round(1e6 * work.waited_s / max(1, work.calls), 2),
        continuation=work.checkpoint(len(work.plan.stints()), sha256).bare(),
        usage=work.usage,
    )
