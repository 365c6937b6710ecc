"""Where a lap lost its time: the sectors on the page of an entry and in the API."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from arena.league import db
from arena.league.models import Trial
from leaderboard.comparing import Comparison
from simulator import tracks
from simulator.sectors import LapSectors, Sector
from tests.leaderboard.conftest import Visit
from tests.leaderboard.stage import Stage


def compared(lost_ms: tuple[int, ...], *, is_standing_start: bool = False) -> Comparison:
    sectors = tuple(
        Sector(number, 5.0 * (number - 1), 5.0 * number, 2000 + lost, 2000, 1.0, 2.0, 0.1)
        for number, lost in enumerate(lost_ms, start=1)
    )
    lap = LapSectors(2, sum(sector.time_ms for sector in sectors), is_standing_start, sectors)
    return Comparison(lap, tracks.load("oval"))


@pytest.mark.parametrize(
    ("lost_ms", "sentence"),
    [
        ((200, 50, 800, 0), "Most is lost in sector 3: 0.8 s of 1.1 s."),
        ((0, 40, 10), "Most is lost in sector 2: 0.04 s of 0.05 s."),
        ((0, 20, -10), "No sector loses anything: this is as fast as physics allows."),
    ],
)
def test_one_sentence_says_where_most_is_lost(lost_ms: tuple[int, ...], sentence: str) -> None:
    assert compared(lost_ms).sentence == sentence


def test_a_lap_from_rest_is_not_measured_by_a_flying_one() -> None:
    comparison = compared((900, 100, 100), is_standing_start=True)
    assert comparison.worst is None
    assert "began at rest" in comparison.sentence


def test_the_sector_that_lost_most_stands_out_in_the_picture() -> None:
    drawing = compared((10, 500, 20)).drawing
    assert drawing.count("track-sector") == 3
    assert drawing.count("is-worst") == 1


def test_the_page_of_an_entry_tells_its_best_flying_lap_in_sectors(visit: Visit, arena_stage: Stage) -> None:
    entry = arena_stage.result("ann")
    page = visit("").read(f"/submissions/{entry.id}")
    assert "Where the time went" in page
    assert "Most is lost in sector" in page
    assert "lap 1," not in page.split("Where the time went")[1][:40]


def test_a_lost_drive_costs_the_sectors_and_not_the_page(visit: Visit, arena_stage: Stage) -> None:
    entry = arena_stage.result("ann")
    with db.transaction(arena_stage.engine) as session:
        session.execute(update(Trial).values(trace_key="cd" * 32))
    page = visit("").read(f"/submissions/{entry.id}")
    assert "Official time" in page
    assert "Where the time went" not in page


def test_programs_get_the_sectors_in_metres_and_milliseconds(visit: Visit, arena_stage: Stage) -> None:
    entry = arena_stage.result("ann")
    answer = visit("").get(f"/api/v1/submissions/{entry.id}/sectors")
    assert answer.status_code == 200
    lap = answer.get_json()
    assert lap["number"] > 1
    assert sum(sector["time_ms"] for sector in lap["sectors"]) == lap["lap_time_ms"]
    assert all(s["lost_ms"] == s["time_ms"] - s["optimum_ms"] for s in lap["sectors"])
    assert lap["sectors"][0]["from_m"] == 0.0


def test_an_entry_without_a_lap_has_no_sectors(visit: Visit, arena_stage: Stage) -> None:
    entry = arena_stage.enter("ann")
    answer = visit("").get(f"/api/v1/submissions/{entry.id}/sectors")
    assert answer.status_code == 404
    assert "completed lap" in answer.get_json()["detail"]
