"""What an operator can set, read once from the environment when the process starts.

Every setting is a field of `Settings`; its environment variable is ARENA_ and the field's name in capitals
(HOST and PORT also work without the prefix, because hosting platforms set them so). The string below a
field is its documentation. A value that cannot be used stops the start with a SettingsError which says what
was expected: a typo must not quietly become a default.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from limits import parse_many

from arena.settings import ArenaSettings

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


# Fewer could be guessed, and whoever knows the key can sign in as anybody.
MIN_SECRET_CHARACTERS = 16


class SettingsError(ValueError):
    """A setting is missing or cannot be used; the message names the variable and what it expects."""


class Mode(StrEnum):
    """How careful the web process must be: only production insists on a secret key and on HTTPS cookies."""

    PRODUCTION = "production"
    DEVELOPMENT = "development"
    DEMO = "demo"


class SignUp(StrEnum):
    """Who may make an account by themselves."""

    OPEN = "open"
    INVITE = "invite"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The web process's settings; build by hand in tests, by `from_environment` elsewhere."""

    arena: ArenaSettings
    """Database address and data folder (ARENA_DATABASE_URL, ARENA_DATA_DIR), shared with the workers."""

    secret_key: str
    """Signs sessions and form tokens. Required in production; else made once and kept in the data folder."""

    mode: Mode = Mode.PRODUCTION
    """production, development or demo."""

    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 opens the arena to the network."""

    port: int = 8000
    """TCP port to listen on."""

    async_mode: str = "gevent"
    """Socket.IO's concurrency: gevent (python -m leaderboard) or threading (tests). Never guessed."""

    title: str = "Apex Arena"
    """The name in the page header, for companies that give their league one."""

    time_zone: str = "UTC"
    """IANA zone in which organisers type times, and pages print them without JavaScript. Stored: UTC."""

    sign_up: SignUp = SignUp.OPEN
    """open: anybody makes an account; invite: with the invite code; closed: the operator makes accounts."""

    invite_code: str = ""
    """What people must type to sign up when sign_up is invite."""

    cookie_secure: bool = True
    """Send the session cookie over HTTPS only. Off by default outside production, where the address is http://localhost."""

    session_days: int = 14
    """Days until somebody who stays signed in must sign in again."""

    proxies: int = 0
    """Reverse proxies in front whose X-Forwarded-* headers are trusted; rate limits count that address."""

    rate_limit_storage: str = "memory://"
    """Where rate limits are counted; several web processes need a shared one, for example redis://host:6379."""

    rate_limits: bool = True
    """Off only for load tests."""

    sign_in_limit: str = "10 per minute; 60 per hour"
    """Sign-in attempts for one handle from one address."""

    sign_in_address_limit: str = "60 per minute; 1000 per hour"
    """Sign-in attempts from one address, whatever the handle. A whole office may share one address."""

    sign_up_limit: str = "300 per hour"
    """New accounts from one address, and new API tokens of one racer."""

    submit_limit: str = "30 per minute"
    """Entries and checks per racer."""

    api_limit: str = "300 per minute"
    """API calls per token or address."""

    max_upload_bytes: int = 1_000_000
    """Largest request body; beyond it the answer is 413. A reward function may have 140,000 characters."""

    @property
    def zone(self) -> ZoneInfo:
        """The zone of `time_zone`."""
        return ZoneInfo(self.time_zone)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read every field; raise SettingsError for a value that cannot be used."""
        env = _Environment(os.environ if environment is None else environment)
        arena = ArenaSettings.from_environment(environment)
        mode = Mode(env.choice("MODE", [member.value for member in Mode], Mode.PRODUCTION))
        sign_up = SignUp(env.choice("SIGN_UP", [member.value for member in SignUp], SignUp.OPEN))
        invite_code = env.text("INVITE_CODE", "")
        if sign_up is SignUp.INVITE and not invite_code:
            raise SettingsError(
                "ARENA_SIGN_UP is invite, so ARENA_INVITE_CODE must hold the code that people type"
            )
        return cls(
            arena=arena,
            secret_key=_secret_key(env.text("SECRET_KEY", ""), mode, arena.data_dir),
            mode=mode,
            host=env.text("HOST", "127.0.0.1", bare=True),
            port=env.integer("PORT", 8000, bare=True, minimum=0, maximum=65535),
            async_mode=env.choice("ASYNC_MODE", ["gevent", "threading"], "gevent"),
            sign_up=sign_up,
            invite_code=invite_code,
            time_zone=env.zone("TIME_ZONE", "UTC"),
            cookie_secure=env.flag("COOKIE_SECURE", mode is Mode.PRODUCTION),
            rate_limits=env.flag("RATE_LIMITS", True),
            **_plain_fields(env),
        )


def _plain_fields(env: _Environment) -> dict[str, Any]:
    """The settings that need no more than a type."""
    return {
        "title": env.text("TITLE", "Apex Arena"),
        "session_days": env.integer("SESSION_DAYS", 14, minimum=1, maximum=365),
        "proxies": env.integer("PROXIES", 0, minimum=0, maximum=10),
        "max_upload_bytes": env.integer("MAX_UPLOAD_BYTES", 1_000_000, minimum=10_000, maximum=100_000_000),
        "rate_limit_storage": env.text("RATE_LIMIT_STORAGE", "memory://"),
        "sign_in_limit": env.rate("SIGN_IN_LIMIT", "10 per minute; 60 per hour"),
        "sign_in_address_limit": env.rate("SIGN_IN_ADDRESS_LIMIT", "60 per minute; 1000 per hour"),
        "sign_up_limit": env.rate("SIGN_UP_LIMIT", "300 per hour"),
        "submit_limit": env.rate("SUBMIT_LIMIT", "30 per minute"),
        "api_limit": env.rate("API_LIMIT", "300 per minute"),
    }


@dataclass(frozen=True, slots=True)
class _Environment:
    """Typed reads of ARENA_* variables, with errors that name the variable."""

    values: Mapping[str, str]

    def text(self, name: str, default: str, *, bare: bool = False) -> str:
        found = self.values.get(f"ARENA_{name}")
        if found is None and bare:
            found = self.values.get(name)
        return default if found is None else found.strip()

    def integer(self, name: str, default: int, *, minimum: int, maximum: int, bare: bool = False) -> int:
        raw = self.text(name, str(default), bare=bare)
        try:
            number = int(raw)
        except ValueError:
            raise SettingsError(f"ARENA_{name} must be a whole number, got {raw!r}") from None
        if not minimum <= number <= maximum:
            raise SettingsError(f"ARENA_{name} must lie between {minimum} and {maximum}, got {number}")
        return number

    def flag(self, name: str, default: bool) -> bool:
        raw = self.text(name, "true" if default else "false").lower()
        if raw in _TRUE:
            return True
        if raw in _FALSE:
            return False
        raise SettingsError(f"ARENA_{name} must be true or false, got {raw!r}")

    def choice(self, name: str, allowed: list[str], default: str) -> str:
        raw = self.text(name, default).lower()
        if raw not in allowed:
            raise SettingsError(f"ARENA_{name} must be one of {', '.join(allowed)}, got {raw!r}")
        return raw

    def rate(self, name: str, default: str) -> str:
        raw = self.text(name, default)
        try:
            parse_many(raw)
        except ValueError:
            raise SettingsError(f"ARENA_{name} must be a rate limit like {default!r}, got {raw!r}") from None
        return raw

    def zone(self, name: str, default: str) -> str:
        raw = self.text(name, default)
        try:
            ZoneInfo(raw)
        except (ZoneInfoNotFoundError, ValueError):
            raise SettingsError(f"ARENA_{name} must be a zone like Europe/Berlin, got {raw!r}") from None
        return raw


def _secret_key(given: str, mode: Mode, data_dir: Path) -> str:
    """Return the given key, or the kept one of a development machine (0600). Production brings its own."""
    if len(given) >= MIN_SECRET_CHARACTERS or (given and mode is not Mode.PRODUCTION):
        return given
    if mode is Mode.PRODUCTION:
        what = f"has {len(given)} characters, too few to be a secret" if given else "is not set"
        raise SettingsError(
            f"ARENA_SECRET_KEY {what}. Make one with "
            "`python -c 'import secrets; print(secrets.token_hex(32))'` and keep it, "
            "or set ARENA_MODE=development on your own machine"
        )
    path = data_dir / "secret_key"
    data_dir.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="ascii")
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(key := secrets.token_hex(32))
    return key
