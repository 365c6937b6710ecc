"""What a training is made of: a recipe of all that decides what is learnt, and how its budget is cut.

A budget is counted in steps and never exceeded. The seed is a function of the race, the code's syntax tree
and the settings, so that neither resubmitting nor a comment buys another draw.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Final

from arena.garage.limits import Limits
from arena.garage.sandbox import RewardSandbox
from arena.garage.settings import Hyperparameters, ModelMetadata
from arena.garage.training_cars import Legs
from simulator.car import CarSpec
from simulator.course import Course
from simulator.env import TrackVectorEnv
from simulator.starts import Starts

MIN_STEPS: Final = 1024

_STEPS_FOR_20_EPISODES: Final = 32
# Fewer cars for a small budget, so that the policy is still updated often: (from this many steps, cars).
_CARS: Final = ((65_536, 256), (8_192, 64), (0, 16))
_REWARD_CALL_US: Final = 400.0  # mean wall time of a call that a training puts up with
_REWARD_START_S: Final = 60.0


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


def _reward_limits(steps: int) -> Limits:
    calls_s = _REWARD_START_S + steps * _REWARD_CALL_US / 1e6
    return Limits(cpu_s=int(calls_s + _REWARD_START_S), calls_s=calls_s)
