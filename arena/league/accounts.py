"""Racers, their passwords and API tokens, and teams.

Passwords are hashed with scrypt; an unknown handle costs the same time as a wrong password, so nobody can
list accounts with a stopwatch. Of a token only its SHA-256 is kept: it has 256 random bits, so it needs no
slow hash.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import select, update
from sqlalchemy.orm import Session
from werkzeug.security import check_password_hash, generate_password_hash

from arena.league import db, events
from arena.league.errors import InvalidInput, NameTaken, NotFound, WrongState
from arena.league.events import Subject
from arena.league.models import ApiToken, Racer, Season, Team
from arena.league.states import Role

HANDLE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])")
NAME_LENGTH = 60
PASSWORD_MIN_LENGTH = 10
PASSWORD_MAX_LENGTH = 256  # scrypt would hash a megabyte just as obediently
TOKEN_PREFIX = "apex_"
# A token is noted as used at most this often, so that a busy program does not write on every request.
TOKEN_USE_NOTED_EVERY = timedelta(minutes=1)


def create_racer(
    session: Session,
    *,
    handle: str,
    name: str,
    password: str | None,
    now: datetime,
    role: Role = Role.RACER,
    is_house: bool = False,
) -> Racer:
    """Create an account; without a password nobody can sign in to it (house cars).

    Raises InvalidInput (field handle, name or password) and NameTaken.
    """
    handle, name = _checked_handle(handle), checked_name("name", name)
    password_hash = None if password is None else _hashed(password)
    db.take_turn(session)
    if find_racer(session, handle):
        raise NameTaken("handle", f"The handle “{handle}” is taken. Choose another one.")
    racer = Racer(
        handle=handle, name=name, role=role, is_house=is_house, password_hash=password_hash, created_at=now
    )
    session.add(racer)
    session.flush()
    payload = {"name": name, "is_house": is_house}
    subject = Subject(None if is_house else _season_id_at(session, now), racer_id=racer.id)
    events.append(session, "racer.joined", subject, at=now, payload=payload)
    return racer


def _season_id_at(session: Session, now: datetime) -> int | None:
    """Return the season that is on, the newest of several: whose ticker tells of a newcomer."""
    on = select(Season.id).where(Season.opens_at <= now, Season.closes_at > now, Season.closed_at.is_(None))
    return session.scalar(on.order_by(Season.opens_at.desc(), Season.id.desc()).limit(1))


def ensure_account(
    session: Session, *, handle: str, name: str, password: str, role: Role, now: datetime
) -> Racer:
    """Create the account, or give the one of that handle this password and role: for the command line."""
    racer = find_racer(session, handle)
    if racer is None:
        return create_racer(session, handle=handle, name=name, password=password, role=role, now=now)
    racer.role = role
    set_password(session, racer, password, now)
    return racer


def find_racer(session: Session, handle: str) -> Racer | None:
    """Return the racer of a handle, or None."""
    return session.execute(select(Racer).where(Racer.handle == handle.strip().lower())).scalar_one_or_none()


def authenticate(session: Session, handle: str, password: str) -> Racer | None:
    """Return the racer if handle and password fit, in the same time whether or not the handle exists."""
    racer = find_racer(session, handle)
    stored = racer.password_hash if racer else None
    # Cut, not refused: a password of this length was never accepted, so it is wrong anyway.
    fits = check_password_hash(stored or _hash_of_nobody(), password[: PASSWORD_MAX_LENGTH + 1])
    return racer if fits and stored else None


def set_password(session: Session, racer: Racer, password: str, now: datetime) -> None:
    """Replace the password and revoke all tokens: whoever had the old password may have made some."""
    racer = session.get_one(Racer, racer.id)
    racer.password_hash = _hashed(password)
    session.execute(
        update(ApiToken)
        .where(ApiToken.racer_id == racer.id, ApiToken.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    events.append(session, "racer.password_changed", Subject(racer_id=racer.id), at=now)


def issue_token(session: Session, racer: Racer, label: str, now: datetime) -> str:
    """Make a token for programs and return it; this is the only moment at which it can be seen."""
    label = checked_name("label", label)
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    session.add(ApiToken(racer_id=racer.id, label=label, token_hash=_token_hash(token), created_at=now))
    events.append(session, "token.issued", Subject(racer_id=racer.id), at=now, payload={"label": label})
    return token


def racer_of_token(session: Session, token: str, now: datetime | None = None) -> Racer | None:
    """Return whose token this is, or None if unknown or revoked; with `now` its use is noted."""
    query = select(ApiToken).where(ApiToken.token_hash == _token_hash(token), ApiToken.revoked_at.is_(None))
    found = session.execute(query).scalar_one_or_none()
    if found is None:
        return None
    if now and (found.last_used_at is None or now - found.last_used_at >= TOKEN_USE_NOTED_EVERY):
        found.last_used_at = now
    return found.racer


def tokens_of(session: Session, racer: Racer) -> list[ApiToken]:
    """Return the racer's usable tokens, newest first."""
    query = select(ApiToken).where(ApiToken.racer_id == racer.id, ApiToken.revoked_at.is_(None))
    return list(session.execute(query.order_by(ApiToken.id.desc())).scalars())


def revoke_token(session: Session, racer: Racer, token_id: int, now: datetime) -> None:
    """Make one of the racer's own tokens useless at once; revoking twice is no error."""
    token = session.get(ApiToken, token_id)
    if token is None or token.racer_id != racer.id:
        raise NotFound(f"You have no token with the number {token_id}. Look at the list of your tokens.")
    if token.revoked_at is None:
        token.revoked_at = now
        payload = {"label": token.label}
        events.append(session, "token.revoked", Subject(racer_id=racer.id), at=now, payload=payload)


def create_team(session: Session, racer: Racer, *, name: str, now: datetime) -> Team:
    """Found a team with the racer as its first member; its invite_code lets others join."""
    racer = session.get_one(Racer, racer.id)
    _must_have_no_team(racer)
    name = checked_name("name", name)
    name_key = unicodedata.normalize("NFKC", name).casefold()
    db.take_turn(session)
    if session.execute(select(Team.id).where(Team.name_key == name_key)).first():
        raise NameTaken("name", f"A team called “{name}” exists already. Choose another name.")
    team = Team(name=name, name_key=name_key, invite_code=secrets.token_urlsafe(9), created_at=now)
    session.add(team)
    racer.team = team
    session.flush()
    events.append(session, "team.created", Subject(racer_id=racer.id), at=now, payload={"team": name})
    return team


def join_team(session: Session, racer: Racer, invite_code: str, now: datetime) -> Team:
    """Join the team of an invite code."""
    racer = session.get_one(Racer, racer.id)
    _must_have_no_team(racer)
    query = select(Team).where(Team.invite_code == invite_code.strip())
    team = session.execute(query).scalar_one_or_none()
    if team is None:
        raise NotFound("No team has this invite code. Ask a member for the code and copy all of it.")
    racer.team = team
    events.append(session, "team.joined", Subject(racer_id=racer.id), at=now, payload={"team": team.name})
    return team


def leave_team(session: Session, racer: Racer, now: datetime) -> None:
    """Leave the team; results stay with the racer."""
    racer = session.get_one(Racer, racer.id)
    if racer.team is None:
        raise WrongState("You are in no team, so there is none to leave.")
    payload = {"team": racer.team.name}
    racer.team = None
    events.append(session, "team.left", Subject(racer_id=racer.id), at=now, payload=payload)


def checked_name(field: str, text: str, length: int = NAME_LENGTH) -> str:
    """Return the text in one line without control characters, or raise InvalidInput."""
    text = " ".join(text.split())
    if not text:
        raise InvalidInput(field, f"The {field} is empty. Give at least one character.")
    if len(text) > length:
        raise InvalidInput(
            field, f"The {field} may have up to {length} characters, yours has {len(text)}. Shorten it."
        )
    if not text.isprintable():
        raise InvalidInput(field, f"The {field} has characters that cannot be shown. Remove them.")
    return text


def _checked_handle(handle: str) -> str:
    handle = handle.strip()
    if not HANDLE.fullmatch(handle):
        raise InvalidInput(
            "handle",
            "A handle has 2 to 32 characters: a-z, 0-9 and -, a letter or digit first and last; "
            f"“{handle[:40]}” does not fit. For example: ann-7.",
        )
    return handle


def _hashed(password: str) -> str:
    if len(password) < PASSWORD_MIN_LENGTH:
        raise InvalidInput(
            "password",
            f"A password has at least {PASSWORD_MIN_LENGTH} characters, yours has {len(password)}. "
            "Three or four words together are easy to remember.",
        )
    if len(password) > PASSWORD_MAX_LENGTH:
        raise InvalidInput(
            "password", f"A password has up to {PASSWORD_MAX_LENGTH} characters, yours has {len(password)}."
        )
    return generate_password_hash(password, method="scrypt")


def _must_have_no_team(racer: Racer) -> None:
    if racer.team is not None:
        raise WrongState(f"You are in the team “{racer.team.name}” already. Leave it first.")


def _token_hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


@cache
def _hash_of_nobody() -> str:
    return generate_password_hash(secrets.token_urlsafe(16), method="scrypt")
