"""A machine shows by attacking itself whether it holds entrants' code, or refuses it in words."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console
from sqlalchemy import Engine

from arena import probing, serve, worker
from arena.garage import lock, probe, protection, seccomp
from arena.garage.lock import Profile
from arena.garage.protection import Protection
from arena.garage.verdicts import SandboxUnavailableError
from arena.league import accounts, db
from arena.league.artifacts import ArtifactStore
from arena.pit_wall import PitWall
from arena.settings import ArenaSettings, Sandbox
from tests.conftest import NOON

pytestmark = pytest.mark.usefixtures("same_protection_afterwards")

HAS_LOCK = lock.best_profile() is not None
needs_a_lock = pytest.mark.skipif(not HAS_LOCK, reason=f"{lock.refusal()}, which test_protection.py asserts")


@needs_a_lock
@pytest.mark.parametrize("profile", Profile)
def test_every_attack_of_the_probe_is_stopped(profile: Profile) -> None:
    protection.use(Protection(profile))
    report = probe.run()
    assert [trial for trial in report.trials if not trial.passed] == []
    assert report.holds
    assert len(report.trials) > 20


@pytest.mark.skipif(platform.system() != "Linux", reason="the attacks are those of Linux")
def test_the_attacks_are_real_and_work_where_there_is_no_lock() -> None:
    protection.use(Protection(None, "a test says so"))
    report = probe.run()
    worked = {trial.name for trial in report.trials if not trial.passed}
    assert worked > {
        "read a file of the arena",
        "read the worker's environment",
        "signal the worker",
        "connect by TCP",
        "make memory executable",
        "become a program",
    }
    assert not report.holds


@needs_a_lock
def test_the_command_shows_it_and_tells_programs() -> None:
    answer = CliRunner().invoke(probing.sandbox, ["probe", "--json"])
    assert answer.exit_code == 0
    document = json.loads(answer.stdout)
    assert (document["holds"], document["profile"]) == (True, lock.best_profile())
    assert {trial["passed"] for trial in document["trials"]} == {True}


@pytest.mark.parametrize("is_offered", [lambda: True, lambda: False])
def test_ones_own_files_run_and_it_is_said_how_they_are_held(
    is_offered: Callable[[], bool], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if HAS_LOCK and not is_offered():
        monkeypatch.setattr(seccomp, "is_offered", is_offered)
    monkeypatch.setattr(probing, "messages", Console(stderr=True, width=200))
    probing.hold_own_files()
    locked = HAS_LOCK and is_offered()
    said = capsys.readouterr().err
    assert ("sandbox: locked" in said, "sandbox: local-trusted" in said) == (locked, not locked)


@pytest.mark.usefixtures("no_seccomp")
def test_without_a_lock_the_command_fails_and_shows_what_gets_through(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(probe, "ATTACKS", {"return a number": "return 1.0"})
    answer = CliRunner().invoke(probing.sandbox, ["probe"])
    assert answer.exit_code == 3
    assert "no seccomp filter" in " ".join(answer.stdout.split())
    assert "IT WORKED" in answer.stdout


PIT_WITHOUT_SECCOMP = (
    "from arena.garage import seccomp\n"
    "seccomp.is_offered = lambda: False\n"
    "from arena import pit\n"
    "pit.main()\n"
)


def test_without_a_lock_a_worker_does_not_start_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARENA_DATA_DIR", str(tmp_path))
    program = (sys.executable, "-c", PIT_WITHOUT_SECCOMP)
    defaults = PitWall.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "program", program)
    answer = CliRunner().invoke(serve.worker, [])
    assert answer.exit_code == 2  # the supervisor does not try again
    assert "Refusing to run entrant code without a lock" in answer.output
    assert "local-trusted" in answer.output


@needs_a_lock
def test_a_worker_does_not_start_where_an_attack_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "ATTACKS", {"return a number": "return 1.0"})
    with pytest.raises(SandboxUnavailableError, match=r"does not hold here: return a number \(IT WORKED\)"):
        probing.hold_entries(trusting=False)


@pytest.mark.usefixtures("no_seccomp")
def test_local_trusted_ends_with_the_second_account(engine: Engine, tmp_path: Path) -> None:
    settings = ArenaSettings(str(engine.url), tmp_path, Sandbox.LOCAL_TRUSTED)
    held = probing.hold_entries(settings.sandbox is not Sandbox.LOCKED)
    assert held.profile is None
    alone = worker.Worker(engine, ArtifactStore(tmp_path), name="alone")
    alone.serves_one_account = True
    for handle in ("first", "second"):
        assert alone.work_once() is False
        with db.transaction(engine) as session:
            accounts.create_racer(session, handle=handle, name=handle, password="correct horse", now=NOON)
    with pytest.raises(SandboxUnavailableError, match="2 accounts"):
        alone.work_once()


def test_nobody_else_may_reach_an_arena_that_trusts_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARENA_SANDBOX", "local-trusted")
    serve.require_alone("127.0.0.1")
    with pytest.raises(serve.WrongSettingError, match="others can reach"):
        serve.require_alone("0.0.0.0")
    monkeypatch.setenv("ARENA_SANDBOX", "off")
    with pytest.raises(serve.WrongSettingError, match="expected locked or local-trusted"):
        serve.require_alone("127.0.0.1")


@needs_a_lock
def test_where_a_lock_works_it_is_used_although_code_is_trusted() -> None:
    assert probing.hold_entries(trusting=True).profile is lock.best_profile()
