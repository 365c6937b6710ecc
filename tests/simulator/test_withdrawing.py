"""A car that is taken out of its race: its drive ends with the next step, its laps count, others race on."""

from __future__ import annotations

import pytest

from simulator.laps import Outcome
from simulator.rules import Rules, Status
from simulator.starts import Starts
from simulator.track import Track
from simulator.vector import TrackVectorEnv
from tests.simulator.pilots import FULL_RANGE, pursuit, race_env


def test_a_withdrawn_cars_drive_ends_as_a_truncation(oval: Track) -> None:
    env = race_env(oval)
    for _ in range(10):
        env.step(pursuit(env))
    env.withdraw(0)
    _, _, terminated, truncated, _ = env.step(pursuit(env))
    assert (terminated[0], truncated[0]) == (False, True)
    outcome = env.outcomes[0]
    assert (outcome.status, outcome.steps, outcome.laps) == (Status.WITHDRAWN, 12, ())
    env.step(pursuit(env))
    assert env.outcomes == {}, "its next drive is a drive like any other"


def test_a_lap_that_is_complete_at_that_moment_counts(oval: Track) -> None:
    env = race_env(oval, Rules.time_trial(2))
    while not env._timing.lap_complete[0]:
        env.step(pursuit(env, 1.5))
    env.withdraw(0)
    env.step(pursuit(env, 1.5))
    assert (env.status[0], len(env.book.laps[0])) == (Status.LAP_COMPLETE, 1)
    env.step(pursuit(env, 1.5))
    assert env.outcomes[0].status is Status.WITHDRAWN
    assert len(env.outcomes[0].laps) == 1


@pytest.mark.parametrize("withdrawn", [0, 2])
def test_the_others_of_a_race_drive_on_without_it(oval: Track, withdrawn: int) -> None:
    rules = Rules.object_avoidance(1)
    env = TrackVectorEnv(oval, 3, cars=3, actions=FULL_RANGE, rules=rules, starts=Starts.LINE)
    env.reset(seed=0)
    env.withdraw(withdrawn)
    ends: dict[int, Outcome] = {}
    while len(ends) < 3:
        env.step(pursuit(env, 1.5))
        ends |= env.outcomes
    assert ends[withdrawn].status is Status.WITHDRAWN
    others = [outcome for car, outcome in ends.items() if car != withdrawn]
    assert [outcome.status for outcome in others] == [Status.LAP_COMPLETE] * 2
