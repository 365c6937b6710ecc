"""Pictures of a diagnosis say what the numbers say, also where numbers are missing."""

from __future__ import annotations

import json
import re
from typing import Any

from sqlalchemy import update

from arena.league import db
from arena.league.models import Submission
from leaderboard.diagnosing import view_of
from simulator import tracks
from tests.leaderboard.conftest import Visit
from tests.leaderboard.stage import Stage


def found(**changes: Any) -> dict[str, Any]:
    """A diagnosis as it is stored."""
    learning = [
        {"steps": 1000, "mean_return": 2.0, "completion": 8.0, "lap_ms": None},
        {"steps": 2000, "mean_return": 30.0, "completion": 90.0, "lap_ms": 12_000},
        {"steps": 3000, "mean_return": 40.0, "completion": 100.0, "lap_ms": 9_500},
    ]
    profile = {"edges": [0.0, 1.0, 2.0, 3.0], "steps": [100, 3, 10], "reward": [0.5, None, -0.25]}
    return {
        "drives": 60,
        "learning": learning,
        "places": {"edges": [0.0, 0.5, 1.0], "steps": [50, 50], "reward": [0.1, 0.4]},
        "off_places": [0, 7],
        "by_side": profile,
        "by_speed": profile,
        "by_steering": profile,
        "findings": [],
        "cost": {"call_us": 2.0, "share": 0.1, "sentence": "Cheap."},
        "sentences": {"learning": "a", "places": "b", "agreement": "c"},
    } | changes


def test_a_curve_has_a_point_for_every_known_value() -> None:
    _, completion, laps = view_of(found(), tracks.load("oval")).curves
    assert completion.drawing.count("<circle") == 3
    assert laps.drawing.count("<circle") == 2
    assert "from 8 to 100" in completion.drawing


def test_a_training_without_a_lap_says_so_instead_of_drawing_a_line() -> None:
    learning = [one | {"lap_ms": None} for one in found()["learning"]]
    laps = view_of(found(learning=learning), tracks.load("oval")).curves[2]
    assert "none yet" in laps.drawing
    assert "dia-line" not in laps.drawing


def test_bars_of_few_steps_are_narrow_and_unknown_ones_missing() -> None:
    bars = view_of(found(), tracks.load("oval")).profiles[1].drawing
    widths = [float(width) for width in re.findall(r'width="([\d.]+)"', bars)]
    assert len(widths) == 2
    assert widths[0] > widths[1]


def test_the_band_is_widest_where_a_step_pays_most_and_crosses_mark_where_cars_went_off() -> None:
    places = view_of(found(), tracks.load("oval")).places
    widths = [float(width) for width in re.findall(r'stroke-width="([\d.]+)" opacity', places)]
    assert widths[0] < widths[1]
    crosses = re.search(r'class="dia-off" d="([^"]*)"', places)
    assert crosses is not None
    assert crosses[1].count("M") == 2  # two strokes: one cross


def test_all_numbers_equal_draw_without_a_fault() -> None:
    learning = [one | {"mean_return": 0.0, "completion": 0.0} for one in found()["learning"]]
    flat = {"edges": [0.0, 1.0], "steps": [10], "reward": [0.0]}
    changes = {"learning": learning, "by_side": flat, "places": flat, "off_places": [0]}
    drawn = view_of(found(**changes), tracks.load("oval"))
    assert "nan" not in "".join(chart.drawing for chart in (*drawn.curves, *drawn.profiles)) + drawn.places


def test_the_owner_reads_what_the_reward_taught_and_a_rival_does_not(
    visit: Visit, arena_stage: Stage
) -> None:
    entry = arena_stage.result("ann")
    finding = {"pattern": "crawling", "sentence": "It crawls.", "advice": "Pay for speed.", "figures": {}}
    diagnosis = json.dumps(found(findings=[finding]))
    key = arena_stage.artifacts.put(diagnosis.encode())
    with db.transaction(arena_stage.engine) as session:
        session.execute(update(Submission).values(diagnosis_key=key))
    page = visit("ann").read(f"/submissions/{entry.id}")
    assert "It crawls. Pay for speed." in page
    assert "from 60 recorded drives" in page
    assert "It crawls." not in visit("cleo").read(f"/submissions/{entry.id}")


def test_a_lost_diagnosis_does_not_cost_the_page(visit: Visit, arena_stage: Stage) -> None:
    entry = arena_stage.result("ann")
    with db.transaction(arena_stage.engine) as session:
        session.execute(update(Submission).values(diagnosis_key="0" * 64))
    page = visit("ann").read(f"/submissions/{entry.id}")
    assert "Result" in page
    assert "What your reward taught" not in page
