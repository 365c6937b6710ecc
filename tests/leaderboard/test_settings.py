"""Settings are read once, typed, documented, and refuse what cannot be meant."""

from __future__ import annotations

import ast
import inspect
import stat
from dataclasses import fields
from itertools import pairwise
from pathlib import Path

import pytest

from leaderboard import settings
from leaderboard.settings import Mode, Settings, SettingsError, SignUp


def environment(folder: Path, **more: str) -> dict[str, str]:
    return {"ARENA_DATA_DIR": str(folder), "ARENA_SECRET_KEY": "k" * 32, **more}


def test_production_is_the_careful_default(tmp_path: Path) -> None:
    read = Settings.from_environment(environment(tmp_path))
    assert (read.mode, read.cookie_secure, read.host, read.port) == (Mode.PRODUCTION, True, "127.0.0.1", 8000)
    assert read.arena.data_dir == tmp_path


def test_production_insists_on_a_secret_key(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="has 6 characters, too few to be a secret"):
        Settings.from_environment({"ARENA_DATA_DIR": str(tmp_path), "ARENA_SECRET_KEY": "secret"})
    with pytest.raises(SettingsError, match="ARENA_SECRET_KEY is not set"):
        Settings.from_environment({"ARENA_DATA_DIR": str(tmp_path)})


@pytest.mark.parametrize("mode", ["development", "demo"])
def test_elsewhere_a_key_is_made_once_and_kept_private(tmp_path: Path, mode: str) -> None:
    env = {"ARENA_DATA_DIR": str(tmp_path / "new"), "ARENA_MODE": mode}
    first, second = Settings.from_environment(env), Settings.from_environment(env)
    assert first.secret_key == second.secret_key
    assert len(first.secret_key) == 64
    assert stat.S_IMODE((tmp_path / "new" / "secret_key").stat().st_mode) == 0o600
    assert not first.cookie_secure


def test_host_and_port_work_without_prefix_and_the_prefix_wins(tmp_path: Path) -> None:
    read = Settings.from_environment(environment(tmp_path, HOST="0.0.0.0", PORT="9000", ARENA_PORT="9001"))
    assert (read.host, read.port) == ("0.0.0.0", 9001)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("ARENA_MODE", "prod", "must be one of production, development, demo"),
        ("ARENA_PORT", "http", "must be a whole number"),
        ("ARENA_PORT", "70000", "must lie between 0 and 65535"),
        ("ARENA_COOKIE_SECURE", "maybe", "must be true or false"),
        ("ARENA_TIME_ZONE", "Berlin", "must be a zone like Europe/Berlin"),
        ("ARENA_TIME_ZONE", "../etc/passwd", "must be a zone like Europe/Berlin"),
        ("ARENA_SIGN_UP", "invite", "ARENA_INVITE_CODE must hold the code"),
        ("ARENA_ASYNC_MODE", "eventlet", "must be one of gevent, threading"),
        ("ARENA_SUBMIT_LIMIT", "often", "must be a rate limit like"),
    ],
)
def test_a_value_that_cannot_be_used_stops_the_start(
    tmp_path: Path, name: str, value: str, message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        Settings.from_environment(environment(tmp_path, **{name: value}))


def test_sign_up_by_invite(tmp_path: Path) -> None:
    read = Settings.from_environment(environment(tmp_path, ARENA_SIGN_UP="invite", ARENA_INVITE_CODE="pit"))
    assert (read.sign_up, read.invite_code) == (SignUp.INVITE, "pit")


def test_every_setting_is_documented() -> None:
    tree = ast.parse(inspect.getsource(settings))
    body = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Settings").body
    documented = {
        node.target.id
        for node, following in pairwise(body)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
        and isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
    }  # fmt: skip
    assert documented == {field.name for field in fields(Settings)}


def test_every_setting_can_be_set_from_the_environment(tmp_path: Path) -> None:
    changed = {
        "MODE": "demo", "HOST": "::1", "PORT": "1", "ASYNC_MODE": "threading", "TITLE": "Cup",
        "TIME_ZONE": "Asia/Tokyo",
        "SIGN_UP": "closed", "INVITE_CODE": "x", "COOKIE_SECURE": "yes", "SESSION_DAYS": "3", "PROXIES": "1",
        "RATE_LIMIT_STORAGE": "redis://h", "RATE_LIMITS": "off", "SIGN_IN_LIMIT": "1 per day",
        "SIGN_IN_ADDRESS_LIMIT": "5 per day",
        "SIGN_UP_LIMIT": "2 per day", "SUBMIT_LIMIT": "3 per day", "API_LIMIT": "4 per day",
        "MAX_UPLOAD_BYTES": "50000",
    }  # fmt: skip
    usual = Settings.from_environment(environment(tmp_path))
    read = Settings.from_environment(
        environment(tmp_path, **{f"ARENA_{name}": v for name, v in changed.items()})
    )
    names = {field.name for field in fields(Settings)} - {"arena", "secret_key"}
    assert names == {name.lower() for name in changed}
    for name in names - {"cookie_secure"}:
        assert getattr(read, name) != getattr(usual, name), name
