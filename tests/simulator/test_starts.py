"""Where episodes begin: in turn around the lap, the same for every batch, clear of what stands in the way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from simulator import params
from simulator.car import YAW
from simulator.objects import Lane, Obstacle
from simulator.rules import Rules, Status
from simulator.starts import ROUND_ROBIN_TURNS, Starts
from simulator.track import Track
from simulator.vector import TrackVectorEnv
from tests.simulator.pilots import FULL_RANGE, drive_to_the_end, straight


def in_turn(track: Track, num_envs: int = 1, seed: int = 0, **settings: Any) -> TrackVectorEnv:
    """Return cars that start in turn, already reset."""
    settings = {"rules": Rules(max_steps=3), **settings}
    env = TrackVectorEnv(track, num_envs, actions=FULL_RANGE, starts="round_robin", **settings)
    env.reset(seed=seed)
    return env


def base_shares(env: TrackVectorEnv) -> list[float]:
    """Return where the bases of the cars stand, as shares of the lap."""
    shares = (env.location.s_m - env.car.base_to_nose_m) / env.track.length_m % 1.0
    return [round(share, 3) for share in shares.tolist()]


def next_episodes(env: TrackVectorEnv, episodes: int) -> list[float]:
    """Return where the first car begins its present and the following episodes."""
    shares = base_shares(env)[:1]
    while len(shares) < episodes:
        env.step(straight(env))
        if env.outcomes:
            shares += base_shares(env)[:1]
    return shares


def test_start_line_moves_on_by_a_twentieth_of_the_lap_and_comes_round(oval: Track) -> None:
    shares = next_episodes(in_turn(oval), 2 * ROUND_ROBIN_TURNS + 1)
    expected = np.arange(2 * ROUND_ROBIN_TURNS + 1) * 0.05 % 1.0
    off = np.abs(np.array(shares) - expected)
    # In a bend the nose is 1 cm nearer along the centre line than along the car.
    assert np.minimum(off, 1.0 - off).max() < 0.001


def test_cars_of_a_batch_begin_at_different_places_and_none_depends_on_the_others(oval: Track) -> None:
    batch = in_turn(oval, 4, seed=18)
    assert base_shares(batch) == pytest.approx([0.9, 0.95, 0.0, 0.05], abs=0.001)
    alone = [in_turn(oval, seed=18 + car) for car in range(4)]
    for _ in range(30):
        batch.step(straight(batch))
        for one in alone:
            one.step(straight(one))
        assert np.array_equal(batch.state, np.concatenate([one.state for one in alone], axis=1))


def test_cars_stand_on_the_centre_line_and_look_along_it(oval: Track) -> None:
    env = in_turn(oval, 20)
    here = env.location.s_m - env.car.base_to_nose_m
    assert np.cos(env.state[YAW] - oval.heading_at(here)) == pytest.approx(np.ones(20), abs=1e-3)
    assert np.abs(env.location.offset_m).max() < 0.01
    assert not env.state[3:].any()


def test_lap_is_complete_one_round_after_its_own_start(oval: Track) -> None:
    env = in_turn(oval, seed=7, rules=Rules(max_steps=1000))
    env.step(straight(env))
    assert env.params_rows[0, params.PROGRESS] == pytest.approx(100 * 0.14 / oval.length_m, abs=0.01)
    assert env.params_rows[0, params.PROJECTION_DISTANCE] == pytest.approx(
        0.35 * oval.length_m + 0.14, abs=0.01
    )
    outcome = drive_to_the_end(env, 1.5)
    assert (outcome.status, outcome.progress) == (Status.LAP_COMPLETE, 100.0)
    assert outcome.lap_time_ms == pytest.approx(1000 * oval.length_m / 1.5, rel=0.05)
    assert base_shares(env) == pytest.approx([0.4], abs=0.001), "the next episode, not the line just crossed"


def test_starts_in_turn_keep_clear_of_obstacles(oval: Track) -> None:
    boxes = [Obstacle(0.24, Lane.INNER), Obstacle(0.62, Lane.OUTER)]
    env = in_turn(oval, 20, obstacles=boxes)
    moved = 0
    for car, share in enumerate(base_shares(env)):
        ahead = np.array([box.fraction - share for box in boxes]) * oval.length_m
        assert not np.any((ahead > -0.59) & (ahead < 1.0)), "neither in a box nor less than a metre before it"
        moved += abs(share - 0.05 * car) > 0.01
    assert moved == 3
    for _ in range(2):
        env.step(straight(env))
    assert not (env.status == Status.CRASHED).any()


@pytest.mark.parametrize("others", [{"bots": 3}, {"cars": 5}], ids=["bots", "rivals"])
def test_starts_in_turn_keep_clear_of_cars(oval: Track, others: dict[str, int]) -> None:
    env = in_turn(oval, 20, rules=Rules(max_steps=4), **others)
    for _ in range(100):
        env.step(straight(env, 0.2))
        assert not (env.status == Status.CRASHED).any()


def test_unknown_starts_are_named(oval: Track) -> None:
    with pytest.raises(ValueError, match="anywhere"):
        TrackVectorEnv(oval, starts="anywhere")
    assert {str(start) for start in Starts} == {"spread", "line", "round_robin"}
