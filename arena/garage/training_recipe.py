"""What a training is made of: a recipe of all that decides what is learnt, and how its budget is cut.

A budget is counted in steps and never exceeded. The seed is a function of the race, the code's syntax tree
and the settings, so that neither resubmitting nor a comment buys another draw.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from dataclasses import dataclass
from typing import Final

from arena.garage.hyperparameters import Hyperparameters
from arena.garage.limits import Limits
from arena.garage.progress import Meter
from arena.garage.sandbox import RewardSandbox
from arena.garage.sensing import OBSERVATION, senses_for
from arena.garage.settings import Algorithm, ModelMetadata
from arena.garage.training_cars import Legs
from arena.garage.training_versions import software
from simulator.car import CarSpec
from simulator.course import Course, RaceType
from simulator.env import TrackVectorEnv
from simulator.params import FIRST_CALL_STEPS
from simulator.sensors.suite import Senses
from simulator.starts import Starts

MIN_STEPS: Final = 1024

# SAC remembers what it learns from, so it need not drive as far between two updates.
_STEPS_FOR_20_EPISODES: Final = {Algorithm.PPO: 32, Algorithm.SAC: 8}
# Fewer cars for a small budget, so that the policy is still updated often: (from this many steps, cars).
_CARS: Final = ((65_536, 256), (8_192, 64), (0, 16))
_REWARD_CALL_US: Final = 400.0  # mean wall time of a call that a training puts up with
_REWARD_START_S: Final = 60.0

# A long training is cut into stints: at most a fifth of it is lost with a worker. The cars begin anew in each
# and for a while no lap can end: with 390 steps per car, a reward that pays for laps learnt to crawl.
_SHORT_STEPS: Final = 100_000
_STINTS: Final = 5
_STINT_STEPS_PER_CAR: Final = 2_000  # 133 s of driving


@dataclass(frozen=True, slots=True)
class Plan:
    """How a budget is cut into updates."""

    num_cars: int
    steps_per_update: int
    steps: int

    def stints(self) -> tuple[int, ...]:
        """Return the steps of each stint: whole updates, none longer than a fifth where there is room.

        Between two stints everything but what was learnt begins anew, in the same way in every training, so
        that nobody can tell from a result whether a worker was lost.
        """
        update = self.num_cars * self.steps_per_update
        updates = self.steps // update
        wanted = math.ceil(updates / max(1, updates // _STINTS))
        room = updates * self.steps_per_update // _STINT_STEPS_PER_CAR
        count = 1 if self.steps < _SHORT_STEPS else max(1, min(wanted, room))
        ends = [updates * (place + 1) // count for place in range(count)]
        return tuple(update * (end - begin) for begin, end in itertools.pairwise([0, *ends]))


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
    first_step: int = FIRST_CALL_STEPS
    parent: str = ""
    """SHA-256 of the policy that is trained on."""

    def plan(self) -> Plan:
        """Return the plan of the budget; each leg of the course has as many cars, in whole groups."""
        group = len(self.course.legs()) * self.course.cars
        episodes = self.hyperparameters.num_episodes_between_training
        return plan_updates(self.steps, episodes, group, _STEPS_FOR_20_EPISODES[self.metadata.algorithm])

    def is_enough(self, meter: Meter) -> bool:
        """Return whether the entrant wants the training to end here."""
        settings = self.hyperparameters
        return meter.is_enough(settings.term_cond_max_episodes, settings.term_cond_avg_score)

    def seed(self, digest: str) -> int:
        """Return the seed of the training with the code of that digest."""
        metadata, hyperparameters = self.metadata, self.hyperparameters
        return training_seed(
            self.race_seed, digest, metadata, hyperparameters, self.steps, self.course, self.parent
        )

    def sandbox(self, source: str, num_cars: int, stint: int, steps: int, shards: int = 1) -> RewardSandbox:
        """Return the reward function's sandbox for a stint of `steps`, which is to be entered yet."""
        return RewardSandbox(
            source,
            self.course,
            num_cars,
            limits=_reward_limits(self.steps, steps / self.steps),
            seed=lambda digest: stint_seed(self.seed(digest), stint),
            first_step=self.first_step,
            shards=shards,
        )

    def identity(self, digest: str) -> str:
        """Return a hash of all that decides what is learnt, the software and the kind of machine included."""
        said = [digest, self.seed(digest), self.spec.name, self.starts.value, self.first_step, software()]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

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
                sensors=self._senses(),
            )
            for place, leg in enumerate(legs)
        ]
        return envs[0] if len(envs) == 1 else Legs(envs)

    def _senses(self) -> Senses | None:
        """Return what the cars see by; None for what they do without a choice."""
        if self.metadata.sensors == (OBSERVATION,):
            return None
        with_objects = self.course.race_type is not RaceType.TIME_TRIAL
        return senses_for(self.metadata.sensors, with_objects=with_objects)

    def about(self, seed: int) -> dict[str, str]:
        """Return what a policy tells of its training."""
        about = {"track": self.course.track.name, "seed": str(seed), "spec": self.spec.name}
        if self.course.text:
            about |= {"course": self.course.text, "driven": self.course.in_words()}
        return about


def plan_updates(
    steps: int,
    num_episodes_between_training: int = 20,
    group: int = 1,
    steps_for_20: int = _STEPS_FOR_20_EPISODES[Algorithm.PPO],
) -> Plan:
    """Return the largest plan within `steps` whose cars come in groups. `ValueError` below `MIN_STEPS`.

    `steps_for_20` are the steps of each car between two updates that stand for 20 episodes.
    """
    if steps < MIN_STEPS:
        raise ValueError(f"expected a budget of at least {MIN_STEPS} steps, got {steps}")
    num_cars = next(cars for least, cars in _CARS if steps >= least)
    num_cars -= num_cars % group
    wanted = max(4, round(steps_for_20 * num_episodes_between_training / 20))
    updates = max(1, steps // (num_cars * wanted))
    if steps // num_cars >= _STINTS * _STINT_STEPS_PER_CAR and steps >= _SHORT_STEPS and updates > _STINTS:
        updates -= updates % _STINTS  # equal stints; the updates become longer by as much
    steps_per_update = steps // (num_cars * updates)
    return Plan(num_cars, steps_per_update, updates * num_cars * steps_per_update)


def training_seed(
    race_seed: int,
    digest: str,
    metadata: ModelMetadata,
    hyperparameters: Hyperparameters,
    steps: int,
    course: Course | None = None,
    parent: str = "",
) -> int:
    """Return the seed [0, 2**31) of a training: neither resubmitting nor a comment buys another draw.

    A course that is a plain time trial changes nothing: seeds are what they were before there were others.
    `parent` is the SHA-256 of the policy that is trained on, if one is.
    """
    recipe = [race_seed, digest, metadata.as_json(), hyperparameters.as_json(), steps]
    if course is not None and course.as_json():
        recipe.append(course.as_json())
    if parent:
        recipe.append({"parent": parent})
    text = json.dumps(recipe, sort_keys=True)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little") >> 1


def stint_seed(seed: int, stint: int) -> int:
    """Return the seed [0, 2**31) of a stint, counted from 0; the first one has the training's own."""
    if stint == 0:
        return seed
    return int.from_bytes(hashlib.sha256(f"{seed} {stint}".encode()).digest()[:4], "little") >> 1


def _reward_limits(steps: int, share: float) -> Limits:
    """Return the limits for a share of a training of `steps`."""
    calls_s = share * (_REWARD_START_S + steps * _REWARD_CALL_US / 1e6)
    return Limits(cpu_s=int(calls_s + _REWARD_START_S), calls_s=calls_s)
