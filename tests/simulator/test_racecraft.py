"""The reference driver among others: it passes, it follows where there is no room, it spares them crashes."""

from __future__ import annotations

import numpy as np
import pytest

from simulator import tracks
from simulator.bots import Bots
from simulator.driver import FULL_RANGE, Detour, ReferenceDriver
from simulator.laps import Outcome
from simulator.objects import Lane, Obstacle, place_obstacles
from simulator.racecraft import Racecraft
from simulator.rules import Rules
from simulator.starts import Starts
from simulator.track import Track
from simulator.vector import TrackVectorEnv
from tests.simulator.pilots import pursuit
from tests.simulator.test_rivals import put_all


def craft_on(track: Track) -> Racecraft:
    return Racecraft(ReferenceDriver(tracks.plan(track.name)), track)


def raced(name: str, slow_mps: float, sees: bool) -> list[Outcome]:
    """Return how three reference drivers fared in two laps among which one slow car gets in the way."""
    track = tracks.load(name)
    craft = craft_on(track)
    rules = Rules.object_avoidance(2)
    env = TrackVectorEnv(track, 4, cars=4, actions=FULL_RANGE, rules=rules, starts=Starts.LINE)
    env.reset(seed=0)
    ends: dict[int, Outcome] = {}
    while not {1, 2, 3} <= set(ends):
        assert env.objects is not None
        detour = craft.detour(env.state, env.objects) if sees else None
        actions = craft.driver.actions(env.state, detour)
        actions[0] = pursuit(env, slow_mps)[0]
        env.step(actions)
        ends |= env.outcomes
    return [ends[car] for car in (1, 2, 3)]


def test_rivals_are_spared_most_crashes() -> None:
    races = [("kidney", 1.6), ("needle", 1.0)]
    blind, seeing = (
        sum(outcome.crash_count for race in races for outcome in raced(*race, sees)) for sees in (False, True)
    )
    assert blind > 6
    assert seeing < 0.6 * blind


@pytest.mark.parametrize("name", ["oval", "kidney", "sawmill"])
def test_bots_are_passed_without_a_crash(name: str) -> None:
    track = tracks.load(name)
    craft = craft_on(track)
    rules = Rules.object_avoidance(2)
    env = TrackVectorEnv(track, actions=FULL_RANGE, rules=rules, starts=Starts.LINE, bots=Bots(3, 0.5))
    env.reset(seed=0)
    while not env.outcomes:
        assert env.objects is not None
        env.step(craft.driver.actions(env.state, craft.detour(env.state, env.objects)))
    assert env.outcomes[0].crash_count == 0
    assert len(env.outcomes[0].laps) == 2


def test_car_with_a_free_road_drives_as_it_would_alone(oval: Track) -> None:
    craft = craft_on(oval)
    env = TrackVectorEnv(oval, 2, cars=2, actions=FULL_RANGE, starts=Starts.LINE)
    env.reset(seed=0)
    put_all(env, [1.0, 8.0], [0.0, 0.0], [0.0, 0.0])
    assert env.objects is not None
    detour, none = craft.detour(env.state, env.objects), Detour.none(2)
    assert np.array_equal(detour.aside_m, none.aside_m)
    assert np.array_equal(detour.pace, none.pace)
    assert np.array_equal(craft.driver.commands(env.state, detour), craft.driver.commands(env.state))


def test_way_past_is_beside_the_other_car_and_on_the_road(oval: Track) -> None:
    craft = craft_on(oval)
    env = TrackVectorEnv(oval, 2, cars=2, actions=FULL_RANGE, starts=Starts.LINE)
    env.reset(seed=0)
    for s_m in np.linspace(0.3, 18.0, 25):
        line = oval.project(craft.driver.line)
        offset = float(np.interp(s_m, *np.array(sorted(zip(line.s_m, line.offset_m, strict=True))).T))
        put_all(env, [s_m, s_m + 0.4], [offset, offset], [0.0, 0.0])
        assert env.objects is not None
        detour = craft.detour(env.state, env.objects)
        assert detour.aside_m[0] != 0.0 or detour.most_mps[0] < 1.0, "the rear car makes room or follows"
        room = 0.5 * oval.width_at(s_m)[0]
        assert abs(offset + detour.aside_m[0]) < max(room, abs(offset) + 1e-9), "a line may touch the border"


def test_answer_does_not_depend_on_the_batch(oval: Track) -> None:
    craft = craft_on(oval)
    env = TrackVectorEnv(oval, 6, cars=3, obstacles=place_obstacles(oval, 2, seed=1))
    env.reset(seed=3)
    rng = np.random.default_rng(0)
    for _ in range(40):
        env.step(rng.uniform(-0.3, 1.0, (6, 2)))
        assert env.objects is not None
        together = craft.detour(env.state, env.objects)
        for car in range(6):
            cars = slice(car, car + 1)
            alone = craft.detour(env.state[:, cars], env.objects.of(cars))
            assert alone.aside_m[0] == together.aside_m[car]
            assert alone.pace[0] == together.pace[car]
            assert alone.most_mps[0] == together.most_mps[car]


def test_who_is_gone_is_in_nobodys_way(oval: Track) -> None:
    craft = craft_on(oval)
    env = TrackVectorEnv(oval, 2, cars=2, actions=FULL_RANGE, starts=Starts.LINE)
    env.reset(seed=0)
    put_all(env, [1.0, 1.6], [0.0, 0.0], [0.0, 0.0])
    assert env._traffic._rivals is not None
    env._traffic._rivals.aside[1] = True
    env.objects = env._traffic.around(env._now, env._all, env._timing.elapsed)
    assert env.objects is not None
    assert craft.detour(env.state, env.objects).most_mps[0] == np.inf


def test_obstacles_shared_by_all_cars_are_seen_by_each(oval: Track) -> None:
    craft = craft_on(oval)
    for lane, in_the_way in ((Lane.INNER, False), (Lane.OUTER, True)):
        env = TrackVectorEnv(oval, 2, obstacles=[Obstacle(0.1, lane)])
        env.reset(seed=0)
        put_all(env, [1.5, 9.0], [0.0, 0.0], [0.0, 0.0])
        assert env.objects is not None
        detour = craft.detour(env.state, env.objects)
        slowed = (detour.pace < 1.0) | (detour.most_mps < 4.0)
        assert slowed.tolist() == [in_the_way, False], "the line is on the outer lane there"
