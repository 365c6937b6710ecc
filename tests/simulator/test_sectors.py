"""Sectors: they add up to the lap, and tell where it lost against the optimum."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from simulator import tracks
from simulator.car import CLASSIC, STEP_S
from simulator.driver import FULL_RANGE, ReferenceDriver
from simulator.laps import Outcome
from simulator.optimum import Optimum
from simulator.rules import Rules
from simulator.sectors import LapSectors, SectorError, sector_count, split
from simulator.starts import Starts
from simulator.trace import COLUMNS, Trace
from simulator.track import Track
from simulator.vector import TrackVectorEnv


def drive(track: Track, plan: Optimum, laps: int = 3) -> tuple[Outcome, Trace]:
    env = TrackVectorEnv(track, actions=FULL_RANGE, rules=Rules.time_trial(laps), starts=Starts.LINE)
    driver, rows = ReferenceDriver(plan), []
    env.reset(seed=0)
    while not env.outcomes:
        env.step(driver.actions(env.state))
        rows.append(env.trace_rows())
    return env.outcomes[0], Trace(np.concatenate(rows))


def splits(track: Track, outcome: Outcome, trace: Trace, optimum: Optimum) -> list[LapSectors]:
    return [
        split(trace, track, optimum, number=lap.number, lap_time_ms=lap.lap_time_ms) for lap in outcome.laps
    ]


def flown_by_the_optimum(track: Track, optimum: Optimum) -> Trace:
    """The optimum itself as a drive of two laps at 15 Hz, from shortly before the line."""
    times = np.arange(-4, int(2 * optimum.lap_s / STEP_S) + 8) * STEP_S + 0.01
    closed = [*optimum.line.T, np.unwrap(optimum.heading_rad), optimum.speed_mps]
    x, y, heading, speed = (
        np.interp(times % optimum.lap_s, optimum.time_s, np.append(column, column[0])) for column in closed
    )
    heading = np.where(times % optimum.lap_s > optimum.time_s[-2], optimum.heading_rad[0], heading)
    nose_x = x + CLASSIC.rear_to_nose_m * np.cos(heading)
    nose_y = y + CLASSIC.rear_to_nose_m * np.sin(heading)
    s_m = track.project(np.column_stack([nose_x, nose_y])).s_m
    crossed = np.diff(s_m, prepend=s_m[0]) < -0.5 * track.length_m
    table = np.zeros((len(times), len(COLUMNS)))
    table[:, :5] = np.column_stack([times, nose_x, nose_y, heading, speed])
    table[:, COLUMNS.index("lap")] = np.concatenate([[0], np.cumsum(crossed)[:-1]])
    return Trace(table)


def test_sector_times_add_up_to_the_lap_time() -> None:
    for name in ("oval", "needle"):
        track = tracks.load(name).reversed()
        outcome, trace = drive(track, tracks.plan(name, is_reversed=True))
        optimum = tracks.optimum(name, is_reversed=True)
        for lap, result in zip(outcome.laps, splits(track, outcome, trace, optimum), strict=True):
            assert sum(sector.time_ms for sector in result.sectors) == lap.lap_time_ms
            assert sum(sector.optimum_ms for sector in result.sectors) == round(1000 * optimum.lap_s)
            assert len(result.sectors) == sector_count(track)
            assert result.sectors[-1].to_m == pytest.approx(track.length_m, abs=1e-3)


def test_the_last_sector_swallows_no_error_of_the_clock() -> None:
    """The end is the timekeeper's, the boundaries before it are ours: the last piece must not be odd."""
    track = tracks.load("oval")
    outcome, trace = drive(track, tracks.plan("oval"))
    for lap in outcome.laps:
        time_ms = lap.lap_time_ms
        fine = split(trace, track, tracks.optimum("oval"), number=lap.number, lap_time_ms=time_ms, count=200)
        before, last = fine.sectors[-2:]
        assert last.time_ms == pytest.approx(before.time_ms, abs=3)


def test_the_optimum_loses_nothing_against_itself() -> None:
    track, optimum = tracks.load("harbour"), tracks.optimum("harbour")
    trace = flown_by_the_optimum(track, optimum)
    result = split(trace, track, optimum, number=1, lap_time_ms=round(1000 * optimum.lap_s))
    assert not result.is_standing_start
    assert result.lost_ms is not None
    assert np.abs(result.lost_ms).max() <= 5
    for sector in result.sectors:
        assert sector.off_line_m < 0.02
        assert sector.lowest_speed_mps == pytest.approx(sector.optimum_lowest_speed_mps, abs=0.1)


def test_only_the_first_lap_is_a_standing_start_and_is_not_compared() -> None:
    track = tracks.load("oval")
    outcome, trace = drive(track, tracks.plan("oval"))
    first, *others = splits(track, outcome, trace, tracks.optimum("oval"))
    assert first.is_standing_start
    assert first.lost_ms is None
    assert first.sectors[0].lowest_speed_mps == 0.0
    for lap in others:
        assert not lap.is_standing_start
        assert lap.lost_ms is not None
        assert sum(lap.lost_ms) == lap.lap_time_ms - round(1000 * tracks.optimum("oval").lap_s)


def test_a_slow_corner_is_found_where_it_is() -> None:
    """A plan at half speed in the third quarter loses there and nowhere else to speak of."""
    track, plan = tracks.load("oval"), tracks.plan("oval")
    share = plan.s_m / track.length_m
    slowed = replace(plan, speed_mps=np.where((share > 0.5) & (share < 0.75), 1.0, plan.speed_mps))
    outcome, trace = drive(track, slowed, laps=2)
    lap = outcome.laps[1]
    result = split(trace, track, tracks.optimum("oval"), number=2, lap_time_ms=lap.lap_time_ms, count=4)
    lost = result.lost_ms
    assert lost is not None
    assert lost[2] == max(lost)
    assert lost[2] > 0.5 * sum(lost)
    assert result.sectors[2].lowest_speed_mps < 1.2 < result.sectors[2].optimum_lowest_speed_mps


def test_result_is_json() -> None:
    track = tracks.load("oval")
    outcome, trace = drive(track, tracks.plan("oval"), laps=2)
    for lap in splits(track, outcome, trace, tracks.optimum("oval")):
        told = json.loads(json.dumps(lap.as_json()))
        assert told["sectors"][0]["number"] == 1
        assert (told["sectors"][0]["lost_ms"] is None) == told["is_standing_start"]


def test_another_tracks_optimum_an_unknown_and_an_unfinished_lap_are_refused() -> None:
    track, optimum = tracks.load("oval"), tracks.optimum("oval")
    _, trace = drive(track, tracks.plan("oval"), laps=2)
    with pytest.raises(SectorError, match="in this direction"):
        split(trace, track, tracks.optimum("oval", is_reversed=True), number=1, lap_time_ms=1)
    with pytest.raises(SectorError, match=r"one of \[1, 2\], got 3"):
        split(trace, track, optimum, number=3, lap_time_ms=1)
    with pytest.raises(SectorError, match="expected a completed lap"):
        split(Trace(trace.rows[:50]), track, optimum, number=1, lap_time_ms=1)
