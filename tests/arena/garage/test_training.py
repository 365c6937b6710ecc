"""Training learns to lap, obeys its budget and its clock, and gives the same result for the same code."""

from __future__ import annotations

import hashlib
import time
from functools import lru_cache

import numpy as np
import pytest

from arena.garage.hyperparameters import Hyperparameters
from arena.garage.progress import Progress
from arena.garage.racing import drive
from arena.garage.recording import DriveRecorder
from arena.garage.settings import ModelMetadata
from arena.garage.training import MIN_STEPS, Training, plan_updates, train, training_seed
from arena.garage.training_cars import Legs
from arena.garage.verdicts import EntrantFault, Verdict
from simulator import tracks
from simulator.actions import Discrete
from simulator.car import CLASSIC
from simulator.course import Bots, Course, Direction
from simulator.imperfections import CALIBRATED
from simulator.objects import Obstacle
from simulator.starts import Starts
from simulator.track import Track
from tests.arena.garage.conftest import PROGRESS_REWARD

SMALL = 2048
ONE = "def reward_function(params):\n    return 1.0\n"
STEERING = Discrete(
    tuple((angle, speed) for angle in (-25.0, -10.0, 0.0, 10.0, 25.0) for speed in (1.2, 2.4))
)


def digest_of(training: Training) -> str:
    return hashlib.sha256(training.policy.to_bytes()).hexdigest()


@lru_cache
def lapping() -> tuple[Training, list[tuple[float, Progress]]]:
    """A training that learns the oval, made once: the slowest thing here."""
    reports: list[tuple[float, Progress]] = []
    training = train(
        PROGRESS_REWARD,
        tracks.load("oval"),
        steps=22 * 8192,
        seed=1,
        on_progress=lambda progress: reports.append((time.monotonic(), progress)),
    )
    return training, reports


def test_a_car_learns_to_lap_the_oval(oval: Track) -> None:
    training, _ = lapping()
    assert training.completed_laps > 20
    trial = drive(training.policy, oval, laps=2)
    assert (trial.finished, trial.completed_laps) == (True, 2)


def test_progress_is_reported_at_least_once_a_second_and_ends_at_the_budget() -> None:
    training, reports = lapping()
    times = [at for at, _ in reports]
    assert max(np.diff(times)) < 1.0
    last = reports[-1][1]
    assert last.steps == last.budget == training.steps
    assert last.eta_s == 0.0
    assert last.mean_progress is not None
    assert last.mean_progress > 50
    steps = [progress.steps for _, progress in reports]
    assert steps == sorted(steps)
    assert [entry.steps for entry in training.curve] == list(range(8192, training.steps + 1, 8192))


def test_discrete_actions_learn_too(oval: Track) -> None:
    training = train(PROGRESS_REWARD, oval, metadata=ModelMetadata(STEERING), steps=40_000, seed=1)
    assert training.policy.actions == STEERING
    first, last = training.curve[0].mean_progress, training.curve[-1].mean_progress
    assert first is not None
    assert last is not None
    assert last > 1.5 * first


@pytest.mark.parametrize("steps", [MIN_STEPS, 5_000, 8_192, 50_000, 65_536, 500_000, 3_000_000])
@pytest.mark.parametrize("episodes", [1, 5, 20, 100])
def test_a_plan_never_exceeds_its_budget_and_wastes_little_of_it(steps: int, episodes: int) -> None:
    plan = plan_updates(steps, episodes)
    assert plan.steps <= steps
    assert plan.steps % (plan.num_cars * plan.steps_per_update) == 0
    assert plan.steps >= 0.93 * steps


@pytest.mark.parametrize("steps", [MIN_STEPS, 8_192, 65_536])
@pytest.mark.parametrize("group", [*range(2, 9), 10, 12, 14, 16])
def test_a_plan_has_whole_groups_of_cars(steps: int, group: int) -> None:
    plan = plan_updates(steps, group=group)
    assert plan.num_cars > 0
    assert plan.num_cars % group == 0
    assert 0.9 * steps < plan.steps <= steps


def test_a_budget_that_is_too_small_is_refused(oval: Track) -> None:
    with pytest.raises(ValueError, match="at least 1024"):
        train(ONE, oval, steps=100)


def test_the_environment_takes_exactly_the_planned_steps(oval: Track) -> None:
    training = train(ONE, oval, steps=3_000)
    assert training.steps == plan_updates(3_000).steps <= 3_000
    assert training.seed != 0


def test_the_same_code_gives_the_same_weights_whatever_its_looks(oval: Track) -> None:
    plain = train(PROGRESS_REWARD, oval, steps=SMALL, seed=5)
    edited = train("# again\n" + PROGRESS_REWARD.replace("\n", "  \n"), oval, steps=SMALL, seed=5)
    assert digest_of(plain) == digest_of(edited)
    assert digest_of(plain) != digest_of(train(PROGRESS_REWARD, oval, steps=SMALL, seed=6))


def test_the_seed_depends_on_everything_that_is_entered() -> None:
    plain, settings = ModelMetadata(), Hyperparameters()
    seeds = {
        training_seed(1, "a", plain, settings, 1000),
        training_seed(2, "a", plain, settings, 1000),
        training_seed(1, "b", plain, settings, 1000),
        training_seed(1, "a", ModelMetadata(STEERING), settings, 1000),
        training_seed(1, "a", plain, Hyperparameters(lr=1e-4), 1000),
        training_seed(1, "a", plain, settings, 2000),
    }
    assert len(seeds) == 6
    assert training_seed(1, "a", ModelMetadata(warnings=("w",)), settings, 1000) in seeds


def test_a_plain_course_keeps_the_seeds_of_old_and_every_other_has_its_own(oval: Track) -> None:
    plain, settings = ModelMetadata(), Hyperparameters()
    old = training_seed(1, "a", plain, settings, 1000)
    assert old == 31982758  # drawn before there were courses
    assert training_seed(1, "a", plain, settings, 1000, Course(oval)) == old
    courses = [
        Course(oval, Direction.REVERSED),
        Course(oval, Direction.ALTERNATE),
        Course(oval, obstacles=(Obstacle(0.5),)),
        Course(oval, bots=Bots()),
        Course(oval, cars=2),
        Course(oval, imperfections=CALIBRATED),
    ]
    seeds = {training_seed(1, "a", plain, settings, 1000, course) for course in courses}
    assert len(seeds | {old}) == 7


def test_half_of_the_cars_drive_each_way_and_know_it(oval: Track) -> None:
    source = (
        "seen = set()\n"
        "def reward_function(params):\n"
        "    seen.add((params['is_reversed'], params['waypoints'][1]))\n"
        "    assert len(seen) == 1\n"
        "    return float(params['is_reversed'])\n"
    )
    recorder = DriveRecorder()
    training = train(source, Course(oval, Direction.ALTERNATE), steps=SMALL, recorder=recorder)
    assert training.steps == SMALL
    drives = recorder.drives()
    assert {drive.leg for drive in drives} == {0, 1}
    for each in drives:
        assert each.rewards.tolist() == [float(each.leg)] * len(each.trace)
    again = train(source, Course(oval, Direction.ALTERNATE), steps=SMALL)
    assert digest_of(again) == digest_of(training)


def test_cars_of_both_ways_live_as_they_would_alone(oval: Track) -> None:
    legs = Course(oval, Direction.ALTERNATE).legs()
    both = Legs([leg.environment(3) for leg in legs])
    both.reset(seed=7)
    alone = [legs[car // 3].environment(1) for car in range(6)]
    for car, env in enumerate(alone):
        env.reset(seed=7 + car)
    rng = np.random.default_rng(0)
    ended: set[int] = set()
    for _ in range(60):
        actions = rng.uniform(-1.0, 1.0, (6, 2))
        seen, rewards, terminated, _, _ = both.step(actions)
        ended |= both.outcomes.keys()
        for car, env in enumerate(alone):
            own, own_reward, own_terminated, _, _ = env.step(actions[car : car + 1])
            assert np.array_equal(seen[car], own[0])
            assert np.array_equal(both.final_observation[car], env.final_observation[0])
            assert (rewards[car], terminated[car]) == (own_reward[0], own_terminated[0])
            assert both.outcomes.get(car) == env.outcomes.get(0)
            assert np.array_equal(both.trace_rows()[car], env.trace_rows()[0])
    assert {car // 3 for car in ended} == {0, 1}


def test_a_training_stops_when_it_is_told_to_and_keeps_what_it_has(oval: Track) -> None:
    calls = 0

    def should_stop() -> bool:
        nonlocal calls
        calls += 1
        return calls > 1

    training = train(ONE, oval, steps=3_000_000, should_stop=should_stop)
    assert training.stopped
    assert training.steps < 500_000
    assert np.isfinite(training.policy.outputs(np.zeros((1, 28)))).all()


def test_a_long_update_reports_and_stops_as_well(oval: Track) -> None:
    dear = Hyperparameters(batch_size=32, num_epochs=20, num_episodes_between_training=100)
    reports: list[float] = []
    training = train(
        ONE,
        oval,
        hyperparameters=dear,
        steps=65_536,
        on_progress=lambda _: reports.append(time.monotonic()),
        should_stop=lambda: len(reports) > 4,
    )
    assert training.stopped
    assert max(np.diff(reports)) < 1.0


def test_a_fault_in_the_middle_of_a_training_is_the_entrants(oval: Track) -> None:
    source = "def reward_function(params):\n    print('here')\n    return 1 / (40 - params['steps'])\n"
    with pytest.raises(EntrantFault) as caught:
        train(source, oval, steps=20_000)
    assert (caught.value.verdict, caught.value.line) == (Verdict.RUNTIME, 3)
    assert caught.value.output.startswith("here\n")
    assert train(ONE, oval, steps=SMALL).steps == SMALL


def test_completed_laps_are_bootstrapped_as_truncations(oval: Track) -> None:
    from arena.garage.progress import Meter
    from arena.garage.training_cars import Cars
    from simulator.env import TrackVectorEnv
    from simulator.rules import Rules

    env = TrackVectorEnv(oval, 4, rules=Rules(max_steps=5))
    cars = Cars(env, Meter(100, 4))
    cars.seed(0)
    cars.reset()
    infos: list[dict[str, object]] = []
    while not any(infos):
        cars.step_async(np.zeros((4, 2), np.float32))
        _, _, dones, infos = cars.step_wait()
    assert dones.all()
    for car, info in enumerate(infos):
        assert info["TimeLimit.truncated"] is True
        np.testing.assert_array_equal(info["terminal_observation"], env.final_observation[car])


def test_starts_by_turns_begin_at_twentieths_of_the_lap(oval: Track) -> None:
    recorder = DriveRecorder()
    train(ONE, oval, steps=16_384, recorder=recorder, starts=Starts.ROUND_ROBIN)
    begins = np.array([[drive.trace["x_m"][0], drive.trace["y_m"][0]] for drive in recorder.drives()])
    nose_m = CLASSIC.rear_to_nose_m - CLASSIC.rear_to_base_m
    share = (oval.project(begins).s_m - nose_m) / oval.length_m * 20
    assert np.abs(share - np.rint(share)).max() < 0.02
    assert len(np.unique(np.rint(share) % 20)) > 1
