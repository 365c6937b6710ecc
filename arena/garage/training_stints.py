"""A training under way: stint after stint, each with a new child, new cars and new draws.

What is learnt goes from one stint to the next, exactly as a checkpoint keeps it, and nothing else does: the
reward function's module is executed anew, every car begins a new drive, and all random generators are seeded
by the training's seed and the number of the stint. So a training that goes on from a checkpoint gives the
same bits as one that was never interrupted.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from stable_baselines3.common.callbacks import BaseCallback

from arena.garage.limits import Usage
from arena.garage.progress import Meter, Progress
from arena.garage.recording import DriveRecorder
from arena.garage.sandbox import RewardSandbox
from arena.garage.training_cars import Cars
from arena.garage.training_checkpoint import Checkpoint, CheckpointError, Tally
from arena.garage.training_learner import AnyLearner, new_learner
from arena.garage.training_ppo import StopLearning
from arena.garage.training_recipe import Plan, Recipe
from arena.garage.training_state import arrays_of, hand_down, restore
from arena.garage.verdicts import EntrantFault, Verdict
from arena.garage.weighing import shards_worth

REPORT_EVERY_S: Final = 0.5
_NEVER: Final = 2**31
_MAX_OUTPUT: Final = 65_536

OnProgress = Callable[[Progress], None]
OnCheckpoint = Callable[[Checkpoint], None]
ShouldStop = Callable[[], bool]


@dataclass(slots=True)
class Watch:
    """Reports and stops a training, by the clock; keeps its curve, by the steps."""

    meter: Meter
    on_progress: OnProgress | None
    should_stop: ShouldStop | None
    is_enough: Callable[[Meter], bool] = lambda _: False
    """Looked at after each rollout: whether the entrant wants no more than that (`term_cond_*`)."""
    curve: list[Progress] = field(default_factory=list)
    stopped: bool = False
    is_over: bool = False
    _next_report: float = 0.0

    def learn(self, learner: AnyLearner, steps: int) -> None:
        """Let the learner go on for so many steps, or until it is to stop."""
        learner.tick = self.tick
        with contextlib.suppress(StopLearning):
            learner.learn(steps, callback=_Hook(self), log_interval=_NEVER, reset_num_timesteps=False)
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
        return self._watch.tick() and not self._watch.is_over

    def _on_rollout_end(self) -> None:
        watch = self._watch
        watch.curve.append(watch.meter.progress())
        watch.is_over = watch.is_enough(watch.meter)


@dataclass(slots=True)
class Work:
    """A training of the code `source`, and how far it has come."""

    source: str
    recipe: Recipe
    plan: Plan
    watch: Watch
    recorder: DriveRecorder | None = None
    parent: Checkpoint | None = None
    learner: AnyLearner = field(init=False)
    cars: Cars = field(init=False)
    digest: str = ""
    output: str = ""
    calls: int = 0
    waited_s: float = 0.0
    used: Usage = field(default_factory=lambda: Usage(0.0, 0.0))
    """What the children of the stints so far have used: their CPU time together, the highest peak."""
    used_wall_s: float = 0.0
    shards: int = 0
    """How many children answer the calls, when that is known."""

    def drive(self, start: Checkpoint | None, on_checkpoint: OnCheckpoint | None) -> None:
        """Drive all stints that are left after `start`; tell each stop but the last one."""
        stints = self.plan.stints()
        first = start.stints if start else 0
        if start and not 0 < first < len(stints):
            raise CheckpointError(f"Expected a checkpoint after 1 to {len(stints) - 1} stints, got {first}.")
        if self.recorder is not None:
            self.recorder.plan(self.plan.num_cars, self.plan.steps, len(self.recipe.course.legs()))
        for stint, steps in list(enumerate(stints))[first:]:
            self._drive_stint(stint, steps, start)
            start = None
            if self.watch.stopped or self.watch.is_over:
                return
            if on_checkpoint and stint + 1 < len(stints):
                on_checkpoint(self.checkpoint(stint + 1))

    def _drive_stint(self, stint: int, steps: int, start: Checkpoint | None) -> None:
        if not self.shards:
            course, first_step = self.recipe.course, self.recipe.first_step
            self.shards = shards_worth(self.source, course, self.plan.num_cars, first_step)
        sandbox = self.recipe.sandbox(self.source, self.plan.num_cars, stint, steps, self.shards)
        sandbox.sample = self.recorder.sample if self.recorder is not None else None
        began_s = time.monotonic()
        try:
            with sandbox as reward:
                self._line_up(reward, stint, start)
                self.watch.learn(self.learner, steps)
        except EntrantFault as fault:
            fault.output = (self.output + sandbox.output)[:_MAX_OUTPUT]
            self._count(sandbox.usage, time.monotonic() - began_s)
            fault.usage = self.usage
            raise
        self._count(sandbox.usage, time.monotonic() - began_s)
        self.output = (self.output + sandbox.output)[:_MAX_OUTPUT]
        self.calls, self.waited_s = self.calls + sandbox.calls, self.waited_s + sandbox.took_s

    def _count(self, used: Usage, wall_s: float) -> None:
        self.used = Usage(self.used.cpu_s + used.cpu_s, max(self.used.peak_mb, used.peak_mb))
        self.used_wall_s += wall_s

    @property
    def usage(self) -> dict[str, float]:
        """Return what the entrant's code has used since this process took the training on."""
        return self.used.as_json(self.used_wall_s)

    def _line_up(self, reward: RewardSandbox, stint: int, start: Checkpoint | None) -> None:
        """Put new cars at their starts, with the learner at the wheel as the last stint left it."""
        environment = self.recipe.environment(self.plan.num_cars, reward)
        if not self.digest:
            self.digest = reward.digest
            self.cars = Cars(environment, self.watch.meter, self.recorder)
            self._begin(self.recipe.seed(self.digest), start)
        self.cars.env = environment
        self.watch.meter.cut()
        if self.recorder is not None:
            self.recorder.cut()
        if stint:
            self.learner.set_random_seed(reward.seed)
            self.learner._last_obs = None  # `learn` then resets the cars

    def _begin(self, seed: int, start: Checkpoint | None) -> None:
        self.learner = new_learner(self.cars, self.plan, self.recipe, seed)
        self.learner.budget = self.plan.steps
        if start:
            start.require(self.recipe.identity(self.digest))
            self._go_on_from(start)
        elif self.parent:
            _go_on_from_parent(self.learner, self.parent)

    def _go_on_from(self, start: Checkpoint) -> None:
        restore(self.learner, start.learner)
        self.learner.num_timesteps = start.steps
        tally = start.tally
        try:
            self.watch.meter.go_on_from(tally.meter)
            self.watch.curve = [Progress(**each) for each in tally.curve]
            if self.recorder is not None:
                self.recorder.go_on_from(start.drives)
        except (KeyError, ValueError, TypeError) as error:
            raise CheckpointError(f"The checkpoint's records do not fit: {error}.") from error
        self.output, self.calls, self.waited_s = tally.output, tally.calls, tally.waited_s

    def checkpoint(self, stints: int, policy_sha256: str = "") -> Checkpoint:
        """Return what the training has come to after so many stints."""
        return Checkpoint(
            identity=self.recipe.identity(self.digest),
            digest=self.digest,
            stints=stints,
            steps=self.watch.meter.steps,
            ancestor_steps=self.parent.total_steps if self.parent else 0,
            policy_sha256=policy_sha256,
            metadata=self.recipe.metadata.as_json(),
            tally=Tally(
                meter=self.watch.meter.as_json(),
                curve=[each.as_json() for each in self.watch.curve],
                output=self.output,
                calls=self.calls,
                waited_s=self.waited_s,
            ),
            learner=arrays_of(self.learner),
            drives=self.recorder.arrays() if self.recorder is not None else {},
        )

    @property
    def seed(self) -> int:
        """Return the training's seed."""
        return self.recipe.seed(self.digest)


def require_same_car(parent: Checkpoint, recipe: Recipe) -> None:
    """Raise `EntrantFault` where the car to be trained has other actions, senses or networks."""
    wanted = json.loads(json.dumps(recipe.metadata.as_json()))
    before = json.loads(json.dumps(parent.metadata))
    differing = sorted(key for key in wanted.keys() | before.keys() if wanted.get(key) != before.get(key))
    if differing:
        raise EntrantFault(
            Verdict.SETTINGS,
            f"To train on, the car must be the one that was trained before; {', '.join(differing)} differs. "
            "Use the model_metadata.json of the earlier submission, or train from the beginning.",
        )


def _go_on_from_parent(learner: AnyLearner, parent: Checkpoint) -> None:
    try:
        hand_down(learner, parent.learner)
    except CheckpointError as error:
        raise EntrantFault(
            Verdict.SETTINGS,
            "This policy cannot be trained on here, its network is another one: it was trained for a race "
            "with other things to see. Train from the beginning.",
            detail=str(error),
        ) from error
