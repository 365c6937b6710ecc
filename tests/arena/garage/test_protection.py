"""Locked or not at all; unlocked only where a person says that the code is their own."""

from __future__ import annotations

import os

import pytest

from arena.garage import lock, protection, seccomp
from arena.garage.lock import Profile
from arena.garage.protection import Protection
from arena.garage.sandbox import RewardSandbox
from arena.garage.verdicts import SandboxError, SandboxUnavailableError
from simulator.track import Track

pytestmark = pytest.mark.usefixtures("same_protection_afterwards")

GOOD = "def reward_function(params):\n    return 1.0\n"


@pytest.mark.usefixtures("no_seccomp")
def test_without_seccomp_nothing_runs_and_the_text_says_what_to_do(oval: Track) -> None:
    with pytest.raises(SandboxUnavailableError, match=r"no seccomp filter.*needed: Linux.*local-trusted"):
        RewardSandbox(GOOD, oval, 1).__enter__()
    with pytest.raises(SandboxUnavailableError):
        protection.settle()


@pytest.mark.usefixtures("no_seccomp")
def test_without_seccomp_trusted_code_runs_and_is_called_so(oval: Track) -> None:
    protection.trust_local_code()
    held = protection.settle()
    assert held.profile is None
    assert "WITHOUT a lock" in held.sentence
    with RewardSandbox(GOOD, oval, 1) as reward:
        assert reward.digest


def test_without_landlock_the_strict_profile_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    if lock.best_profile() is None:
        assert "no seccomp filter" in lock.refusal()
        return
    monkeypatch.setattr("arena.garage.landlock.abi", lambda: 0)
    assert protection.settle() == Protection(Profile.STRICT)


def test_a_kernel_that_promises_more_than_it_holds_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pretended Landlock fails in the zygote, which asks again; the strict profile takes its place."""
    if lock.best_profile() is None:
        return
    tried: list[Profile | None] = []

    def fails_at_first() -> None:
        tried.append(protection.current().profile)
        if tried == [Profile.READING]:
            raise SandboxUnavailableError("Landlock: Function not implemented")

    monkeypatch.setattr("arena.garage.child.proves_to_be_locked", fails_at_first)
    monkeypatch.setattr("arena.garage.landlock.abi", lambda: 1)
    assert protection.settle().profile is Profile.STRICT
    assert tried == [Profile.READING, Profile.STRICT]


def test_this_machine_has_a_lock_when_it_is_the_one_of_the_checks() -> None:
    """On CI a kernel without the lock is named here, instead of tests that silently do less."""
    if os.environ.get("CI") == "true" and os.uname().sysname == "Linux" and seccomp.is_known_machine():
        assert lock.best_profile() or not seccomp.is_offered(), lock.refusal()
    assert isinstance(SandboxUnavailableError("x"), SandboxError)
