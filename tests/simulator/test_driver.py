"""The reference driver: clean laps near the optimum on every shipped track, and home from anywhere."""

from __future__ import annotations

import numpy as np
import pytest

from simulator import tracks
from simulator.car import CLASSIC, SPECS, SPEED, V6, CarSpec
from simulator.driver import FULL_RANGE, ReferenceDriver
from simulator.laps import Outcome
from simulator.optimum import too_fast
from simulator.rules import Rules, Status
from simulator.starts import Starts
from simulator.vector import TrackVectorEnv

WAYS = [(name, is_reversed) for name in tracks.names() for is_reversed in (False, True)]


def three_laps(name: str, is_reversed: bool, spec: CarSpec = CLASSIC) -> Outcome:
    track = tracks.load(name).reversed() if is_reversed else tracks.load(name)
    env = TrackVectorEnv(track, actions=FULL_RANGE, spec=spec, rules=Rules.time_trial(3), starts=Starts.LINE)
    driver = ReferenceDriver(tracks.plan(name, is_reversed=is_reversed, spec=spec), spec)
    env.reset(seed=0)
    while not env.outcomes:
        env.step(driver.actions(env.state))
    return env.outcomes[0]


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
@pytest.mark.parametrize(("name", "is_reversed"), WAYS)
def test_laps_cleanly_within_a_tenth_of_the_optimum(name: str, is_reversed: bool, spec: CarSpec) -> None:
    outcome = three_laps(name, is_reversed, spec)
    optimum = tracks.optimum(name, is_reversed=is_reversed, spec=spec)
    assert outcome.status is Status.LAP_COMPLETE
    assert (outcome.off_track_count, outcome.reset_count) == (0, 0)
    for lap in outcome.laps[1:]:
        assert lap.lap_time_ms <= 1100.0 * optimum.lap_s
        assert not too_fast(lap.lap_time_ms, optimum)


def test_flying_laps_take_what_was_planned() -> None:
    plan = tracks.plan("cathedral")
    assert three_laps("cathedral", False).laps[2].lap_time_ms == pytest.approx(1000.0 * plan.lap_s, rel=0.01)


@pytest.mark.parametrize(
    ("name", "spec"), [("oval", CLASSIC), ("switchback", CLASSIC), ("needle", CLASSIC), ("needle", V6)]
)
def test_cars_that_start_anywhere_come_round(name: str, spec: CarSpec) -> None:
    rules = Rules(max_steps=900)
    env = TrackVectorEnv(name, 24, actions=FULL_RANGE, spec=spec, rules=rules, starts=Starts.SPREAD)
    driver = ReferenceDriver(tracks.plan(name, spec=spec), spec)
    env.reset(seed=3)
    ended: dict[int, Status] = {}
    while len(ended) < env.num_envs:
        env.step(driver.actions(env.state))
        for car, outcome in env.outcomes.items():
            ended.setdefault(car, outcome.status)
    assert list(ended.values()).count(Status.LAP_COMPLETE) == env.num_envs


def test_each_car_is_driven_as_if_it_were_alone() -> None:
    env = TrackVectorEnv("harbour", 7, actions=FULL_RANGE)
    driver = ReferenceDriver(tracks.plan("harbour"))
    env.reset(seed=1)
    for _ in range(40):
        commands = driver.commands(env.state)
        alone = [driver.commands(env.state[:, [car]])[0] for car in range(7)]
        assert np.array_equal(commands, np.array(alone))
        env.step(driver.actions(env.state))


def test_actions_stay_in_their_space_wherever_the_car_is() -> None:
    rng = np.random.default_rng(0)
    state = rng.normal(0.0, 20.0, (6, 300))
    state[SPEED] = rng.uniform(0.0, CLASSIC.max_speed_mps, 300)
    actions = ReferenceDriver(tracks.plan("oval")).actions(state)
    assert np.all(np.isfinite(actions))
    assert np.abs(actions).max() <= 1.0
