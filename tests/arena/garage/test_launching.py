"""Children are born quickly, locked before they read anything, and leave nothing behind, however it ends."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from arena.garage import launching, lock, protection, workplace
from arena.garage.child import Child, proves_to_be_locked
from arena.garage.limits import Allowance, Limits
from arena.garage.lock import Profile
from arena.garage.protection import Protection
from arena.garage.sandbox import RewardSandbox
from arena.garage.verdicts import EntrantFault, SandboxError, SandboxUnavailableError
from simulator.params import COLUMNS
from simulator.track import Track

LOCKS = lock.best_profile() is not None
needs_a_lock = pytest.mark.skipif(not LOCKS, reason=f"{lock.refusal()}, which test_protection.py asserts")
GOOD = "def reward_function(params):\n    return 1.0\n"
READY = Allowance(20.0, 20.0)


@pytest.fixture(autouse=True)
def same_protection_afterwards() -> Iterator[None]:
    yield
    protection.use(None)


def one_reward(track: Track, source: str = GOOD) -> float:
    with RewardSandbox(source, track, 1) as reward:
        return float(reward(np.zeros((1, len(COLUMNS))), np.zeros(1, np.int64))[0])


def status_of(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def call_until_it_fails(reward: RewardSandbox) -> None:
    for _ in range(1000):
        reward(np.zeros((1, len(COLUMNS))), np.zeros(1, np.int64))
        time.sleep(0.01)


def children_of(pid: int) -> list[int]:
    """Return the living processes whose parent is `pid`."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            status = status_of(int(entry.name))
        except OSError:
            continue
        if int(status["PPid"]) == pid and status["State"][0] != "Z":
            found.append(int(entry.name))
    return found


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10.0
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@needs_a_lock
def test_on_linux_children_are_locked_by_default() -> None:
    assert protection.current().profile is lock.best_profile()


@needs_a_lock
@pytest.mark.parametrize("profile", Profile)
def test_a_child_is_locked_before_it_says_a_word(profile: Profile) -> None:
    protection.use(Protection(profile))
    with Child(Limits()) as child:
        child.exchange(b"", READY)
        child.require_lock()
        status = status_of(child.pid)
    assert (status["Seccomp"], status["NoNewPrivs"], status["Threads"]) == ("2", "1", "1")
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0


@needs_a_lock
def test_a_child_starts_in_a_few_milliseconds() -> None:
    proves_to_be_locked()
    times_s = []
    for _ in range(15):
        began = time.perf_counter()
        with Child(Limits()) as child:
            child.exchange(b"", READY)
            times_s.append(time.perf_counter() - began)
    assert statistics.median(times_s) < 0.2, times_s  # a machine that others use; the benchmark is exact


@needs_a_lock
def test_an_unlocked_child_gets_no_line_of_source(oval: Track, monkeypatch: pytest.MonkeyPatch) -> None:
    launch = launching.launch
    monkeypatch.setattr(  # a child without a lock where a locked one was asked for
        "arena.garage.child.launch", lambda _, *arguments: launch(Protection(None), *arguments)
    )
    with pytest.raises(SandboxUnavailableError, match="not locked"):
        one_reward(oval, "import os\nos._exit(3)\n" + GOOD)


@needs_a_lock
def test_a_lock_that_fails_runs_nothing(oval: Track) -> None:
    proves_to_be_locked()
    limits = Limits(open_files=-5)  # what setrlimit refuses stands for any step that fails
    with pytest.raises(SandboxUnavailableError, match=r"unavailable: LockError: limits.*Nothing was run"):
        RewardSandbox(GOOD, oval, 1, limits=limits).__enter__()
    assert one_reward(oval) == 1.0


@needs_a_lock
def test_a_dead_zygote_is_replaced(oval: Track) -> None:
    with RewardSandbox(GOOD, oval, 1) as reward:
        parent = int(status_of(reward.pid)["PPid"])
        os.kill(parent, signal.SIGKILL)
        with pytest.raises(SandboxError, match="killed from outside"):
            call_until_it_fails(reward)
    assert one_reward(oval) == 1.0


@needs_a_lock
def test_a_killed_spare_child_is_replaced(oval: Track) -> None:
    with RewardSandbox(GOOD, oval, 1) as reward:
        parent = int(status_of(reward.pid)["PPid"])
        wait_until(lambda: len(children_of(parent)) == 2)
        (spare,) = set(children_of(parent)) - {reward.pid}
        os.kill(spare, signal.SIGKILL)
        wait_until(lambda: spare not in children_of(parent))
        assert one_reward(oval) == 1.0
        assert int(status_of(reward.pid)["PPid"]) == parent


@needs_a_lock
def test_the_zygote_knows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    launching.close_zygotes()
    monkeypatch.setenv("ARENA_SECRET", "swordfish")
    with Child(Limits()) as child:
        child.exchange(b"", READY)
        parent = Path("/proc") / status_of(child.pid)["PPid"]
        if os.access(parent / "environ", os.R_OK):  # it is undumpable: only root may look
            assert b"swordfish" not in (parent / "environ").read_bytes()
            assert "swordfish" not in (parent / "cmdline").read_text()


@needs_a_lock
def test_several_threads_share_one_zygote(oval: Track) -> None:
    answers: list[float] = []
    threads = [threading.Thread(target=lambda: answers.append(one_reward(oval))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [1.0] * 6


KILLED_PARENT = """
import sys, time
from arena.garage.child import Child
from arena.garage.limits import Allowance, Limits
child = Child(Limits())
child.exchange(b"", Allowance(20, 20))
print(child.pid, flush=True)
time.sleep(60)
"""


@needs_a_lock
def test_nothing_outlives_a_killed_parent(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", KILLED_PARENT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        zygote = int(status_of(child)["PPid"])
        process.kill()
    deadline = time.monotonic() + 10.0
    while any(Path(f"/proc/{pid}").exists() and status_of(pid)["State"][0] != "Z" for pid in (child, zygote)):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_next_process_removes_the_folders_of_killed_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    orphan, full = tmp_path / f"{workplace.PREFIX}orphan", tmp_path / f"{workplace.PREFIX}full"
    orphan.mkdir()
    full.mkdir()
    (full / "somebody's").touch()
    living = workplace._make()
    workplace.sweep()
    assert not orphan.exists()
    assert full.exists()
    assert living.path.exists()
    living.remove()
    assert not living.path.exists()


def test_where_local_code_is_trusted_a_child_needs_no_lock(oval: Track) -> None:
    protection.use(Protection(None, "a test says so"))
    assert one_reward(oval) == 1.0
    with pytest.raises(EntrantFault, match="exit status 7"):
        one_reward(oval, "import os\ndef reward_function(params): os._exit(7)\n")
    with RewardSandbox(GOOD, oval, 1) as reward:
        os.kill(reward.pid, signal.SIGKILL)
        with pytest.raises(SandboxError, match="killed from outside"):
            reward(np.zeros((1, len(COLUMNS))), np.zeros(1, np.int64))
