"""Writing, entering and following a reward function as a plain form, and who may read what of it."""

from __future__ import annotations

import io

import pytest
from sqlalchemy import func, select

import starter_kits
from arena.league import db, submissions
from arena.league.models import Submission
from arena.league.states import SubmissionState
from arena.league.submissions import Rejection
from leaderboard import create_app
from tests.leaderboard import stage
from tests.leaderboard.conftest import RACE, Visit
from tests.leaderboard.stage import Stage
from tests.leaderboard.visitor import Visitor, text_of

GOOD = "def reward_function(params):\n    return 1.0\n"
BROKEN = "def reward_function(params):\n    return 1.0 +\n"


def count_of_entries(arena_stage: Stage) -> int:
    with db.reading(arena_stage.engine) as session:
        return session.scalar(select(func.count()).select_from(Submission)) or 0


def rejected(arena_stage: Stage) -> Submission:
    entry = arena_stage.enter("ann")
    lease = arena_stage.claim(entry)
    arena_stage.train(lease)
    used = {"cpu_s": 2.13, "wall_s": 8.0, "peak_mb": 48.4}
    fault = Rejection("runtime", "KeyError: 'distance'.", 2, "Traceback of Ann", "printed by Ann", used)
    with db.transaction(arena_stage.engine) as session:
        return submissions.reject(session, lease, fault, stage.now())


def test_the_editor_starts_with_a_kit_and_later_with_the_last_entry(visit: Visit, arena_stage: Stage) -> None:
    ann = visit("ann")
    first = starter_kits.load(starter_kits.ORDER[0]).reward_function.splitlines()[0]
    assert first in ann.read(f"/races/{RACE}/enter")
    entry = arena_stage.enter("ann")
    assert entry.source.splitlines()[0] in ann.read(f"/races/{RACE}/enter")


def test_a_kit_is_loaded_without_javascript_and_enters_nothing(visit: Visit, arena_stage: Stage) -> None:
    answer = visit("ann").post(f"/races/{RACE}/enter", action="load-kit", kit="racing_line", source="mine")
    assert answer.status_code == 200
    assert starter_kits.load("racing_line").reward_function.splitlines()[0] in text_of(answer)
    assert count_of_entries(arena_stage) == 0


def test_an_unknown_kit_is_not_found(visit: Visit) -> None:
    assert visit("ann").get(f"/races/{RACE}/enter?kit=../../etc/passwd").status_code == 404


@pytest.mark.usefixtures("checker")
def test_ann_enters_by_the_plain_form(visit: Visit, arena_stage: Stage) -> None:
    ann = visit("ann")
    answer = ann.post(f"/races/{RACE}/enter", source=GOOD, action="submit")
    assert answer.status_code == 302
    with db.reading(arena_stage.engine) as session:
        entry = session.scalars(select(Submission)).one()
    assert (entry.source, entry.racer_id) == (GOOD, arena_stage.people["ann"].id)
    assert answer.location == f"/submissions/{entry.id}"
    assert "Entry 1 is in." in ann.read(answer.location)


@pytest.mark.usefixtures("checker")
def test_a_file_goes_before_the_text(visit: Visit, arena_stage: Stage) -> None:
    file = (io.BytesIO(GOOD.encode()), "reward_function.py")
    answer = visit("ann").post(f"/races/{RACE}/enter", source="not this", reward_function=file)
    assert answer.status_code == 302
    with db.reading(arena_stage.engine) as session:
        assert session.scalars(select(Submission)).one().source == GOOD


@pytest.mark.usefixtures("checker")
def test_code_that_cannot_run_costs_no_try_and_loses_nothing(visit: Visit, arena_stage: Stage) -> None:
    answer = visit("ann").post(f"/races/{RACE}/enter", source=BROKEN, model_metadata="", action="submit")
    assert answer.status_code == 422
    page = text_of(answer)
    assert "Line 2:" in page
    assert 'data-line="2" class="is-marked"' in answer.text
    assert "return 1.0 +" in page
    assert "No try was spent." in page
    assert count_of_entries(arena_stage) == 0


@pytest.mark.usefixtures("checker")
def test_checking_enters_nothing(visit: Visit, arena_stage: Stage) -> None:
    answer = visit("ann").post(f"/races/{RACE}/enter", source=GOOD, action="check")
    assert answer.status_code == 200
    assert "The check found no fault" in text_of(answer)
    assert count_of_entries(arena_stage) == 0


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"source": ""}, "empty"),
        ({"source": GOOD, "reward_function": (io.BytesIO(b""), "reward_function.py")}, "empty"),
        ({"source": GOOD, "model_metadata": "{"}, "model_metadata"),
        ({"reward_function": (io.BytesIO(b"PK\x03\x04" + b"\0" * 60), "model.zip")}, "zip"),
        ({"reward_function": (io.BytesIO(b"\xff\xfe\x00bad"), "reward_function.py")}, "UTF-8"),
    ],
)
def test_what_is_no_entry_is_told_before_any_worker_is_asked(
    visit: Visit, arena_stage: Stage, fields: dict[str, object], words: str
) -> None:
    answer = visit("ann").post(f"/races/{RACE}/enter", **fields)
    assert answer.status_code == 422
    assert words in text_of(answer)
    assert count_of_entries(arena_stage) == 0


def test_the_tries_are_counted_before_a_worker_is_asked(visit: Visit, arena_stage: Stage) -> None:
    for _ in range(arena_stage.race.max_submissions):
        arena_stage.enter("ann")
    ann = visit("ann")
    assert "All your tries in this race are used." in ann.read(f"/races/{RACE}/enter")
    answer = ann.post(f"/races/{RACE}/enter", source=GOOD)
    assert answer.status_code == 409
    assert "You have used 5 of 5 submissions" in text_of(answer)
    assert "def reward_function(params):" in text_of(answer)


def test_entering_too_often_is_slowed_down_per_racer(arena_stage: Stage) -> None:
    app = create_app(stage.settings(arena_stage, rate_limits=True, submit_limit="2 per minute"))
    ann, ben = Visitor(app), Visitor(app)
    ann.sign_in("ann")
    ben.sign_in("ben")
    path = f"/races/{RACE}/enter"
    assert [ann.post(path, source="").status_code for _ in range(3)] == [422, 422, 429]
    assert ben.post(path, source="").status_code == 422


def test_cleo_cannot_read_anns_source(visit: Visit, arena_stage: Stage) -> None:
    entry = rejected(arena_stage)
    secret = entry.source.splitlines()[0]
    for handle in ("cleo", "ben", ""):
        page = visit(handle).read(f"/submissions/{entry.id}")
        assert secret not in page
        assert "KeyError" not in page
        assert "Traceback of Ann" not in page
        assert "printed by Ann" not in page
    assert visit("cleo").get(f"/submissions/{entry.id}/reward_function.py").status_code == 403
    assert visit("").get(f"/submissions/{entry.id}/reward_function.py").status_code == 302


@pytest.mark.parametrize("handle", ["ann", "olga"])
def test_owner_and_organiser_read_what_went_wrong(visit: Visit, arena_stage: Stage, handle: str) -> None:
    entry = rejected(arena_stage)
    reader = visit(handle)
    page = reader.read(f"/submissions/{entry.id}")
    for words in (
        "The function raised an error",
        "Line 2:",
        "KeyError: 'distance'.",
        "Traceback of Ann",
        "printed by Ann",
    ):
        assert words in page
    file = reader.get(f"/submissions/{entry.id}/reward_function.py")
    assert file.text == entry.source
    assert file.headers["Content-Disposition"].startswith("attachment")


def test_a_result_shows_its_laps(visit: Visit, arena_stage: Stage) -> None:
    entry = arena_stage.result("ann")
    page = visit("").get(f"/submissions/{entry.id}").text
    assert page.count("<tr><td>") == arena_stage.race.laps
    assert "Official time" in page
    assert "on the board" in page
    assert "% of what physics allows" in page


def test_ann_cancels_her_entry_and_has_the_try_back(visit: Visit, arena_stage: Stage) -> None:
    entry = arena_stage.enter("ann")
    ann = visit("ann")
    assert ann.post(f"/submissions/{entry.id}/cancel").status_code == 302
    assert "The try is yours again." in ann.read(f"/submissions/{entry.id}")
    with db.reading(arena_stage.engine) as session:
        assert session.get_one(Submission, entry.id).state is SubmissionState.CANCELLED


def test_cleo_cannot_cancel_anns_entry(visit: Visit, arena_stage: Stage) -> None:
    entry = arena_stage.enter("ann")
    assert visit("cleo").post(f"/submissions/{entry.id}/cancel").status_code == 403
    with db.reading(arena_stage.engine) as session:
        assert session.get_one(Submission, entry.id).state is SubmissionState.QUEUED


def test_a_finished_entry_cannot_be_cancelled(visit: Visit, arena_stage: Stage) -> None:
    entry = arena_stage.result("ann")
    answer = visit("ann").post(f"/submissions/{entry.id}/cancel")
    assert answer.status_code == 409
    assert "That is not possible." in text_of(answer)


def test_only_its_racer_is_asked_to_improve_an_entry(visit: Visit, arena_stage: Stage) -> None:
    entry = arena_stage.result("ann")
    assert "Improve it" in visit("ann").read(f"/submissions/{entry.id}")
    assert "Improve it" not in visit("olga").read(f"/submissions/{entry.id}")


def test_a_house_car_is_not_told_that_it_was_beaten(visit: Visit, arena_stage: Stage) -> None:
    entry = arena_stage.result("house")
    assert "house cars take none" in visit("").read(f"/submissions/{entry.id}")


def test_the_owner_sees_what_the_code_used(visit: Visit, arena_stage: Stage) -> None:
    entry = rejected(arena_stage)
    assert "2.1 s of CPU in 8.0 s" in visit("ann").read(f"/submissions/{entry.id}")
    assert "of CPU" not in visit("cleo").read(f"/submissions/{entry.id}")
