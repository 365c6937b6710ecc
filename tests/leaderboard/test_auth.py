"""Signing in and out, form tokens, rate limits, headers, and where people may be sent."""

from __future__ import annotations

import re
from datetime import timedelta
from email.utils import parsedate_to_datetime

import pytest
from flask import Flask
from sqlalchemy import select

from arena.league import accounts, db
from arena.league.models import Racer
from leaderboard import create_app
from leaderboard.auth import safe_next
from leaderboard.settings import SignUp
from tests.leaderboard import stage
from tests.leaderboard.conftest import Visit
from tests.leaderboard.stage import PASSWORD, Stage
from tests.leaderboard.visitor import Visitor, text_of

NEW = {
    "name": "Dora Dunn",
    "handle": "dora",
    "password": "four words will do",
    "password_again": "four words will do",
}


def racer_of(arena_stage: Stage, handle: str) -> Racer | None:
    with db.reading(arena_stage.engine) as session:
        return session.scalar(select(Racer).where(Racer.handle == handle))


def test_ann_signs_in_and_out(visit: Visit) -> None:
    ann = visit("ann")
    assert "Ann Arbor" in ann.read("/")
    assert ann.post("/sign-out").status_code == 302
    page = ann.read("/")
    assert "You are signed out." in page
    assert "Ann Arbor" not in page


def test_signing_out_needs_a_post(visit: Visit) -> None:
    assert visit("ann").get("/sign-out").status_code == 405


@pytest.mark.parametrize(
    ("handle", "password"), [("ann", "wrong"), ("nobody", PASSWORD), ("", ""), ("house", "")]
)
def test_a_wrong_handle_or_password_is_one_and_the_same_answer(
    visit: Visit, handle: str, password: str
) -> None:
    answer = visit("").sign_in(handle, password)
    assert answer.status_code == 422
    assert "do not belong together" in text_of(answer)
    assert f'value="{handle}"' in answer.text
    assert password not in answer.text or not password


def test_a_post_without_the_form_token_is_refused(live_app: Flask) -> None:
    answer = live_app.test_client().post("/sign-in", data={"handle": "ann", "password": PASSWORD})
    assert answer.status_code == 400
    assert "The form had expired" in answer.text


@pytest.mark.parametrize("path", ["/teams", "/sign-out", "/account/tokens", "/organise/seasons/new"])
def test_no_page_takes_a_post_without_the_form_token(visit: Visit, path: str) -> None:
    assert visit("olga").client.post(path, data={}).status_code == 400


def test_a_bearer_token_opens_no_page(visit: Visit, arena_stage: Stage) -> None:
    headers = {"Authorization": f"Bearer {arena_stage.token('olga')}"}
    answer = visit("").client.post("/organise/seasons/new", data={"title": "x"}, headers=headers)
    assert answer.status_code == 302
    assert answer.location.startswith("/sign-in")


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil",
        "javascript:alert(1)",
        "evil",
        "/ x",
        "/\t/evil",
    ],
)
def test_signing_in_never_leads_away_from_the_arena(visit: Visit, target: str) -> None:
    assert visit("").sign_in("ann", target=target).location == "/"


def test_signing_in_leads_back_to_the_page_that_asked_for_it(visit: Visit, arena_stage: Stage) -> None:
    wanted = f"/races/{arena_stage.race.slug}/enter?kit=centre_line"
    sam = visit("")
    asked = sam.get(wanted)
    assert asked.status_code == 302
    assert sam.sign_in("sam", target=wanted).location == wanted


def test_safe_next_keeps_paths_with_queries(live_app: Flask) -> None:
    with live_app.test_request_context():
        assert safe_next("/races/a?page=2") == "/races/a?page=2"
        assert safe_next(None) == "/"


def test_dora_makes_an_account(visit: Visit, arena_stage: Stage) -> None:
    dora = visit("")
    answer = dora.post("/sign-up", **NEW)
    assert answer.status_code == 302
    assert "Welcome, Dora Dunn." in dora.read("/")
    racer = racer_of(arena_stage, "dora")
    assert racer is not None
    assert not racer.is_organiser
    assert racer.password_hash is not None
    assert racer.password_hash.startswith("scrypt:")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"handle": "ann"}, "ann"),
        ({"handle": "D <script>"}, "A handle has 2 to 32 characters"),
        ({"name": ""}, "Your name is missing."),
        ({"name": "x" * 61}, "may have 60 characters, this has 61"),
        ({"password": "short", "password_again": "short"}, "at least 10 characters"),
        ({"password_again": "four words will not"}, "The two passwords differ"),
    ],
)
def test_a_sign_up_at_fault_keeps_what_was_typed(
    visit: Visit, arena_stage: Stage, change: dict[str, str], sentence: str
) -> None:
    answer = visit("").post("/sign-up", **(NEW | change))
    assert answer.status_code == 422
    assert sentence in text_of(answer)
    assert "Dora" in answer.text or "name" in change
    assert "<script>" not in answer.text
    assert racer_of(arena_stage, "dora") is None


def test_nobody_signs_up_as_organiser(visit: Visit, arena_stage: Stage) -> None:
    visit("").post("/sign-up", **NEW, role="organiser")
    racer = racer_of(arena_stage, "dora")
    assert racer is not None
    assert not racer.is_organiser


def test_signing_up_by_invite_needs_the_code(arena_stage: Stage) -> None:
    app = create_app(stage.settings(arena_stage, sign_up=SignUp.INVITE, invite_code="pit-lane"))
    refused = Visitor(app).post("/sign-up", **NEW, invite_code="wrong")
    assert refused.status_code == 422
    assert "This is not the invite code." in text_of(refused)
    assert Visitor(app).post("/sign-up", **NEW, invite_code="pit-lane").status_code == 302


def test_a_closed_arena_takes_no_accounts(arena_stage: Stage) -> None:
    closed = Visitor(create_app(stage.settings(arena_stage, sign_up=SignUp.CLOSED)))
    assert "Accounts are made by the organisers." in closed.read("/sign-up")
    assert closed.post("/sign-up", **NEW).status_code == 403


def test_a_changed_password_signs_other_browsers_out(visit: Visit, arena_stage: Stage) -> None:
    here, elsewhere = visit("ann"), visit("ann")
    new = "quite another password"
    changed = here.post("/account/password", old_password=PASSWORD, password=new, password_again=new)
    assert changed.status_code == 302
    assert here.get("/account").status_code == 200
    assert elsewhere.get("/account").status_code == 302


def test_the_old_password_is_asked_for(visit: Visit, arena_stage: Stage) -> None:
    new = "quite another password"
    answer = visit("ann").post("/account/password", old_password="wrong", password=new, password_again=new)
    assert answer.status_code == 422
    assert "This is not your present password." in text_of(answer)
    with db.reading(arena_stage.engine) as session:
        assert accounts.authenticate(session, "ann", PASSWORD) is not None


def test_too_many_sign_ins_are_slowed_down(arena_stage: Stage) -> None:
    limited = create_app(stage.settings(arena_stage, rate_limits=True, sign_in_limit="3 per minute"))
    ann = Visitor(limited)
    assert [ann.sign_in("ann", "wrong").status_code for _ in range(4)] == [422, 422, 422, 429]
    answer = ann.sign_in("ann")
    assert answer.status_code == 429
    assert "Wait a minute" in text_of(answer)
    assert int(answer.headers["Retry-After"]) > 0


def test_one_persons_failures_slow_nobody_else_down(arena_stage: Stage) -> None:
    limited = create_app(stage.settings(arena_stage, rate_limits=True, sign_in_limit="1 per minute"))
    office = Visitor(limited)
    assert [office.sign_in("ann", "wrong").status_code for _ in range(2)] == [422, 429]
    assert office.sign_in("ben").status_code == 302


def test_one_address_cannot_try_one_password_on_everybody(arena_stage: Stage) -> None:
    limited = create_app(stage.settings(arena_stage, rate_limits=True, sign_in_address_limit="2 per minute"))
    guesser = Visitor(limited)
    tried = [guesser.sign_in(handle, "password1234").status_code for handle in ("ann", "ben", "cleo")]
    assert tried == [422, 422, 429]


def test_every_answer_carries_the_security_headers(visit: Visit) -> None:
    ann = visit("ann")
    for path in ("/", "/nothing-here", "/account", "/static/arena.css"):
        headers = ann.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"


def test_no_page_has_inline_scripts_or_styles(visit: Visit, arena_stage: Stage) -> None:
    olga = visit("olga")
    for path in ("/", f"/races/{arena_stage.race.slug}", "/tracks", "/organise/", "/account"):
        page = olga.get(path).text
        assert " style=" not in page, path
        assert " onclick=" not in page, path
        assert "<script>" not in page, path


def test_what_a_signed_in_person_sees_is_not_cached(visit: Visit) -> None:
    assert visit("ann").get("/account").headers["Cache-Control"] == "private, no-store"


def test_a_session_lasts_as_long_as_the_setting_says(arena_stage: Stage) -> None:
    answer = Visitor(create_app(stage.settings(arena_stage, session_days=3))).sign_in("ann")
    expires = re.search(r"Expires=([^;]+)", answer.headers["Set-Cookie"])
    assert expires is not None
    ends = parsedate_to_datetime(expires[1])
    assert timedelta(days=2, hours=23) < ends - stage.now() <= timedelta(days=3)


def test_the_session_cookie_is_out_of_reach_of_scripts_and_foreign_sites(arena_stage: Stage) -> None:
    answer = Visitor(create_app(stage.settings(arena_stage, cookie_secure=True))).get("/sign-in")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" in cookie
