"""Teams and one's own account: invite codes, tokens that are shown once."""

from __future__ import annotations

import re

from sqlalchemy import select

from arena.league import accounts, db
from arena.league.models import ApiToken, Racer
from tests.leaderboard.conftest import Visit
from tests.leaderboard.stage import Stage
from tests.leaderboard.visitor import text_of


def code_of(arena_stage: Stage, handle: str) -> str:
    with db.reading(arena_stage.engine) as session:
        team = session.get_one(Racer, arena_stage.people[handle].id).team
        assert team is not None
        return team.invite_code


def test_only_members_see_the_invite_code(visit: Visit, arena_stage: Stage) -> None:
    code = code_of(arena_stage, "ann")
    assert code in visit("ben").read("/teams")
    assert code not in visit("cleo").read("/teams")
    assert code not in visit("").read("/teams")


def test_cleo_founds_a_team_and_sam_joins_it(visit: Visit, arena_stage: Stage) -> None:
    cleo, sam = visit("cleo"), visit("sam")
    assert cleo.post("/teams", action="found", name="Kerb Riders").status_code == 302
    assert "Kerb Riders is founded." in cleo.read("/teams")
    assert sam.post("/teams", action="join", invite_code=code_of(arena_stage, "cleo")).status_code == 302
    assert "Kerb Riders Cleo Clark , Sam Stone" in sam.read("/teams")
    assert sam.post("/teams", action="leave").status_code == 302
    assert "Sam Stone" not in visit("").read("/teams")


def test_a_wrong_code_or_a_taken_name_is_told_and_kept(visit: Visit) -> None:
    cleo = visit("cleo")
    wrong = cleo.post("/teams", action="join", invite_code="nope")
    assert wrong.status_code == 422
    assert "No team has this invite code." in text_of(wrong)
    assert 'value="nope"' in wrong.text
    taken = cleo.post("/teams", action="found", name="apex")
    assert taken.status_code == 422
    assert "exists already" in text_of(taken)
    assert 'value="apex"' in taken.text


def test_a_team_form_without_an_action_is_refused(visit: Visit) -> None:
    assert visit("cleo").post("/teams").status_code == 400


def test_a_token_is_shown_once_and_works(visit: Visit, arena_stage: Stage) -> None:
    ann = visit("ann")
    answer = ann.post("/account/tokens", label="laptop")
    found = re.search(r'class="secret">([^<]+)<', answer.text)
    assert found is not None
    assert found[1] not in ann.get("/account").text
    with db.reading(arena_stage.engine) as session:
        racer = accounts.racer_of_token(session, found[1])
    assert racer is not None
    assert racer.handle == "ann"


def test_a_token_needs_a_label(visit: Visit, arena_stage: Stage) -> None:
    answer = visit("ann").post("/account/tokens", label=" ")
    assert answer.status_code == 422
    assert "label-fault" in answer.text


def test_ann_revokes_her_token_and_cleo_cannot(visit: Visit, arena_stage: Stage) -> None:
    token = arena_stage.token("ann")
    with db.reading(arena_stage.engine) as session:
        number = session.scalars(select(ApiToken.id)).one()
    assert visit("cleo").post(f"/account/tokens/{number}/revoke").status_code == 404
    assert visit("ann").post(f"/account/tokens/{number}/revoke").status_code == 302
    with db.reading(arena_stage.engine) as session:
        assert accounts.racer_of_token(session, token) is None
