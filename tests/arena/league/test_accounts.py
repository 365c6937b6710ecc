"""Accounts, passwords, tokens, teams."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.security import check_password_hash

from arena.league import accounts, events
from arena.league.errors import InvalidInput, NameTaken, NotFound, WrongState
from arena.league.models import ApiToken, Racer
from arena.league.states import Role
from tests.conftest import PASSWORD, Cast, Clock


def test_ann_signs_in_with_her_password_only(session: Session, cast: Cast) -> None:
    found = accounts.authenticate(session, "ann", PASSWORD)
    assert found is not None
    assert found.id == cast.ann.id
    assert accounts.authenticate(session, " ANN ", PASSWORD) is not None
    assert accounts.authenticate(session, "ann", "wrong password") is None


def test_nobody_signs_in_as_a_house_car_or_as_nobody(session: Session, cast: Cast) -> None:
    assert accounts.authenticate(session, "house", "") is None
    assert accounts.authenticate(session, "nobody", PASSWORD) is None


def test_an_unknown_handle_is_hashed_like_a_known_one(
    session: Session, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = []

    def counting(stored: str, password: str) -> bool:
        checked.append(stored.split("$")[0])
        return check_password_hash(stored, password)

    monkeypatch.setattr(accounts, "check_password_hash", counting)
    for handle in ("ann", "nobody", "house"):
        accounts.authenticate(session, handle, "wrong password")
    assert len(checked) == 3
    assert len(set(checked)) == 1


@pytest.mark.parametrize("handle", ["a", "Ann", "ann b", "-ann", "ann-", "änn", "a" * 33, "", "ann\n"])
def test_handles_that_do_not_fit_are_refused(session: Session, now: datetime, handle: str) -> None:
    if handle.strip() != handle:
        handle += "x"
    with pytest.raises(InvalidInput) as refusal:
        accounts.create_racer(session, handle=handle, name="Ann", password=PASSWORD, now=now)
    assert refusal.value.field == "handle"


@pytest.mark.parametrize("name", ["", "  ", "a" * 61, "a\x00b", "a\u202eb"])
def test_names_that_do_not_fit_are_refused(session: Session, now: datetime, name: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        accounts.create_racer(session, handle="ann", name=name, password=PASSWORD, now=now)
    assert refusal.value.field == "name"


@pytest.mark.parametrize("password", ["", "short", "a" * 9, "a" * 257])
def test_passwords_that_do_not_fit_are_refused(session: Session, now: datetime, password: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        accounts.create_racer(session, handle="ann", name="Ann", password=password, now=now)
    assert refusal.value.field == "password"
    assert str(len(password)) in refusal.value.message


def test_a_handle_is_given_once(session: Session, cast: Cast, now: datetime) -> None:
    with pytest.raises(NameTaken, match="ann"):
        accounts.create_racer(session, handle="ann", name="Another Ann", password=PASSWORD, now=now)


def test_passwords_are_stored_as_scrypt(password_hash: str) -> None:
    assert password_hash.startswith("scrypt:")


def test_a_token_works_until_it_is_revoked(session: Session, cast: Cast, clock: Clock) -> None:
    ann = session.get_one(Racer, cast.ann.id)
    token = accounts.issue_token(session, ann, "laptop", clock.now)
    assert token.startswith("apex_")
    assert accounts.racer_of_token(session, token) is ann
    [stored] = accounts.tokens_of(session, ann)
    accounts.revoke_token(session, ann, stored.id, clock.tick())
    assert accounts.racer_of_token(session, token) is None
    assert accounts.tokens_of(session, ann) == []


def test_only_the_hash_of_a_token_is_stored(session: Session, cast: Cast, now: datetime) -> None:
    token = accounts.issue_token(session, session.get_one(Racer, cast.ann.id), "laptop", now)
    stored = session.execute(select(ApiToken)).scalar_one()
    assert token.removeprefix("apex_") not in str(vars(stored))
    log = [entry.as_json() for entry in events.read_after(session, 0)]
    assert token not in str(log)


def test_the_use_of_a_token_is_noted_once_a_minute(session: Session, cast: Cast, clock: Clock) -> None:
    ann = session.get_one(Racer, cast.ann.id)
    token = accounts.issue_token(session, ann, "laptop", clock.now)
    [stored] = accounts.tokens_of(session, ann)
    noted = []
    for seconds in (0, 30, 31):
        accounts.racer_of_token(session, token, clock.tick(seconds))
        noted.append(stored.last_used_at)
    assert noted[0] == noted[1]
    assert noted[2] == clock.now


def test_cleo_cannot_revoke_anns_token(session: Session, cast: Cast, now: datetime) -> None:
    ann, cleo = (session.get_one(Racer, person.id) for person in (cast.ann, cast.cleo))
    token = accounts.issue_token(session, ann, "laptop", now)
    [stored] = accounts.tokens_of(session, ann)
    with pytest.raises(NotFound):
        accounts.revoke_token(session, cleo, stored.id, now)
    assert accounts.racer_of_token(session, token) is ann


def test_a_new_password_ends_the_old_one_and_all_tokens(session: Session, cast: Cast, now: datetime) -> None:
    ann = session.get_one(Racer, cast.ann.id)
    token = accounts.issue_token(session, ann, "laptop", now)
    accounts.set_password(session, ann, "a new long password", now)
    assert accounts.authenticate(session, "ann", PASSWORD) is None
    assert accounts.authenticate(session, "ann", "a new long password") is ann
    assert accounts.racer_of_token(session, token) is None


def test_ensuring_an_account_creates_it_or_renews_it(session: Session, now: datetime) -> None:
    first = accounts.ensure_account(
        session, handle="dora", name="Dora", password=PASSWORD, role=Role.RACER, now=now
    )
    again = accounts.ensure_account(
        session, handle="dora", name="dora", password="another password", role=Role.ORGANISER, now=now
    )
    assert again is first
    assert (again.name, again.role) == ("Dora", Role.ORGANISER)
    assert accounts.authenticate(session, "dora", "another password") is first


def test_ben_is_on_anns_team(session: Session, cast: Cast) -> None:
    ann, ben = (session.get_one(Racer, person.id) for person in (cast.ann, cast.ben))
    assert ann.team is not None
    assert [member.handle for member in ann.team.members] == ["ann", "ben"]
    assert ben.team is ann.team


def test_a_team_is_joined_only_with_its_code(session: Session, cast: Cast, now: datetime) -> None:
    cleo = session.get_one(Racer, cast.cleo.id)
    with pytest.raises(NotFound, match="invite code"):
        accounts.join_team(session, cleo, "guessed", now)
    assert cleo.team is None


def test_nobody_is_in_two_teams(session: Session, cast: Cast, now: datetime) -> None:
    ann = session.get_one(Racer, cast.ann.id)
    with pytest.raises(WrongState, match="Leave it first"):
        accounts.create_team(session, ann, name="Second", now=now)
    accounts.leave_team(session, ann, now)
    assert accounts.create_team(session, ann, name="Second", now=now).members == [ann]


def test_team_names_differ_by_more_than_their_letters_size(
    session: Session, cast: Cast, now: datetime
) -> None:
    with pytest.raises(NameTaken):
        accounts.create_team(session, session.get_one(Racer, cast.cleo.id), name="aPEX", now=now)


def test_people_that_were_loaded_elsewhere_are_changed_here(
    session: Session, cast: Cast, now: datetime
) -> None:
    """A verb that got an object of a closed session must not forget its change."""
    accounts.leave_team(session, cast.ann, now)
    accounts.set_password(session, cast.ann, "a new long password", now)
    session.commit()
    assert session.get_one(Racer, cast.ann.id).team is None
    assert accounts.authenticate(session, "ann", "a new long password") is not None
