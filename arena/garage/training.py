"""Training: stable-baselines3's PPO on a batch of cars, with the entrant's reward function in its sandbox.

The budget is counted in steps and never exceeded, and the seed is a function of the race, the code's syntax
tree and the settings: the same code gives the same weights, bit for bit, on one machine type. One thread
each: two trainings belong on two cores. A completed lap ends an episode as a truncation whose value is
bootstrapped. The final policy is the result, not the one that happened to lap best.

stable-baselines3 seeds the global random generators of this process. Only the `training*` files import it or
torch: `training_recipe` has what decides what is learnt, `training_learner` what learns, `training_ppo` the
inner loops, `training_cars` the cars.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import torch
from stable_baselines3.common.callbacks import BaseCallback

from arena.garage.policy import Policy
from arena.garage.progress import Meter, Progress
from arena.garage.recording import DriveRecorder
from arena.garage.sandbox import RewardSandbox
from arena.garage.settings import Hyperparameters, ModelMetadata
from arena.garage.training_cars import Cars
from arena.garage.training_learner import extract_policy, new_learner, warm_up
from arena.garage.training_ppo import Learner, StopLearning
from arena.garage.training_recipe import MIN_STEPS, Recipe, plan_updates, training_seed
from arena.garage.verdicts import EntrantFault
from simulator.car import CLASSIC, CarSpec
from simulator.course import Course
from simulator.params import FIRST_CALL_STEPS
from simulator.starts import Starts
from simulator.track import Track

__all__ = ["MIN_STEPS", "Progress", "Training", "plan_updates", "train", "training_seed", "warm_up"]

DEFAULT_STEPS: Final = 500_000
REPORT_EVERY_S: Final = 0.5
_NEVER: Final = 2**31

OnProgress = Callable[[Progress], None]
ShouldStop = Callable[[], bool]


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
) -> Training:
    """Train a policy with the reward function `source`; `seed` is the race's, a bare track a time trial.

    Where the course has several cars, the policy drives them all and learns from each. With objects on the
    course it sees the next two, and a crash ends an episode. `recorder` keeps drives for logs; `first_step`
    is what `steps` is in the first call of an episode. Raises `EntrantFault` (its `output` holds what was
    printed), `SandboxError`, or `ValueError` for a budget below `MIN_STEPS`.
    """
    torch.set_num_threads(1)
    metadata, hyperparameters = metadata or ModelMetadata(), hyperparameters or Hyperparameters()
    recipe = Recipe(seed, Course.of(course), metadata, hyperparameters, steps, spec, starts)
    plan = recipe.plan()
    sandbox = recipe.sandbox(source, plan.num_cars, first_step)
    if recorder is not None:
        recorder.plan(plan.num_cars, plan.steps, len(recipe.course.legs()))
    watch = Watch(Meter(plan.steps, plan.num_cars), on_progress, should_stop)
    try:
        with sandbox as reward:
            cars = Cars(recipe.environment(plan.num_cars, reward), watch.meter, recorder)
            ppo = new_learner(cars, plan, hyperparameters, reward.seed)
            watch.learn(ppo, plan.steps)
    except EntrantFault as fault:
        fault.output = sandbox.output
        raise
    return _result(watch, extract_policy(ppo, metadata, recipe.about(sandbox.seed)), sandbox)


def _result(watch: Watch, policy: Policy, sandbox: RewardSandbox) -> Training:
    meter, last = watch.meter, watch.meter.progress()
    return Training(
        policy=policy,
        steps=meter.steps,
        wall_s=last.elapsed_s,
        steps_per_s=last.steps_per_s,
        episodes=meter.episodes,
        completed_laps=meter.completed_laps,
        curve=tuple(watch.curve),
        stopped=watch.stopped,
        output=sandbox.output,
        seed=sandbox.seed,
        digest=sandbox.digest,
        reward_call_us=round(1e6 * sandbox.waited_s / max(1, sandbox.calls), 2),
    )


@dataclass(slots=True)
class Watch:
    """Reports and stops a training, by the clock; keeps its curve, by the steps."""

    meter: Meter
    on_progress: OnProgress | None
    should_stop: ShouldStop | None
    curve: list[Progress] = field(default_factory=list)
    stopped: bool = False
    _next_report: float = 0.0

    def learn(self, learner: Learner, steps: int) -> None:
        learner.tick = self.tick
        with contextlib.suppress(StopLearning):
            learner.learn(steps, callback=_Hook(self), log_interval=_NEVER)
        self.report()

    def tick(self) -> bool:
        """Report if it is time; return False when the training is to stop."""
        now = time.monotonic()
        if now >= self._next_report:
            self._next_report = now + REPORT_EVERY_S
            self.report()
            self.stopped = self.stopped or bool(self.should_stop and self.should_stop())
        return not self.stopped

    def report(self) -> None:
        if self.on_progress is not None:
            self.on_progress(self.meter.progress())


class _Hook(BaseCallback):
    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self._watch = watch

    def _on_step(self) -> bool:
        return self._watch.tick()

    def _on_rollout_end(self) -> None:
        self._watch.curve.append(self._watch.meter.progress())
