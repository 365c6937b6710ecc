"""The listing tells of each line how often it ran and what it cost, in words as well as in colours."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import update

from arena.league import db
from arena.league.models import Submission
from leaderboard import line_marks
from tests.leaderboard.conftest import Visit
from tests.leaderboard.stage import Stage
from tests.leaderboard.test_diagnosing import found

SOURCE = "def reward_function(params):\n    if params['speed'] > 12:\n        return 2.0\n    return <1>\n"


def studied(**changes: Any) -> dict[str, Any]:
    """A stored diagnosis that knows lines."""
    lines = {
        "calls": 1200,
        "laps": 0,
        "used": [
            {"line": 2, "runs": 1200, "share": 0.75},
            {"line": 3, "runs": 0, "share": 0.0},
            {"line": 4, "runs": 2400, "share": 0.25},
            {"line": 99, "runs": 1, "share": 0.0},
        ],
        "never": [{"first": 3, "last": 3, "text": "return 2.0", "pays": None}],
        "reach": "Line 3 was never reached.",
        "cost": "Line 2 is dear.",
    }
    return found(lines=lines | changes)


def test_the_dearest_lines_come_first_with_their_part_of_a_call() -> None:
    view = line_marks.view_of(studied(), SOURCE)
    assert view is not None
    assert [(one.line, one.percent, one.call_us, one.runs_a_call) for one in view.dear] == [
        (2, 75.0, 1.5, 1.0),
        (4, 25.0, 0.5, 2.0),
    ]
    assert view.dear[0].text == "if params['speed'] > 12:"


def test_lines_that_the_source_does_not_have_are_left_out() -> None:
    view = line_marks.view_of(studied(), SOURCE)
    assert view is not None
    assert set(view.marks) == {2, 3, 4}


def test_a_diagnosis_of_earlier_days_knows_no_lines() -> None:
    assert line_marks.view_of(found(), SOURCE) is None


def test_the_page_marks_each_line_in_words(visit: Visit, arena_stage: Stage) -> None:
    entry = arena_stage.result("ann")
    key = arena_stage.artifacts.put(json.dumps(studied()).encode())
    with db.transaction(arena_stage.engine) as session:
        session.execute(update(Submission).values(diagnosis_key=key, source=SOURCE))
    page = visit("ann").read(f"/submissions/{entry.id}")
    assert "never ran: return 2.0" in page
    assert "ran 1,200 times, 75 % of the time: if params['speed'] > 12:" in page
    assert "Line 3 was never reached. See them in the source" in page
    assert "how often it ran in 1,200 calls" in page
    assert "return <1>" in page
    assert "never ran" not in visit("cleo").read(f"/submissions/{entry.id}")
