"""Training: stable-baselines3's PPO on a batch of cars, with the entrant's reward function in its sandbox.

The budget is counted in steps and never exceeded, and the seed is a function of the race, the code's syntax
tree and the settings: the same code gives the same weights, bit for bit, on one machine type. One thread
each: two trainings belong on two cores. A completed lap ends an episode as a truncation whose value is
bootstrapped. The final policy is the result, not the one that happened to lap best.

stable-baselines3 seeds the global random generators of this process. Only this file, `training_ppo` and
`training_cars` import it or torch.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecNormalize

from arena.garage.limits import Limits
from arena.garage.policy import Policy
from arena.garage.progress import Meter, Progress
from arena.garage.recording import DriveRecorder
from arena.garage.sandbox import RewardSandbox
from arena.garage.settings import Hyperparameters, ModelMetadata
from arena.garage.training_cars import Cars, Legs
from arena.garage.training_ppo import Learner, StopLearning
from arena.garage.verdicts import EntrantFault
from simulator.actions import Discrete
from simulator.car import CLASSIC, CarSpec
from simulator.course import Course
from simulator.env import TrackVectorEnv
from simulator.params import FIRST_CALL_STEPS
from simulator.sensors import OBSERVATION_COLUMNS
from simulator.sensors.objects import OBJECT_VECTOR_COLUMNS
from simulator.starts import Starts
from simulator.track import Track

__all__ = ["MIN_STEPS", "Progress", "Training", "train", "training_seed", "warm_up"]

DEFAULT_STEPS: Final = 500_000
MIN_STEPS: Final = 1024
REPORT_EVERY_S: Final = 0.5

_LAYERS: Final = (64, 64)
_LOG_STD_INIT: Final = -0.5
_GAE_LAMBDA: Final = 0.95
_CLIP_RANGE: Final = 0.2
_DISCRETE_ENTROPY: Final = 0.003
_LAST_LR_SHARE: Final = 0.05
_STEPS_FOR_20_EPISODES: Final = 32
# Fewer cars for a small budget, so that the policy is still updated often: (from this many steps, cars).
_CARS: Final = ((65_536, 256), (8_192, 64), (0, 16))
_REWARD_CALL_US: Final = 400.0  # mean wall time of a call that a training puts up with
_REWARD_START_S: Final = 60.0
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


@dataclass(frozen=True, slots=True)
class Plan:
    """How a budget is cut into updates."""

    num_cars: int
    steps_per_update: int
    steps: int


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides what is learnt, but for the code."""

    race_seed: int
    course: Course
    metadata: ModelMetadata
    hyperparameters: Hyperparameters
    steps: int
    spec: CarSpec
    starts: Starts = Starts.SPREAD

    def plan(self) -> Plan:
        """Return the plan of the budget; each leg of the course has as many cars, in whole groups."""
        group = len(self.course.legs()) * self.course.cars
        return plan_updates(self.steps, self.hyperparameters.num_episodes_between_training, group)

    def seed(self, digest: str) -> int:
        """Return the seed of the training with the code of that digest."""
        metadata, hyperparameters = self.metadata, self.hyperparameters
        return training_seed(self.race_seed, digest, metadata, hyperparameters, self.steps, self.course)

    def sandbox(self, source: str, num_cars: int, first_step: int) -> RewardSandbox:
        """Return the reward function's sandbox, which is to be entered yet."""
        limits = _reward_limits(self.steps)
        return RewardSandbox(
            source, self.course, num_cars, limits=limits, seed=self.seed, first_step=first_step
        )

    def environment(self, num_cars: int, sandbox: RewardSandbox) -> TrackVectorEnv | Legs:
        """Return the cars, spread evenly over the legs of the course."""
        legs = self.course.legs()
        envs = [
            leg.environment(
                num_cars // len(legs),
                actions=self.metadata.actions,
                reward=sandbox.of_leg(place),
                spec=self.spec,
                starts=self.starts,
            )
            for place, leg in enumerate(legs)
        ]
        return envs[0] if len(envs) == 1 else Legs(envs)

    def about(self, seed: int) -> dict[str, str]:
        """Return what a policy tells of its training."""
        about = {"track": self.course.track.name, "seed": str(seed), "spec": self.spec.name}
        if self.course.text:
            about |= {"course": self.course.text, "driven": self.course.in_words()}
        return about


def warm_up() -> None:
    """Pay for what PyTorch loads at its first optimiser (over a second) before a racer waits for it."""
    torch.optim.Adam([torch.zeros(1, requires_grad=True)])


def plan_updates(steps: int, num_episodes_between_training: int = 20, group: int = 1) -> Plan:
    """Return the largest plan within `steps` whose cars come in groups. `ValueError` below `MIN_STEPS`."""
    if steps < MIN_STEPS:
        raise ValueError(f"expected a budget of at least {MIN_STEPS} steps, got {steps}")
    num_cars = next(cars for least, cars in _CARS if steps >= least)
    num_cars -= num_cars % group
    wanted = max(4, round(_STEPS_FOR_20_EPISODES * num_episodes_between_training / 20))
    updates = max(1, steps // (num_cars * wanted))
    steps_per_update = steps // (num_cars * updates)
    return Plan(num_cars, steps_per_update, updates * num_cars * steps_per_update)


def training_seed(
    race_seed: int,
    digest: str,
    metadata: ModelMetadata,
    hyperparameters: Hyperparameters,
    steps: int,
    course: Course | None = None,
) -> int:
    """Return the seed [0, 2**31) of a training: neither resubmitting nor a comment buys another draw.

    A course that is a plain time trial changes nothing: seeds are what they were before there were others.
    """
    recipe = [race_seed, digest, metadata.as_json(), hyperparameters.as_json(), steps]
    if course is not None and course.as_json():
        recipe.append(course.as_json())
    text = json.dumps(recipe, sort_keys=True)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little") >> 1


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
            ppo = _learner(cars, plan, hyperparameters, reward.seed)
            watch.learn(ppo, plan.steps)
    except EntrantFault as fault:
        fault.output = sandbox.output
        raise
    return _result(watch, extract_policy(ppo, metadata, recipe.about(sandbox.seed)), sandbox)


def _reward_limits(steps: int) -> Limits:
    calls_s = _REWARD_START_S + steps * _REWARD_CALL_US / 1e6
    return Limits(cpu_s=int(calls_s + _REWARD_START_S), calls_s=calls_s)


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


def _learner(cars: Cars, plan: Plan, settings: Hyperparameters, seed: int) -> Learner:
    entropy = settings.beta_entropy
    if entropy is None:
        entropy = _DISCRETE_ENTROPY if isinstance(cars.env.actions, Discrete) else 0.0
    normalised = VecNormalize(cars, norm_obs=False, norm_reward=True, gamma=settings.discount_factor)
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message="You have specified a mini-batch size"
        )  # the last one is shorter
        learner = Learner(
            "MlpPolicy",
            normalised,
            learning_rate=lambda left: settings.lr * (_LAST_LR_SHARE + (1.0 - _LAST_LR_SHARE) * left),
            n_steps=plan.steps_per_update,
            batch_size=min(settings.batch_size, plan.num_cars * plan.steps_per_update),
            n_epochs=settings.num_epochs,
            gamma=settings.discount_factor,
            gae_lambda=_GAE_LAMBDA,
            clip_range=_CLIP_RANGE,
            ent_coef=entropy,
            policy_kwargs={
                "net_arch": {"pi": list(_LAYERS), "vf": list(_LAYERS)},
                "activation_fn": torch.nn.Tanh,
                "log_std_init": _LOG_STD_INIT,
                "optimizer_kwargs": {"eps": 1e-5, "fused": True},
            },
            seed=seed,
            device="cpu",
        )
    if settings.loss_type == "huber":
        learner.value_loss = torch.nn.functional.smooth_l1_loss
    return learner


def extract_policy(ppo: Learner, metadata: ModelMetadata, about: dict[str, str]) -> Policy:
    """Return the actor's layers of `ppo` as a `Policy`."""
    modules = (*ppo.policy.mlp_extractor.policy_net, ppo.policy.action_net)
    linear = [module for module in modules if isinstance(module, torch.nn.Linear)]
    layers = tuple((_array(layer.weight), _array(layer.bias)) for layer in linear)
    seen = layers[0][0].shape[1]
    columns = OBSERVATION_COLUMNS if seen == len(OBSERVATION_COLUMNS) else OBJECT_VECTOR_COLUMNS
    return Policy(layers, metadata.actions, columns, about)


def _array(parameter: torch.Tensor) -> NDArray[np.float64]:
    return parameter.detach().numpy().astype(np.float64)


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
