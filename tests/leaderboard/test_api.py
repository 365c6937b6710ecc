"""The JSON API: what comes out, who may, and what bad input is answered."""

from __future__ import annotations

import gzip
import io
import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from openapi_spec_validator import OpenAPIV31SpecValidator
from werkzeug.test import TestResponse

from arena.league import db, jobs
from leaderboard import submitting
from tests.leaderboard.live_fixtures import api, arena_stage, checker, grounds, live_app
from tests.leaderboard.stage import Pursuit, Stage

__all__ = ["api", "arena_stage", "checker", "grounds", "live_app"]

GOOD = "def reward_function(params):\n    return float(params['speed'])\n"
SLOW = {"action_space": {"steering_angle": {"low": -20, "high": 20}, "speed": {"low": 1, "high": 2}}}
MANY_ACTIONS = {"action_space": [{"steering_angle": 0, "speed": 1}] * 500}


def auth(stage_: Stage, handle: str = "ann") -> dict[str, str]:
    return {"Authorization": f"Bearer {stage_.token(handle)}"}


def submit_url(stage_: Stage) -> str:
    return f"/api/v1/races/{stage_.race.slug}/submissions"


def problem(answer: TestResponse, status: int) -> dict[str, Any]:
    """Return the problem document of an answer, after checking that it is one."""
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    document: dict[str, Any] = json.loads(answer.text)
    assert document["type"] == "about:blank"
    assert document["status"] == status
    assert document["title"]
    assert document["detail"]
    return document


# ---- watching ----


def test_the_description_is_valid_openapi_and_names_every_operation(api: FlaskClient) -> None:
    document = api.get("/api/v1/openapi.json").get_json()
    OpenAPIV31SpecValidator(document).validate()
    assert document["openapi"] == "3.1.0"
    for path in ("/api/v1/checks", "/api/v1/races/{slug}/submissions", "/api/v1/trials/{trial_id}/trace"):
        assert path in document["paths"]
    guarded = document["paths"]["/api/v1/checks"]["post"]
    assert guarded["security"] == [{"token": []}]


def test_the_page_of_the_api_needs_nothing_from_elsewhere(api: FlaskClient) -> None:
    page = api.get("/api/docs")
    assert page.status_code == 200
    assert "POST" in page.text
    assert "<script" not in page.text.replace('type="module"', "") or "//cdn" not in page.text


def test_everybody_reads_seasons_races_boards_and_tracks(api: FlaskClient, arena_stage: Stage) -> None:
    arena_stage.result("ann")
    arena_stage.result("house", Pursuit(top_mps=2.0))
    slug = arena_stage.race.slug
    assert arena_stage.season.slug in [one["slug"] for one in api.get("/api/v1/seasons").get_json()]
    season = api.get(f"/api/v1/seasons/{arena_stage.season.slug}").get_json()
    assert season["races"][0]["slug"] == slug
    assert season["board"][0]["races"][slug]["points"] == 25
    race = api.get(f"/api/v1/races/{arena_stage.race.slug}").get_json()
    assert (race["track"], race["timing"], race["is_open"]) == ("oval", "total", True)
    board = api.get(f"/api/v1/races/{arena_stage.race.slug}/board").get_json()
    assert board["total"] == 2
    assert [(row["racer"], row["rank"]) for row in board["rows"]] == [("ann", 1), ("house", None)]
    second = api.get(f"/api/v1/races/{arena_stage.race.slug}/board?limit=1&offset=1").get_json()
    assert [row["racer"] for row in second["rows"]] == ["house"]
    assert api.get("/api/v1/tracks").get_json()[0]["name"] == "oval"
    kits = api.get("/api/v1/kits").get_json()
    assert "def reward_function" in api.get(f"/api/v1/kits/{kits[0]['name']}").get_json()["reward_function"]
    oval = api.get("/api/v1/tracks/oval").get_json()
    assert len(oval["center"]) == len(oval["inner"]) == len(oval["outer"])
    assert oval["center"][0] == oval["center"][-1]


def test_the_replay_names_the_best_drives_and_the_newest(api: FlaskClient, arena_stage: Stage) -> None:
    arena_stage.result("ann", Pursuit(top_mps=2.5))
    arena_stage.result("ann", Pursuit(top_mps=2.1))
    replay = api.get(f"/api/v1/races/{arena_stage.race.slug}/replay").get_json()
    assert replay["track_url"] == "/api/v1/tracks/oval"
    assert [car["racer"] for car in replay["cars"]] == ["ann", "ann"]
    assert replay["cars"][0]["rank"] == 1
    assert replay["cars"][1]["trial_id"] > replay["cars"][0]["trial_id"]


def test_a_trace_is_immutable_packed_columns_of_the_drive(api: FlaskClient, arena_stage: Stage) -> None:
    arena_stage.result("ann")
    url = api.get(f"/api/v1/races/{arena_stage.race.slug}/replay").get_json()["cars"][0]["trace_url"]
    packed = api.get(url, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "immutable" in packed.headers["Cache-Control"]
    trace = json.loads(gzip.decompress(packed.data))
    columns = trace["columns"]
    assert len({len(values) for values in columns.values()}) == 1
    assert columns["t_s"][:2] == [0.0, 0.0667]
    assert columns["lap"][-1] == 3
    assert [lap["number"] for lap in trace["laps"]] == [1, 2, 3]
    assert api.get(url).get_json() == trace
    again = api.get(url, headers={"If-None-Match": packed.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


# ---- entering ----


def test_a_check_shows_the_rewards_of_typical_states(
    api: FlaskClient, arena_stage: Stage, checker: None
) -> None:
    answer = api.post("/api/v1/checks", json={"reward_function": GOOD}, headers=auth(arena_stage))
    assert answer.status_code == 200, answer.text
    found = answer.get_json()
    assert found["ok"] is True
    assert len(found["rewards"]) >= 10
    assert all(isinstance(one["reward"], float) for one in found["rewards"])


def test_an_entry_from_files_is_checked_and_queued(
    api: FlaskClient, arena_stage: Stage, checker: None
) -> None:
    files = {
        "reward_function": (io.BytesIO(GOOD.encode()), "reward_function.py"),
        "model_metadata": (io.BytesIO(json.dumps(SLOW).encode()), "model_metadata.json"),
    }
    answer = api.post(submit_url(arena_stage), data=files, headers=auth(arena_stage))
    assert answer.status_code == 201, answer.text
    made = answer.get_json()
    assert (made["number"], made["place"], made["state"]) == (1, 1, "queued")
    assert answer.headers["Location"] == made["url"] == f"/submissions/{made['id']}"
    source = api.get(f"/api/v1/submissions/{made['id']}/source", headers=auth(arena_stage)).get_json()
    assert source["reward_function"] == GOOD
    assert "-20" in source["model_metadata"]


def test_code_that_fails_its_check_costs_no_try(api: FlaskClient, arena_stage: Stage, checker: None) -> None:
    broken = "def reward_function(params):\n    return 1 +\n"
    found = problem(
        api.post(submit_url(arena_stage), json={"reward_function": broken}, headers=auth(arena_stage)), 422
    )
    assert (found["verdict"], found["line"]) == ("syntax", 2)
    assert (
        api.post(
            submit_url(arena_stage), json={"reward_function": GOOD}, headers=auth(arena_stage)
        ).get_json()["number"]
        == 1
    )


@pytest.mark.parametrize(
    ("source", "verdict", "line"),
    [
        ("def reward_function(params):\n    return (1\n", "syntax", 2),
        ("x = 1\n", "no_function", None),
        ("def reward_function(a, b):\n    return 1\n", "signature", 1),
        ("import no_such_module\ndef reward_function(p):\n    return 1\n", "import", 1),
        ("def reward_function(p):\n    return p['sped']\n", "runtime", 2),
        ("def reward_function(p):\n    return None\n", "bad_value", None),
        ("def reward_function(p):\n    return float('nan')\n", "bad_value", None),
        ("def reward_function(p):\n    return 1e9\n", "bad_value", None),
    ],
)
def test_what_is_wrong_with_the_code_is_named_with_its_line(
    api: FlaskClient, arena_stage: Stage, checker: None, source: str, verdict: str, line: int | None
) -> None:
    found = problem(api.post("/api/v1/checks", json={"source": source}, headers=auth(arena_stage)), 422)
    assert found["verdict"] == verdict
    if line is not None:
        assert found["line"] == line


METADATA = {"action_space": {"steering_angle": {"low": -90, "high": 90}, "speed": {"low": 1, "high": 2}}}


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        ({"reward_function": ""}, "empty"),
        ({"reward_function": " \n\t\n"}, "empty"),
        ({"reward_function": "#" * 140_001}, "too_large"),
        ({"reward_function": "PK\x03\x04 archive"}, "encoding"),
        ({"reward_function": GOOD, "model_metadata": METADATA}, "settings"),
        ({"reward_function": GOOD, "model_metadata": json.dumps(METADATA)}, "settings"),
        ({"reward_function": GOOD, "model_metadata": {"action_space": []}}, "settings"),
        (
            {
                "reward_function": GOOD,
                "model_metadata": MANY_ACTIONS,
            },
            "settings",
        ),
        ({"reward_function": GOOD, "model_metadata": "{not json"}, "settings"),
        ({"reward_function": GOOD, "hyperparameters": {"lr": 7}}, "settings"),
    ],
)
def test_what_can_be_judged_at_once_needs_no_worker(
    api: FlaskClient, arena_stage: Stage, body: dict[str, Any], verdict: str
) -> None:
    for url in ("/api/v1/checks", submit_url(arena_stage)):
        assert problem(api.post(url, json=body, headers=auth(arena_stage)), 422)["verdict"] == verdict


def test_bytes_that_are_no_text_are_named(api: FlaskClient, arena_stage: Stage) -> None:
    for data in (b"def f():\n    '\xff\xfe'\n", b"PK\x03\x04rest", b"x = 1\n\x00"):
        files = {"reward_function": (io.BytesIO(data), "reward_function.py")}
        found = problem(api.post(submit_url(arena_stage), data=files, headers=auth(arena_stage)), 422)
        assert found["verdict"] == "encoding"


def test_without_a_worker_the_answer_says_so(
    api: FlaskClient, arena_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submitting, "CHECK_WITHIN_S", 0.2)
    found = problem(
        api.post(submit_url(arena_stage), json={"reward_function": GOOD}, headers=auth(arena_stage)), 503
    )
    assert "worker" in found["detail"]
    with db.reading(arena_stage.engine) as session:
        assert not jobs.waiting(session), "a check that nobody waits for must not stay in the queue"


def test_no_tries_and_closed_races_are_said_before_anything_is_checked(
    api: FlaskClient, arena_stage: Stage
) -> None:
    for _ in range(arena_stage.race.max_submissions):
        arena_stage.result("ann")
    found = problem(
        api.post(submit_url(arena_stage), json={"reward_function": GOOD}, headers=auth(arena_stage)), 409
    )
    assert "5 of 5" in found["detail"]


# ---- a submission ----


def test_a_submission_tells_its_way_its_curve_and_its_laps(api: FlaskClient, arena_stage: Stage) -> None:
    submission = arena_stage.enter("ann")
    url = f"/api/v1/submissions/{submission.id}"
    assert api.get(url).get_json()["place"] == 1
    lease = arena_stage.claim(submission)
    arena_stage.train(lease)
    arena_stage.report(lease, steps=1000)
    arena_stage.report(lease, steps=2000)
    found = api.get(url).get_json()
    assert (found["state"], found["place"]) == ("training", None)
    assert [point["steps"] for point in found["curve"]] == [1000, 2000]
    arena_stage.race_and_record(lease, Pursuit())
    found = api.get(url).get_json()
    assert found["state"] == "recorded"
    assert found["official_ms"] == sum(lap["lap_time_ms"] for lap in found["laps"])
    assert api.get(found["trace_url"]).status_code == 200


def test_only_its_owner_and_organisers_read_source_and_verdict(api: FlaskClient, arena_stage: Stage) -> None:
    submission = arena_stage.enter("ann")
    arena_stage.reject(arena_stage.claim(submission), "runtime", "KeyError: 'sped'", line=2)
    url = f"/api/v1/submissions/{submission.id}"
    problem(api.get(f"{url}/source"), 401)
    for handle, may in (("ann", True), ("olga", True), ("ben", False), ("cleo", False)):
        headers = auth(arena_stage, handle)
        found = api.get(url, headers=headers).get_json()
        assert found["verdict"] == "runtime"
        assert found["message"] == ("KeyError: 'sped'" if may else None)
        source = api.get(f"{url}/source", headers=headers)
        if may:
            assert "reward_function" in source.get_json()
        else:
            problem(source, 403)


def test_cancelling_gives_the_try_back_and_twice_is_a_conflict(api: FlaskClient, arena_stage: Stage) -> None:
    url = f"/api/v1/submissions/{arena_stage.enter('ann').id}/cancel"
    problem(api.post(url, headers=auth(arena_stage, "cleo")), 403)
    assert api.post(url, headers=auth(arena_stage)).get_json()["state"] == "cancelled"
    problem(api.post(url, headers=auth(arena_stage)), 409)
