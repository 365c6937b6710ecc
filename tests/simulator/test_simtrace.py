"""Our drives in the real simulator's log format: what is written is what was driven."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from simulator import tracks
from simulator.actions import Discrete
from simulator.logs import read_log
from simulator.objects import Lane, Obstacle
from simulator.rules import Rules, Status
from simulator.simtrace import LoggedDrive, Scene, episodes, write_iteration
from simulator.starts import Starts
from simulator.trace import Trace
from simulator.vector import TrackVectorEnv
from tests.simulator.pilots import FULL_RANGE, pursuit, put, race_env, straight

OVAL = tracks.load("oval")
SCENE = Scene(OVAL, FULL_RANGE)


def two_laps_with_a_penalty() -> LoggedDrive:
    """Drive two laps at 1.5 m/s and leave the track once, in the first one."""
    env = race_env(OVAL, Rules.time_trial(2))
    rows: list[NDArray[np.float64]] = []
    while 0 not in env.outcomes:
        if len(rows) == 60:
            put(env, float(env.location.s_m[0]), offset_m=1.5)
        env.step(pursuit(env, 1.5))
        rows.append(env.trace_rows())
    trace = Trace(np.concatenate(rows))
    return LoggedDrive(trace, np.linspace(0.0, 1.0, len(trace)))


@pytest.fixture(scope="module")
def drive() -> LoggedDrive:
    return two_laps_with_a_penalty()


def test_a_lap_is_an_episode_and_the_first_begins_with_prepare(drive: LoggedDrive, tmp_path: Path) -> None:
    laps = list(episodes([drive], SCENE))
    assert [lap.status for lap in laps] == [Status.LAP_COMPLETE, Status.LAP_COMPLETE]
    write_iteration(tmp_path / "0-iteration.csv", laps)
    log = read_log(tmp_path / "0-iteration.csv")
    assert len(log) == len(drive.trace) + 1
    assert np.unique(log.episode).tolist() == [0.0, 1.0]
    assert (log.status == "prepare").sum() == 1
    begins = np.flatnonzero(log.steps == 1.0)
    assert log.status[begins].tolist() == ["prepare", "in_progress"]
    assert np.all(np.diff(log.steps)[: begins[1] - 1] == 1.0)


def test_what_is_read_is_what_was_driven(drive: LoggedDrive, tmp_path: Path) -> None:
    write_iteration(tmp_path / "0-iteration.csv", list(episodes([drive], SCENE)))
    log, trace = read_log(tmp_path / "0-iteration.csv"), drive.trace
    assert np.array_equal(log.x_m[1:], trace["x_m"])
    assert np.array_equal(log.speed_mps[1:], trace["command_speed_mps"])
    assert log.yaw_rad[1:] == pytest.approx(trace["yaw_rad"], abs=1e-12)
    assert np.diff(log.t_s) == pytest.approx(np.full(len(trace), 1 / 15))


def test_a_penalty_is_counted_down(drive: LoggedDrive) -> None:
    rows = next(iter(episodes([drive], SCENE))).rows
    event = next(place for place, row in enumerate(rows) if row[14] == "off_track")
    held = [float(str(row[15])) for row in rows[event : event + 31]]
    assert held[0] == pytest.approx(29 / 15, abs=1e-3)
    assert held == sorted(held, reverse=True)
    assert [row[14] for row in rows[event + 1 : event + 30]] == ["pause"] * 29
    assert rows[event + 30][14:] == ("in_progress", 0.0, 0)


def test_discrete_actions_are_written_as_their_numbers() -> None:
    actions = Discrete(((-20.0, 1.0), (0.0, 1.0), (20.0, 1.0)))
    env = TrackVectorEnv(OVAL, 1, actions=actions, starts=Starts.LINE)
    env.reset(seed=0)
    rows = []
    for action in (1, 2, 0, 1):
        env.step(np.array([action]))
        rows.append(env.trace_rows())
    drive = LoggedDrive(Trace(np.concatenate(rows)), np.ones(4))
    (lap,) = episodes([drive], Scene(OVAL, actions))
    assert [row[6] for row in lap.rows] == [1, 1, 2, 0, 1]
    assert lap.reward == 4.0


def test_drives_follow_each_other_on_one_clock() -> None:
    env = race_env(OVAL)
    rows = []
    for _ in range(20):
        env.step(straight(env))
        rows.append(env.trace_rows())
    drive = LoggedDrive(Trace(np.concatenate(rows)), np.zeros(20))
    first, second = episodes([drive, drive], SCENE)
    assert (first.begin_s, second.begin_s) == pytest.approx((0.0, 21 / 15))
    assert second.end_s - second.begin_s == pytest.approx(20 / 15)


def test_crashes_of_a_lap_are_counted() -> None:
    rules, boxes = Rules.object_avoidance(1), (Obstacle(0.2, Lane.INNER),)
    env = TrackVectorEnv(OVAL, actions=FULL_RANGE, starts="line", rules=rules, obstacles=boxes)
    env.reset(seed=0)
    rows = []
    while not env.outcomes:
        env.step(pursuit(env, 1.2))
        rows.append(env.trace_rows())
    (lap,) = episodes([LoggedDrive(Trace(np.concatenate(rows)), np.zeros(len(rows)))], SCENE)
    counts = [row[16] for row in lap.rows]
    assert [row[14] for row in lap.rows].count("crashed") == counts[-1] == env.outcomes[0].crash_count > 0
    assert counts == sorted(counts)  # type: ignore[type-var]
