"""The stewards: who sees which drives wait, what the two buttons do, by page, API and live room."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select

from arena.league import db
from arena.league.models import Standing, Submission, Trial
from arena.league.states import Ruling
from leaderboard import rooms
from tests.leaderboard import road_fixtures
from tests.leaderboard.conftest import RACE, Visit
from tests.leaderboard.stage import Stage
from tests.leaderboard.test_feed import event

DESK = "/organise/stewards"


@pytest.fixture
def held(arena_stage: Stage) -> Submission:
    """A drive of Ann's that is too fast to be true."""
    return road_fixtures.held(arena_stage)


def trial_of(arena_stage: Stage, entry: Submission) -> Trial:
    with db.reading(arena_stage.engine) as session:
        return session.scalars(select(Trial).where(Trial.submission_id == entry.id)).one()


def test_the_desk_shows_why_a_drive_is_held(visit: Visit, held: Submission) -> None:
    page = visit("olga").read(DESK)
    assert "Ann Arbor, entry 1" in page
    assert "3.000" in page
    assert "Faster by" in page
    assert page.count("%)") == 1, "one lap is suspicious, the others are not"
    assert "No drive waits." in page


def test_the_number_that_waits_stands_in_every_head_of_organisers(visit: Visit, held: Submission) -> None:
    assert "Stewards 1 , 1 waiting" in visit("olga").read("/")
    assert "Stewards" not in visit("ann").read("/")
    assert "Stewards" not in visit("").read("/")


def test_a_held_drive_is_told_calmly_and_has_no_time(visit: Visit, held: Submission) -> None:
    page = visit("ann").read(f"/submissions/{held.id}")
    assert "Held for the stewards" in page
    assert "waits for the stewards" in page
    assert "% of what physics allows" not in page
    assert "held for the stewards" in visit("ann").read("/submissions")
    assert "Ann Arbor" not in visit("").read(f"/races/{RACE}").split("Board")[1].split("Replay")[0]


def test_olga_lets_a_drive_count(visit: Visit, arena_stage: Stage, held: Submission) -> None:
    trial = trial_of(arena_stage, held)
    olga = visit("olga")
    answer = olga.post(f"{DESK}/{trial.id}", ruling="cleared", reason="")
    assert answer.status_code == 302
    assert "The drive of Ann Arbor counts." in olga.read(DESK)
    assert trial_of(arena_stage, held).ruling is Ruling.CLEARED
    with db.reading(arena_stage.engine) as session:
        assert session.scalars(select(Standing)).one().submission_id == held.id
    assert "this drive counts" in visit("").read(f"/submissions/{held.id}")
    assert olga.post(f"{DESK}/{trial.id}", ruling="struck", reason="late").status_code == 409


def test_a_drive_is_struck_for_a_reason_that_its_racer_reads(
    visit: Visit, arena_stage: Stage, held: Submission
) -> None:
    trial = trial_of(arena_stage, held)
    olga = visit("olga")
    without = olga.post(f"{DESK}/{trial.id}", ruling="struck", reason=" ")
    assert without.status_code == 422
    assert "struck for a reason" in without.text
    assert trial_of(arena_stage, held).ruling is Ruling.HELD
    assert olga.post(f"{DESK}/{trial.id}", ruling="struck", reason="It cut the bend.").status_code == 302
    assert "It cut the bend." in visit("ann").read(f"/submissions/{held.id}")
    others = visit("ben").read(f"/submissions/{held.id}")
    assert "The stewards do not count this drive" in others
    assert "It cut the bend." not in others


def test_a_reason_that_is_too_long_stays_where_it_was_typed(
    visit: Visit, arena_stage: Stage, held: Submission
) -> None:
    reason = "because " * 200
    answer = visit("olga").post(f"{DESK}/{trial_of(arena_stage, held).id}", ruling="struck", reason=reason)
    assert answer.status_code == 422
    assert reason in answer.text
    assert "has up to 1000 characters" in answer.text


@pytest.mark.parametrize("who", ["ann", ""])
def test_only_organisers_are_stewards(visit: Visit, arena_stage: Stage, held: Submission, who: str) -> None:
    visitor = visit(who)
    refused = (403, 302)[not who]
    assert visitor.get(DESK).status_code == refused
    trial = trial_of(arena_stage, held)
    assert visitor.post(f"{DESK}/{trial.id}", ruling="cleared").status_code == refused
    assert visitor.get("/api/v1/stewards/trials").status_code == (403 if who else 401)
    assert trial_of(arena_stage, held).ruling is Ruling.HELD


def test_a_trial_that_does_not_exist_is_not_found(visit: Visit) -> None:
    for number in (4711, 10**12):
        assert visit("olga").post(f"{DESK}/{number}", ruling="cleared").status_code == 404


def test_no_button_is_no_decision(visit: Visit, arena_stage: Stage, held: Submission) -> None:
    trial = trial_of(arena_stage, held)
    assert visit("olga").post(f"{DESK}/{trial.id}", reason="x").status_code == 400
    assert trial_of(arena_stage, held).ruling is Ruling.HELD


def test_programs_of_organisers_list_and_decide(visit: Visit, arena_stage: Stage, held: Submission) -> None:
    olga = visit("olga")
    (found,) = olga.get("/api/v1/stewards/trials").get_json()
    assert (found["racer"], found["submission_id"], found["best_lap_ms"]) == ("ann", held.id, 3000)
    assert [lap["is_suspicious"] for lap in found["laps"]] == [False, True, False]
    assert found["laps"][1]["optimum_ms"] > 3000
    headers = {"Authorization": f"Bearer {arena_stage.token('olga')}"}
    address = f"/api/v1/stewards/trials/{found['trial_id']}"
    refused = olga.client.post(f"{address}/strike", json={}, headers=headers)
    assert refused.status_code == 422
    assert "reason" in refused.get_json()["errors"]
    struck = olga.client.post(f"{address}/strike", json={"reason": "It cut the bend."}, headers=headers)
    assert (struck.status_code, struck.get_json()["ruling"]) == (200, "struck")
    again = olga.client.post(f"{address}/clear", json={}, headers=headers)
    assert again.status_code == 409
    assert olga.get("/api/v1/stewards/trials").get_json() == []


def test_rulings_reach_the_entry_and_the_stewards_without_the_reason_for_everybody() -> None:
    ruling = event(1, "trial.struck", payload={"trial_id": 1, "reason": "cut", "by": "olga"})
    assert rooms.rooms_of(ruling) == ["submission:x", "stewards:desk"]
    assert rooms.for_room(ruling, "submission:x")["payload"] == {"trial_id": 1}
    assert rooms.for_room(ruling, "submission:x", is_private=True)["payload"]["reason"] == "cut"


def test_the_room_of_the_stewards_is_closed_to_others(live_app: Flask, visit: Visit) -> None:
    for who, ok in (("olga", True), ("ann", False), ("", False)):
        client = visit(who).client
        socket = live_app.extensions["socketio"].test_client(live_app, flask_test_client=client)
        answer = socket.emit("join", {"room": "stewards:desk"}, callback=True)
        assert answer["ok"] is ok, who
        if ok:
            (snapshot,) = [one["args"][0] for one in socket.get_received() if one["name"] == "snapshot"]
            assert snapshot["held"] == 0
            assert socket.emit("join", {"room": "stewards:elsewhere"}, callback=True)["ok"] is False
        else:
            assert "Only organisers" in answer["error"]


def test_a_held_drive_can_be_watched_by_itself_and_not_among_the_best(
    visit: Visit, arena_stage: Stage, held: Submission
) -> None:
    trial = trial_of(arena_stage, held)
    replay = visit("").get(f"/api/v1/trials/{trial.id}/replay").get_json()
    assert [car["trial_id"] for car in replay["cars"]] == [trial.id]
    assert visit("").get(f"/api/v1/races/{RACE}/replay").get_json()["cars"] == []
