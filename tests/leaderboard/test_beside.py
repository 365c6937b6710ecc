"""Two entries side by side."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from arena.league import db
from arena.league.models import Submission
from leaderboard import beside
from leaderboard.beside import SectorPair, changes, told
from leaderboard.diagnosing import COMPLETION, LAP_TIME, curves_of_two
from tests.leaderboard.conftest import Visit
from tests.leaderboard.stage import Pursuit, Stage

FAST, SLOW = Pursuit(top_mps=2.4), Pursuit(top_mps=1.9)


def pairs(*gains_ms: int) -> tuple[SectorPair, ...]:
    return tuple(SectorPair(number, 2_000, 2_000 + gain) for number, gain in enumerate(gains_ms, start=1))


@pytest.mark.parametrize(
    ("gains_ms", "sentence"),
    [
        ((300, -120, 20), "gains most in sector 1 (0.30 s) and loses most in sector 2 (0.12 s)"),
        ((300, 200), "gains most in sector 1 (0.30 s)"),
        ((-300, -20), "loses most in sector 1 (0.30 s)"),
        ((5, -5, 0), "is as fast in every sector"),
    ],
)
def test_one_sentence_says_where_a_lap_wins_and_loses(gains_ms: tuple[int, ...], sentence: str) -> None:
    assert told(pairs(*gains_ms)) == sentence


@given(st.lists(st.text("ab ", max_size=3)), st.lists(st.text("ab ", max_size=3)))
def test_the_changes_lead_from_the_old_text_to_the_new_one(old: list[str], new: list[str]) -> None:
    found = changes("\n".join([*old, "end"]), "\n".join([*new, "end"]))
    assert found is not None
    out = Counter(line.text for line in found if line.sign == "-")
    came = Counter(line.text for line in found if line.sign == "+")
    assert Counter(old) - out + came == Counter(new)
    assert bool(found) == (old != new)


def test_files_too_long_to_compare_are_told_so() -> None:
    assert changes("a\n" * (beside.MOST_LINES + 1), "a\n") is None


def test_an_own_entry_is_shown_beside_the_one_before(visit: Visit, arena_stage: Stage) -> None:
    first, second = (arena_stage.result("ann", driver) for driver in (SLOW, FAST))
    with db.transaction(arena_stage.engine) as session:
        code = "def reward_function(params):\n    return params['progress']\n"
        session.execute(
            update(Submission)
            .where(Submission.id == second.id)
            .values(source=code, hyperparameters='{"discount_factor": 0.9}')
        )
    page = visit("ann").read(f"/submissions/{second.id}/beside")
    assert f"Entry {first.number}" in page
    assert "Entry 2 gains most in sector" in page
    assert "added: return params['progress']" in page
    assert "discount_factor 0.9 0.99" in page
    markup = visit("ann").get(f"/submissions/{second.id}/beside").text
    assert f"/replay?beside={first_trial(arena_stage, first)}" in markup
    address = (
        f"/api/v1/trials/{first_trial(arena_stage, second)}/replay?beside={first_trial(arena_stage, first)}"
    )
    cars = json.loads(visit("").get(address).text)["cars"]
    assert [car["name"][-3:] for car in cars] == [" #2", " #1"]


def first_trial(stage: Stage, submission: Submission) -> int:
    with db.reading(stage.engine) as session:
        trial = session.get_one(Submission, submission.id).trial
    assert trial is not None
    return trial.id


def test_strangers_see_laps_but_no_code(visit: Visit, arena_stage: Stage) -> None:
    ann, ben = arena_stage.result("ann", SLOW), arena_stage.result("ben", FAST)
    for reader in ("", "ben", "cleo"):
        page = visit(reader).read(f"/submissions/{ben.id}/beside?other={ann.id}")
        assert "Where one is faster" in page
        assert "reward_function" not in page
        assert "What was changed" not in page
    assert "What was changed in the code" in visit("olga").read(
        f"/submissions/{ben.id}/beside?other={ann.id}"
    )


def test_entries_of_different_races_are_not_compared(visit: Visit, arena_stage: Stage) -> None:
    here, there = arena_stage.result("ann"), arena_stage.new_meeting().result("ann")
    assert visit("").get(f"/submissions/{here.id}/beside?other={there.id}").status_code == 404
    assert visit("").get(f"/submissions/{here.id}/beside?other=nobody").status_code == 404


def test_an_entry_without_company_says_so(visit: Visit, arena_stage: Stage) -> None:
    alone = arena_stage.result("ann")
    assert "no other recorded entry" in visit("ann").read(f"/submissions/{alone.id}/beside")


def test_an_entry_without_a_drive_still_has_a_page(visit: Visit, arena_stage: Stage) -> None:
    other, waiting = arena_stage.result("ann"), arena_stage.enter("ann")
    page = visit("ann").read(f"/submissions/{waiting.id}/beside?other={other.id}")
    assert "Results" in page
    assert "Both on the track" not in page
    arena_stage.clear_queue()


def test_programs_get_two_drives_for_one_replay(visit: Visit, arena_stage: Stage) -> None:
    ann, ben = (first_trial(arena_stage, arena_stage.result(handle)) for handle in ("ann", "ben"))
    cars = visit("").get(f"/api/v1/trials/{ann}/replay?beside={ben}").get_json()["cars"]
    assert [car["trial_id"] for car in cars] == [ann, ben]
    elsewhere = first_trial(arena_stage, arena_stage.new_meeting().result("ann"))
    assert visit("").get(f"/api/v1/trials/{ann}/replay?beside={elsewhere}").status_code == 404
    assert visit("").get(f"/api/v1/trials/{ann}/replay?beside=x").status_code == 422


def test_two_trainings_are_drawn_on_one_scale() -> None:
    short = [{"steps": 100, "completion": 20.0, "lap_ms": None}]
    long = [
        {"steps": 100, "completion": 50.0, "lap_ms": 9_000},
        {"steps": 200, "completion": 100.0, "lap_ms": 8_000},
    ]
    completion, laps = curves_of_two(short, long)
    assert (completion.title, laps.title) == (COMPLETION, LAP_TIME)
    assert completion.drawing.count("<path") == 3
    assert "at the end 20 and 100" in completion.drawing
    assert "at the end none and 8" in laps.drawing
