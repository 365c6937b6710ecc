"""A training in stints: how the budget is cut, and that no stop can be seen in the result."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.garage import training_recipe
from arena.garage.recording import DriveRecorder
from arena.garage.settings import ModelMetadata
from arena.garage.training import Checkpoint, CheckpointError, Training, train
from arena.garage.training_recipe import MIN_STEPS, Plan, plan_updates, stint_seed
from arena.garage.verdicts import EntrantFault, Verdict
from simulator import tracks
from simulator.actions import Discrete
from simulator.course import Course
from simulator.objects import Lane, Obstacle

STEPS = 2_048
# Keeps things from call to call and draws: what a stint must not take from the one before.
REWARD = """
import random
calls = []

def reward_function(params):
    if not calls:
        print("a new module")
    calls.append(params["progress"])
    return params["speed"] + len(calls) % 3 + random.random()
"""
PROGRESS = "def reward_function(params):\n    return params['progress']\n"


@dataclass(frozen=True)
class Run:
    """A training with what it left behind on its way."""

    training: Training
    stops: tuple[Checkpoint, ...]
    recorder: DriveRecorder

    @property
    def weights(self) -> str:
        return hashlib.sha256(self.training.policy.to_bytes()).hexdigest()


@pytest.fixture(scope="module", autouse=True)
def short_trainings_are_cut_too() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training_recipe, "_SHORT_STEPS", 0)
        patch.setattr(training_recipe, "_STINT_STEPS_PER_CAR", 1)
        yield


def drive(
    source: str = REWARD, start: Checkpoint | None = None, parent: Checkpoint | None = None, seed: int = 5
) -> Run:
    stops: list[Checkpoint] = []
    recorder = DriveRecorder()
    training = train(
        source,
        tracks.load("oval"),
        steps=STEPS,
        seed=seed,
        recorder=recorder,
        start=start,
        parent=parent,
        on_checkpoint=stops.append,
    )
    return Run(training, tuple(stops), recorder)


@pytest.fixture(scope="module")
def undisturbed() -> Run:
    return drive()


@given(
    steps=st.integers(MIN_STEPS, 5_000_000), episodes=st.integers(1, 100), group=st.sampled_from((1, 2, 8))
)
def test_stints_are_whole_updates_and_make_the_whole_plan(steps: int, episodes: int, group: int) -> None:
    plan = plan_updates(steps, episodes, group)
    stints = plan.stints()
    assert sum(stints) == plan.steps <= steps
    assert all(stint > 0 and stint % (plan.num_cars * plan.steps_per_update) == 0 for stint in stints)


@pytest.mark.parametrize("steps", [2_560_000, 3_000_000, 5_555_555, 20_000_000])
def test_at_most_a_fifth_is_lost_of_a_long_training(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    plan = plan_updates(steps)
    assert max(plan.stints()) <= plan.steps / 5


def test_what_takes_seconds_is_not_cut() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training_recipe, "_SHORT_STEPS", 100_000)
        assert len(Plan(256, 32, 98_304).stints()) == 1


def test_each_stint_draws_by_a_seed_of_its_own() -> None:
    seeds = [stint_seed(5, stint) for stint in range(6)]
    assert seeds[0] == 5
    assert len(set(seeds)) == 6


def test_going_on_from_any_stop_gives_the_same_bits(undisturbed: Run) -> None:
    assert len(undisturbed.stops) == 3
    for stop in (undisturbed.stops[0], undisturbed.stops[-1]):
        resumed = drive(start=Checkpoint.from_bytes(stop.to_bytes()))
        assert resumed.weights == undisturbed.weights
        assert resumed.training.continuation.to_bytes() == undisturbed.training.continuation.to_bytes()
        assert len(resumed.stops) == len(undisturbed.stops) - stop.stints


def test_what_was_counted_printed_and_recorded_survives_a_stop(undisturbed: Run) -> None:
    resumed = drive(start=undisturbed.stops[1])
    one, other = undisturbed.training, resumed.training
    assert (one.steps, one.episodes, one.output) == (other.steps, other.episodes, other.output)
    assert [each.mean_return for each in one.curve] == [each.mean_return for each in other.curve]
    assert other.wall_s > 0
    drives, again = undisturbed.recorder.drives(), resumed.recorder.drives()
    assert len(drives) == len(again) > 5
    assert all(np.array_equal(a.rewards, b.rewards) for a, b in zip(drives, again, strict=True))


def test_the_module_is_new_in_every_stint(undisturbed: Run) -> None:
    assert undisturbed.training.output.count("a new module") >= len(undisturbed.stops) + 1


def test_a_stopped_training_has_told_the_stops_so_far_and_can_go_on(undisturbed: Run) -> None:
    stops: list[Checkpoint] = []
    oval = tracks.load("oval")
    stopped = train(
        REWARD, oval, steps=STEPS, seed=5, on_checkpoint=stops.append, should_stop=lambda: len(stops) > 1
    )
    assert stopped.stopped or stopped.steps == undisturbed.training.steps
    assert drive(start=stops[-1]).weights == undisturbed.weights


def test_a_checkpoint_of_other_code_or_another_race_is_refused(undisturbed: Run) -> None:
    stop = undisturbed.stops[0]
    with pytest.raises(CheckpointError, match="another training"):
        drive(PROGRESS, start=stop)
    with pytest.raises(CheckpointError, match="another training"):
        drive(start=stop, seed=6)
    with pytest.raises(CheckpointError, match="after 1 to"):
        drive(start=replace(stop, stints=99))


def test_a_checkpoint_whose_arrays_do_not_fit_is_refused(undisturbed: Run) -> None:
    stop = undisturbed.stops[0]
    without = {name: array for name, array in stop.learner.items() if "action_net" not in name}
    with pytest.raises(CheckpointError, match="does not fit"):
        drive(start=replace(stop, learner=without))
    rows = {**stop.drives, "rows": stop.drives["rows"][:, :, :3]}
    with pytest.raises(CheckpointError, match="records do not fit"):
        drive(start=replace(stop, drives=rows))
    with pytest.raises(CheckpointError, match="records do not fit"):
        drive(start=replace(stop, tally=replace(stop.tally, meter={})))


def test_training_on_begins_from_the_parents_policy_and_adds_its_steps(undisturbed: Run) -> None:
    parent = undisturbed.training.continuation
    child = drive(PROGRESS, parent=Checkpoint.from_bytes(parent.to_bytes()))
    assert child.training.total_steps == undisturbed.training.steps + child.training.steps
    assert child.weights == drive(PROGRESS, parent=parent).weights
    assert child.training.seed != drive(PROGRESS, seed=5).training.seed
    grandchild = drive(PROGRESS, parent=child.training.continuation)
    assert grandchild.training.total_steps == 3 * child.training.steps


def test_training_on_survives_a_stop(undisturbed: Run) -> None:
    parent = undisturbed.training.continuation
    child = drive(PROGRESS, parent=parent)
    resumed = drive(PROGRESS, parent=parent, start=child.stops[0])
    assert (resumed.weights, resumed.training.total_steps) == (child.weights, child.training.total_steps)
    with pytest.raises(CheckpointError, match="another training"):
        drive(PROGRESS, start=child.stops[0])


def test_only_the_same_car_can_be_trained_on(undisturbed: Run) -> None:
    parent = undisturbed.training.continuation
    steering = ModelMetadata(Discrete(((-20.0, 1.0), (20.0, 1.0))))
    oval = tracks.load("oval")
    with pytest.raises(EntrantFault, match="action_space") as fault:
        train(PROGRESS, oval, steps=STEPS, metadata=steering, parent=parent)
    assert fault.value.verdict is Verdict.SETTINGS
    among = Course(oval, obstacles=(Obstacle(0.5, Lane.INNER),))
    with pytest.raises(EntrantFault, match="network is another"):
        train(PROGRESS, among, steps=STEPS, parent=parent)
