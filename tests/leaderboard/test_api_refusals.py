"""The JSON API: tokens, what organisers may open, and what bad input, strangers and faults are answered."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from leaderboard import create_app
from tests.leaderboard import stage
from tests.leaderboard.live_fixtures import api, arena_stage, grounds, live_app
from tests.leaderboard.stage import PASSWORD, Pursuit, Stage
from tests.leaderboard.test_api import auth, problem, submit_url

__all__ = ["api", "arena_stage", "grounds", "live_app"]


def test_a_token_is_its_racer_and_makes_more_tokens(api: FlaskClient, arena_stage: Stage) -> None:
    me = api.get("/api/v1/me", headers=auth(arena_stage)).get_json()
    assert me == {"handle": "ann", "name": "Ann Arbor", "team": "Apex", "is_organiser": False}
    made = api.post("/api/v1/me/tokens", json={"label": "laptop"}, headers=auth(arena_stage))
    assert made.status_code == 201
    token = made.get_json()["token"]
    assert api.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"}).get_json()["handle"] == "ann"


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Bearer apex_unknown", "Basic YTpi", "apex_x", "Bearer a b"]
)
def test_a_token_that_does_not_count_is_answered_with_401(api: FlaskClient, header: str) -> None:
    for url in ("/api/v1/me", "/api/v1/seasons"):
        answer = api.get(url, headers={"Authorization": header})
        problem(answer, 401)
        assert answer.headers["WWW-Authenticate"] == "Bearer"


ENTRIES = ("takes_agents", "takes_policies", "may_continue", "senses")


def test_organisers_open_seasons_and_races(api: FlaskClient, arena_stage: Stage) -> None:
    olga = auth(arena_stage, "olga")
    times = {"opens_at": "2026-01-01T00:00:00Z", "closes_at": "2126-01-01T00:00:00Z"}
    made = api.post("/api/v1/seasons", json={"slug": "next", "title": "Next", **times}, headers=olga)
    assert made.status_code == 201, made.text
    plan = {"slug": "next-oval", "title": "Next oval", "track": "oval", "timing": "best_lap", "laps": 2}
    race = api.post("/api/v1/seasons/next/races", json=plan, headers=olga)
    assert race.status_code == 201, race.text
    assert (race.get_json()["laps"], race.get_json()["training_steps"]) == (2, 500_000)
    assert [race.get_json()[name] for name in ENTRIES] == [False, False, True, ["vector"]]
    rules = {"takes_agents": True, "takes_policies": True, "may_continue": False}
    senses = {"senses": ["camera", "vector", "camera"]}
    other = api.post("/api/v1/seasons/next/races", json=plan | {"slug": "all"} | rules | senses, headers=olga)
    assert [other.get_json()[name] for name in ENTRIES] == [True, True, False, ["vector", "camera"]]
    problem(api.post("/api/v1/seasons/next/races", json=plan, headers=olga), 409)
    problem(api.post("/api/v1/seasons/next/races", json=plan, headers=auth(arena_stage)), 403)
    problem(api.post("/api/v1/seasons/next/races", json=plan), 401)


PLAN = {"slug": "r", "title": "R", "track": "oval"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"track": "no-such-track"}, "track"),
        ({"laps": 0}, "laps"),
        ({"laps": "three"}, "laps"),
        ({"laps": None}, "laps"),
        ({"timing": "luck"}, "timing"),
        ({"car": "tank"}, "car"),
        ({"slug": "Not a slug"}, "slug"),
        ({"title": " "}, "title"),
        ({"opens_at": "tomorrow"}, "opens_at"),
        ({"opens_at": "2026-01-01T00:00:00"}, "opens_at"),
        ({"training_steps": 10**12}, "training_steps"),
        ({"timing": "average"}, "average_laps"),
        ({"senses": []}, "senses"),
        ({"senses": ["radar"]}, "senses"),
        ({"takes_agents": "perhaps"}, "takes_agents"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_bad_plan_names_the_field(
    api: FlaskClient, arena_stage: Stage, changes: dict[str, Any], field: str
) -> None:
    answer = api.post(
        f"/api/v1/seasons/{arena_stage.season.slug}/races",
        json=PLAN | changes,
        headers=auth(arena_stage, "olga"),
    )
    assert field in problem(answer, 422)["errors"]


# ---- the edges ----


@pytest.mark.parametrize(
    ("method", "url", "status"),
    [
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/api/nothing", 404),
        ("GET", "/api/v1/races/none", 404),
        ("GET", "/api/v1/races/none/board", 404),
        ("GET", "/api/v1/races/none/replay", 404),
        ("GET", "/api/v1/seasons/none", 404),
        ("GET", "/api/v1/tracks/none", 404),
        ("GET", "/api/v1/tracks/..%2Fetc", 404),
        ("GET", "/api/v1/trials/999/trace", 404),
        ("GET", "/api/v1/trials/99999999999999999999/trace", 404),
        ("GET", "/api/v1/trials/99999999999999999999/replay", 404),
        ("GET", "/api/v1/trials/abc/trace", 404),
        ("GET", "/api/v1/submissions/none", 404),
        ("DELETE", "/api/v1/seasons", 405),
        ("PUT", "/api/v1/me", 405),
        ("GET", "/api/v1/kits/none", 404),
        ("GET", "/api/v1/races/none/board?limit=0", 422),
        ("GET", "/api/v1/races/none/board?limit=many", 422),
        ("GET", "/api/v1/races/none/board?offset=-1", 422),
        ("POST", "/api/v1/checks", 401),
    ],
)
def test_every_error_is_a_problem_document(api: FlaskClient, method: str, url: str, status: int) -> None:
    problem(api.open(url, method=method), status)


@pytest.mark.parametrize(
    ("data", "mimetype", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"3", "application/json", 400),
        (b"{}", "application/json", 422),
        (b'{"reward_function": 7}', "application/json", 422),
        (b'{"reward_function": null}', "application/json", 422),
        (b'{"reward_function": "x", "model_metadata": 7}', "application/json", 422),
        (b'{"reward_function": "x", "agent": "y"}', "application/json", 422),
        (b'{"agent": 7}', "application/json", 422),
        (b'{"policy": "CAlC"}', "application/json", 422),
        (b'{"reward_function": "x", "parent": [1]}', "application/json", 422),
        (b"def reward_function", "text/plain", 415),
        (b"<xml/>", "application/xml", 415),
        (b"\xff\xfe", "application/json", 400),
        (b"not multipart", "multipart/form-data", 422),
    ],
)
def test_a_body_that_is_no_entry_is_answered_with_what_was_expected(
    api: FlaskClient, arena_stage: Stage, data: bytes, mimetype: str, status: int
) -> None:
    headers = auth(arena_stage)
    for url in (submit_url(arena_stage), "/api/v1/checks"):
        problem(api.post(url, data=data, content_type=mimetype, headers=headers), status)


def test_an_upload_that_is_too_large_names_the_limit_and_the_size(
    api: FlaskClient, arena_stage: Stage
) -> None:
    body = b'{"reward_function": "' + b"#" * 20_000_000 + b'"}'
    answer = api.post(
        submit_url(arena_stage), data=body, content_type="application/json", headers=auth(arena_stage)
    )
    found = problem(answer, 413)
    assert found["verdict"] == "too_large"
    assert "1,000,000" in found["detail"]
    assert f"{len(body):,}" in found["detail"]


def test_a_session_needs_the_form_token_and_a_bearer_does_not(live_app: Flask, arena_stage: Stage) -> None:
    browser = live_app.test_client()
    page = browser.get("/sign-in").text
    token = page.split('name="csrf-token" content="')[1].split('"')[0]
    signed = browser.post(
        "/sign-in", data={"handle": "ann", "password": PASSWORD, "csrf_token": token}, follow_redirects=False
    )
    assert signed.status_code == 302
    found = problem(browser.post("/api/v1/me/tokens", json={"label": "x"}), 400)
    assert "X-CSRFToken" in found["detail"]
    token = browser.get("/").text.split('name="csrf-token" content="')[1].split('"')[0]
    made = browser.post("/api/v1/me/tokens", json={"label": "x"}, headers={"X-CSRFToken": token})
    assert made.status_code == 201
    problem(live_app.test_client().post("/api/v1/me/tokens", json={"label": "x"}), 401)


def test_too_many_calls_are_told_to_wait(arena_stage: Stage) -> None:
    app = create_app(stage.settings(arena_stage, rate_limits=True, api_limit="3 per minute"))
    client = app.test_client()
    answers = [client.get("/api/v1/tracks") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    problem(answers[-1], 429)
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_a_fault_of_ours_is_a_problem_without_its_inside(
    api: FlaskClient, arena_stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"/api/v1/submissions/{arena_stage.result('ann', Pursuit(top_mps=1.9)).id}"
    trial_id = api.get(url).get_json()["trial_id"]
    stored = arena_stage.artifacts.path(
        arena_stage.artifacts.put(stage.drive("oval", Pursuit(top_mps=1.9)).trace.to_bytes())
    )
    stored.write_bytes(b"damaged")
    found = problem(api.get(f"/api/v1/trials/{trial_id}/trace"), 500)
    assert str(arena_stage.folder) not in json.dumps(found)
    assert "unhandled fault" in caplog.text


def test_the_web_process_never_compiles_what_entrants_send() -> None:
    from pathlib import Path

    import leaderboard

    folder = Path(leaderboard.__file__).parent
    for path in folder.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for word in ("exec(", "eval(", "ast.parse(", " compile(", "garage.sandbox", "garage.host"):
            assert word not in text, f"{path.name} has {word}"
